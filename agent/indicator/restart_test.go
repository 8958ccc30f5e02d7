package indicator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// story is what happens to two guests, a step each 700 ms.
var story = []func(b *bench) error{
	add(func() event.Event { return created("bot") }),
	add(asks),
	add(func() event.Event { return of("other", created("none")) }),
	add(func() event.Event { return passed("team") }),
	add(func() event.Event { return passed("user") }),
	func(b *bench) error { return b.Mute(b.t.Context(), time.Hour) },
	add(func() event.Event { return of("other", passed("bot")) }),
	func(b *bench) error { return b.Acknowledge(b.t.Context()) },
	add(answers),
	add(asks),
	add(func() event.Event { return of("other", passed("team")) }),
	func(b *bench) error {
		return b.Set(b.t.Context(), "lamp", Setting{Pattern: "fast", For: 10 * min1})
	},
	add(closes),
}

func add(e func() event.Event) func(b *bench) error {
	return func(b *bench) error { b.log.add(e()); return nil }
}

// TestCrash kills the indicator after each step of the story, with each number of the updates it gave to its cursor being
// durable that may be: a command's is, once it has returned. In the end the desk is as if nothing had happened.
func TestCrash(t *testing.T) {
	want, _, _ := playStory(t, len(story), -1)
	if !strings.Contains(want, `"waiting":1`) || !strings.Contains(want, "fast: set by hand (muted)") {
		t.Fatalf("the story ends with %s", want)
	}
	for step := range story {
		for durable := -1; ; durable++ {
			got, updates, least := playStory(t, step, durable)
			if durable >= least && got != want {
				t.Fatalf("killed after step %d with %d of %d updates durable:\n got %s\nwant %s", step, durable, updates, got, want)
			}
			if durable == updates {
				break
			}
		}
	}
}

// playStory plays the story with a crash after a step, which leaves so many updates durable; a negative number is all. It
// returns what the desk and the outputs are in the end, how many updates there were before the crash, and how many of them
// are durable for certain.
func playStory(t *testing.T, crash, durable int) (end string, updates, least int) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		b := start(t, l, kept{})
		for n, step := range story {
			commits := b.cursor.commits
			if err := step(b); err != nil {
				t.Fatal(err)
			}
			if b.cursor.commits > commits && n <= crash {
				least = b.cursor.count()
			}
			synctest.Wait()
			if n == crash {
				updates = b.cursor.count() // what comes while it stops is lost
				b.stop()
				k := b.cursor.after(updates)
				if durable >= 0 {
					k = b.cursor.after(durable)
				}
				l.before = uint64(len(l.records))
				b = start(t, l, k)
			}
			pass(700 * ms)
		}
		pass(5 * sec)
		s := b.Snapshot()
		desk, _ := json.Marshal(s.Desk)
		end = string(desk)
		for _, o := range s.Outputs {
			end += fmt.Sprintf("\n%s: %s", o.Pattern, o.Reason)
		}
		b.stop()
		// The entries say the same after a last restart.
		b = start(t, l, b.cursor.now())
		again, _ := json.Marshal(b.Snapshot().Desk)
		if string(again) != string(desk) {
			t.Errorf("after one more restart:\n%s\nbefore it:\n%s", again, desk)
		}
		b.stop()
	})
	return end, updates, least
}

// restart stops b, lets time pass, and starts it again with all it saved.
func (b *bench) restart(after time.Duration) *bench {
	b.t.Helper()
	b.stop()
	time.Sleep(after)
	b.log.before = uint64(len(b.log.records))
	again := start(b.t, b.log, b.cursor.now())
	return again
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(b *bench)
		off    time.Duration
		want   string
		later  string // 10 s later
	}{
		{"who waits still waits", func(b *bench) { b.log.add(created("team")) }, sec,
			"pulse: somebody waits | off", "pulse: somebody waits | off"},
		{"what was saved is not signalled again", func(b *bench) { b.log.add(created("team")); pass(200 * ms) }, 200 * ms,
			"pulse: somebody waits | off", "pulse: somebody waits | off"},
		{"a signal shows for what is left of its time", func(b *bench) { b.log.add(created("bot")); pass(sec) }, 3 * sec,
			"blink: new conversation | off", "off | off"},
		{"a signal whose time is over does not show", func(b *bench) { b.log.add(created("bot")); pass(sec) }, 4 * sec,
			"off | off", "off | off"},
		{"a mute holds", func(b *bench) { b.Mute(b.t.Context(), min1) }, 49 * sec,
			"off: muted | off: muted", "off: muted | off: muted"},
		{"for its time", func(b *bench) { b.Mute(b.t.Context(), min1) }, 50 * sec,
			"off: muted | off: muted", "off | off"},
		{"an acknowledgement holds", func(b *bench) { b.log.add(created("team")); synctest.Wait(); b.Acknowledge(b.t.Context()) }, sec,
			"on: acknowledged | off", "on: acknowledged | off"},
		{"for its time too", func(b *bench) { b.log.add(created("team")); synctest.Wait(); b.Acknowledge(b.t.Context()) }, 9*min1 + 55*sec,
			"on: acknowledged | off", "pulse: somebody waits | off"},
		{"what was set by hand stands", func(b *bench) { b.Set(b.t.Context(), "lamp", Setting{Pattern: "triple"}) }, time.Hour,
			"triple: set by hand | off", "triple: set by hand | off"},
		{"for its time as well", func(b *bench) { b.Set(b.t.Context(), "lamp", Setting{Pattern: "triple", For: min1}) }, 55 * sec,
			"triple: set by hand | off", "off | off"},
		{"a test does not outlive it", func(b *bench) { b.Test(b.t.Context(), "lamp", "fast", time.Hour) }, sec,
			"off | off", "off | off"},
		{"muted, then unmuted, it is not muted", func(b *bench) { b.Mute(b.t.Context(), time.Hour); b.Unmute(b.t.Context()) }, sec,
			"off | off", "off | off"},
		{"set, then given back, it is the rules'", func(b *bench) {
			b.Set(b.t.Context(), "lamp", Setting{Pattern: "on"})
			b.Set(b.t.Context(), "lamp", Setting{Auto: true})
		}, sec, "off | off", "off | off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, newFakeLog(), kept{})
				c.before(b)
				synctest.Wait()
				b = b.restart(c.off)
				b.want(c.want)
				pass(10 * sec)
				b.want(c.later)
				b.stop()
			})
		})
	}
}

func TestAfterAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		l.add(created("team")) // stored, but the power went before anything was shown
		time.Sleep(20 * sec)
		l.before = 1
		b := start(t, l, kept{})
		b.want("pulse: somebody waits | chirp: a person is asked for")
		b.stop()
		l = newFakeLog()
		l.add(created("team"))
		time.Sleep(61 * sec)
		l.before = 1
		b = start(t, l, kept{})
		b.want("pulse: somebody waits | off") // too late to ring
		b.stop()
	})
}

func FuzzEngineRestore(f *testing.F) {
	e, faults := newEngine(Config{Outputs: lampAndBuzzer, Rules: Builtin()})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	e.muteUntil(began, began+sec)
	p, _ := e.byHand(0, "fast", true)
	e.setUntil(0, p, began, began+sec)
	e.happen(happening{names: []string{"conversation_create"}, view: &desk.View{}, received: began, live: true}, began)
	entries := e.entries(nil)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		f.Add(name, entries[name])
	}
	f.Add("set/bell", []byte("{}"))
	f.Add("rule/SLA breached", []byte(`{"First":360000000000001,"Last":-1,"Count":9}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		p := newPlayer(t, Builtin())
		err := p.engine.restore(map[string][]byte{name: data}, began)
		p.at(0)
		p.at(min1)
		if again := p.engine.entries(nil); err != nil && len(again) > 0 {
			t.Errorf("what could not be read (%v) is written again: %v", err, again)
		}
	})
}
