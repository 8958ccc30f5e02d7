package indicator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/desk"
	"deskbell/storage"
)

// bench is an indicator on fakes, running.
type bench struct {
	*Indicator
	t       *testing.T
	log     *fakeLog
	cursor  *fakeCursor
	board   *fakeBoard
	conds   atomic.Int32 // how often the conditions were looked at: once for each turn of the loop
	changes atomic.Int32
	shown   chan time.Duration
	logged  bytes.Buffer // to be read after stop
	cond    atomic.Pointer[Conditions]
	stop    func()
}

func testConfig() Config {
	return Config{Desk: desk.Config{AckLasts: 10 * time.Minute, WaitAtMost: 2 * time.Hour}, Outputs: lampAndBuzzer, Rules: Builtin(),
		Inputs: []Input{{Name: "ack"}, {Name: "kiosk", Lock: true}}}
}

// start makes an indicator over a log and what a cursor kept, and runs it. It must be called in a synctest bubble.
func start(t *testing.T, l *fakeLog, k kept) *bench {
	t.Helper()
	b := &bench{t: t, log: l, cursor: &fakeCursor{from: k}, board: newFakeBoard(), shown: make(chan time.Duration, 1000)}
	c := testConfig()
	c.Conditions = func() Conditions {
		b.conds.Add(1)
		if c := b.cond.Load(); c != nil {
			return *c
		}
		return Conditions{}
	}
	c.Changed = func() { b.changes.Add(1) }
	c.Shown = func(d time.Duration) { b.shown <- d }
	c.Log = slog.New(slog.NewTextHandler(&b.logged, nil))
	var err error
	b.Indicator, err = create(c, l, b.cursor, fakeDecoder{}, b.board)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.stop = func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
	return b
}

// pass lets time go on.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) want(what string) {
	b.t.Helper()
	var got []string
	for _, o := range b.Snapshot().Outputs {
		got = append(got, strings.TrimSuffix(o.Pattern+": "+o.Reason, ": "))
	}
	if got := strings.Join(got, " | "); got != what {
		b.t.Errorf("the outputs are\n     %q,\nwant %q", got, what)
	}
}

func (b *bench) wantTold(lines ...string) {
	b.t.Helper()
	if got := b.board.told(); !slices.Equal(got, lines) {
		b.t.Errorf("the board was told\n     %q,\nwant %q", got, lines)
	}
}

func TestHandoverStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.wantTold("0s lamp off", "0s buzzer off")
		pass(sec)
		b.log.add(created("bot"))
		synctest.Wait()
		b.want("blink: new conversation | off")
		pass(sec)
		b.log.add(asks())
		pass(sec)
		b.log.add(passed("team"))
		synctest.Wait()
		b.want("pulse: somebody waits | chirp: a person is asked for")
		pass(10 * sec)
		b.want("pulse: somebody waits | off")
		b.log.add(passed("user"))
		pass(10 * sec)
		b.log.add(answers())
		pass(10 * sec)
		b.want("off | off")
		b.log.add(closes())
		pass(10 * sec)
		b.want("off | off")
		b.wantTold("1s lamp blink", "3s lamp pulse", "3s buzzer chirp", "4s buzzer off", "23s lamp off")
		if s := b.Snapshot().Desk; s.Open != 0 || len(s.Conversations) != 1 || s.Conversations[0].LastMessage != "visitor: Hi" {
			t.Errorf("the desk is %+v", s)
		}
	})
}

func TestNobodyComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.log.add(created("none"))
		pass(2*time.Hour + min1)
		b.want("off | off") // wait_at_most
		told := b.board.told()
		doubles := slices.DeleteFunc(told, func(s string) bool { return !strings.HasSuffix(s, "buzzer double") })
		if len(doubles) != 118 || doubles[0] != "2m0s buzzer double" {
			t.Errorf("it sounded %d times, first %v", len(doubles), doubles[:1])
		}
	})
}

func TestAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.log.add(created("team"))
		pass(5 * sec)
		if err := b.Acknowledge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b.cursor.commits != 1 || b.cursor.now().position != 1 {
			t.Error("it is not durable on return")
		}
		b.want("on: acknowledged | off")
		if s := b.Snapshot().Desk; s.Waiting != 0 || s.Acknowledged != 1 {
			t.Errorf("the desk is %+v", s)
		}
		pass(10 * min1)
		b.want("pulse: somebody waits | double: still waiting")
		pass(5 * sec)
		saved := b.cursor.count()
		b.cursor.err = errors.New("no disk")
		if err := b.Acknowledge(t.Context()); !errors.Is(err, b.cursor.err) {
			t.Errorf("the error is %v", err)
		}
		b.want("on: acknowledged | off") // the person is heard all the same
		if b.cursor.count() != saved+1 {
			t.Error("it is not given to the cursor once more, for when the disk is back")
		}
	})
}

func TestCommandDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.saving <- struct{}{} // the disk hangs in somebody's commit
		ctx, cancel := context.WithTimeout(t.Context(), sec)
		defer cancel()
		if err := b.Mute(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		b.log.add(created("team"))
		synctest.Wait()
		b.want("pulse: somebody waits | chirp: a person is asked for")
		turns := b.conds.Load()
		pass(10 * sec)
		if n := b.conds.Load() - turns; n > 2 {
			t.Errorf("the loop turns %d times while it cannot save", n)
		}
		<-b.saving
	})
}

func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		if err := b.Mute(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.want("off: muted | off: muted")
		want := time.Now().Add(DefaultMute)
		if s := b.Snapshot(); !s.MutedUntil.Equal(want) || !s.Desk.MutedUntil.Equal(want) {
			t.Errorf("muted until %v, want %v", s.MutedUntil, want)
		}
		b.log.add(created("team"))
		pass(sec)
		b.want("pulse: somebody waits (muted) | off: muted")
		pass(DefaultMute)
		if s := b.Snapshot(); !s.MutedUntil.IsZero() || s.Desk.MutedUntil != nil {
			t.Errorf("muted until %v", s.MutedUntil)
		}
		if err := b.Mute(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := b.Unmute(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(2 * sec)
		b.want("pulse: somebody waits | off")
		for _, d := range []time.Duration{-1, MaxDuration + 1} {
			if err := b.Mute(t.Context(), d); !errors.Is(err, ErrBadDuration) {
				t.Errorf("mute for %v: %v", d, err)
			}
		}
	})
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		name          string
		output        string
		setting       Setting
		first, later  string // what all outputs show at once, and after 10 s
		afterNextWait string
	}{
		{"off stands until the next wait begins, so it never silences a later guest", "lamp", Setting{Pattern: "off"},
			"off: set by hand | off", "off: set by hand | off", "pulse: somebody waits | chirp: a person is asked for"},
		{"with a time it ends then", "lamp", Setting{Pattern: "fast", For: 10 * sec}, "fast: set by hand | off", "on: acknowledged | off",
			"pulse: somebody waits | chirp: a person is asked for"},
		{"with a longer time the next wait ends it as well", "lamp", Setting{Pattern: "fast", For: time.Hour}, "fast: set by hand | off", "fast: set by hand | off",
			"pulse: somebody waits | chirp: a person is asked for"},
		{"a buzzer sounds once", "buzzer", Setting{Pattern: "double"}, "on: acknowledged | double: set by hand", "on: acknowledged | off",
			"pulse: somebody waits | chirp: a person is asked for"},
		{"an alarm goes on", "buzzer", Setting{Pattern: "alarm"}, "on: acknowledged | alarm: set by hand", "on: acknowledged | alarm: set by hand",
			"pulse: somebody waits | chirp: a person is asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, newFakeLog(), kept{})
				defer b.stop()
				b.log.add(created("team"))
				synctest.Wait()
				if err := b.Acknowledge(t.Context()); err != nil {
					t.Fatal(err)
				}
				pass(5 * sec)
				if err := b.Set(t.Context(), c.output, c.setting); err != nil {
					t.Fatal(err)
				}
				b.want(c.first)
				pass(10 * sec)
				b.want(c.later)
				b.log.add(of("another", created("team")))
				synctest.Wait()
				b.want(c.afterNextWait)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		for _, err := range []error{b.Set(t.Context(), "lamp", Setting{Pattern: "on"}), b.Set(t.Context(), "lamp", Setting{Auto: true})} {
			if err != nil {
				t.Error(err)
			}
		}
		b.want("off | off") // AUTO gives it back
		if err := b.Set(t.Context(), "bell", Setting{Pattern: "on"}); !errors.Is(err, ErrUnknownOutput) {
			t.Errorf("an unknown output: %v", err)
		}
		if err := b.Set(t.Context(), "lamp", Setting{Pattern: "waltz"}); !errors.Is(err, ErrUnknownPattern) {
			t.Errorf("an unknown pattern: %v", err)
		}
		if err := b.Set(t.Context(), "lamp", Setting{Pattern: "on", For: -1}); !errors.Is(err, ErrBadDuration) {
			t.Errorf("a negative time: %v", err)
		}
	})
}

func TestTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.board.told()
		commits := b.cursor.commits
		for _, o := range []string{"lamp", "buzzer"} {
			if err := b.Test(t.Context(), o, "", 0); err != nil {
				t.Fatal(err)
			}
		}
		b.wantTold("0s lamp blink", "0s buzzer chirp") // on return
		b.want("blink: test | chirp: test")
		pass(DefaultTest)
		b.want("off | off")
		if err := b.Test(t.Context(), "lamp", "pulse", 10*sec); err != nil {
			t.Fatal(err)
		}
		pass(10*sec - 1)
		b.want("pulse: test | off")
		pass(1)
		b.want("off | off")
		if b.cursor.commits != commits || b.cursor.count() != 0 {
			t.Error("a test writes something")
		}
		for _, err := range []error{b.Test(t.Context(), "bell", "", 0), b.Test(t.Context(), "lamp", "waltz", 0), b.Test(t.Context(), "lamp", "", -1)} {
			if !errors.Is(err, ErrUnknownOutput) && !errors.Is(err, ErrUnknownPattern) && !errors.Is(err, ErrBadDuration) {
				t.Errorf("the error is %v", err)
			}
		}
	})
}

func TestRunAgainShowsEverythingAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		b.log.add(created("team"))
		pass(2 * sec)
		b.stop()
		b.board.told() // meanwhile the board has turned everything off
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		synctest.Wait()
		b.wantTold("2s lamp pulse", "2s buzzer off")
		b.step(b.log.records) // a record given twice counts once
		b.want("pulse: somebody waits | off")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunEndsWithAnErrorOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		b := start(t, l, kept{})
		b.stop()
		l.fail(fmt.Errorf("no %w", storage.ErrClosed))
		if err := b.Run(t.Context()); !errors.Is(err, storage.ErrClosed) || !strings.HasPrefix(err.Error(), "read the log: ") {
			t.Errorf("the error is %v", err)
		}
	})
}
