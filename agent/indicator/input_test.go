package indicator

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/gpio"
)

func TestParseAction(t *testing.T) {
	for text, want := range map[string]string{
		"acknowledge":     "acknowledge",
		"test":            "test",
		"mute 30m":        "mute 30m",
		" mute  90s ":     "mute 1m30s",
		"mute 12h":        "mute 12h",
		"mute 13h":        "!at most 12h",
		"mute":            "!mute DURATION",
		"mute soon":       `!"soon" is not a duration`,
		"mute 0s":         `!"0s" is not a duration`,
		"mute -5m":        `!"-5m" is not a duration`,
		"mute 5m 6m":      "!mute DURATION",
		"":                `!"" is none of`,
		"Acknowledge":     "!is none of",
		"acknowledge now": "!is none of",
		"test 5s":         "!is none of",
	} {
		a, err := ParseAction(text)
		if fault, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: got %v, %v, want %q", text, a, err, fault)
			}
		} else if err != nil || a.String() != want {
			t.Errorf("%q: got %q, %v, want %q", text, a, err, want)
		}
	}
}

func action(t *testing.T, text string) Action {
	t.Helper()
	a, err := ParseAction(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) press(name, what string) {
	b.t.Helper()
	if err := b.Input(b.t.Context(), name, action(b.t, what)); err != nil {
		b.t.Error(err)
	}
	synctest.Wait()
}

func TestAButtonAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		b.press("ack", "acknowledge")
		b.wantTold("0s lamp off", "0s buzzer off", "0s lamp off") // the last is the flash
		pass(sec)
		b.wantTold("240ms lamp off")
		if b.cursor.commits != 0 {
			t.Errorf("nobody waits, and that was written %d times", b.cursor.commits)
		}
		b.log.add(passed("team"))
		synctest.Wait()
		b.want("pulse: somebody waits | chirp: a person is asked for")
		pass(9 * sec)
		b.board.told()
		b.press("ack", "acknowledge")
		b.want("on: acknowledged | off")
		pass(sec)
		b.wantTold("10s lamp pulse", "10s lamp on", "10.08s lamp on") // the flash over the pulse, then a dark moment
		if b.cursor.commits != 1 {
			t.Errorf("it was written %d times", b.cursor.commits)
		}
		k := b.cursor.now()
		b.stop()
		again := start(t, b.log, k)
		defer again.stop()
		again.want("on: acknowledged | off")
	})
}

func TestAButtonMutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.press("ack", "mute 30m")
		if until := b.Snapshot().MutedUntil; time.Until(until).Round(time.Second) != 30*time.Minute {
			t.Errorf("muted until %v", until)
		}
		b.log.add(passed("team"))
		pass(sec)
		b.want("pulse: somebody waits (muted) | off: muted")
	})
}

func TestAButtonTestsEveryOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.press("ack", "test")
		b.want("blink: test | chirp: test")
		pass(4 * sec)
		b.want("off | off")
		if b.cursor.commits != 0 {
			t.Error("a test was written")
		}
	})
}

// The answer is there before the disk is, and a press that the disk holds up for long is not done: guests may have come that
// nobody saw.
func TestAPressIsAnsweredBeforeItIsWritten(t *testing.T) {
	for held, want := range map[time.Duration]error{pressWaits: nil, pressWaits + sec: ErrTooLate} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, newFakeLog(), kept{})
			defer b.stop()
			b.log.add(passed("team"))
			pass(10 * sec)
			b.board.told()
			b.saving <- struct{}{} // somebody is at the disk
			pressed := make(chan error)
			go func() { pressed <- b.Input(t.Context(), "ack", Action{Does: Acknowledge}) }()
			synctest.Wait()
			b.want("pulse: somebody waits | off")
			b.wantTold("10s lamp pulse")
			pass(held)
			<-b.saving
			if err := <-pressed; !errors.Is(err, want) {
				t.Errorf("held up for %v: %v, want %v", held, err, want)
			}
			synctest.Wait()
			if got := b.Snapshot().Desk.Waiting; got == 1 != (want != nil) {
				t.Errorf("held up for %v, %d wait", held, got)
			}
		})
	}
}

func TestALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		b.log.add(passed("team"))
		pass(10 * sec)
		b.board.told()
		if !b.Locked("kiosk") || b.Locked("ack") || b.Locked("bell") {
			t.Error("it is not locked as configured")
		}
		if err := b.Input(t.Context(), "kiosk", Action{Does: Acknowledge}); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v", err)
		}
		pass(sec)
		b.wantTold() // no flash either: nothing was done
		b.want("pulse: somebody waits | off")
		for _, err := range []error{b.Lock(t.Context(), "kiosk", false), b.Lock(t.Context(), "ack", true)} {
			if err != nil {
				t.Error(err)
			}
		}
		if b.cursor.commits != 2 {
			t.Errorf("written %d times", b.cursor.commits)
		}
		b.stop()
		b = start(t, b.log, b.cursor.now())
		if b.Locked("kiosk") || !b.Locked("ack") {
			t.Error("what was switched is lost")
		}
		if err := b.Lock(t.Context(), "ack", false); err != nil {
			t.Error(err)
		}
		k := b.cursor.now()
		if _, there := k.entries["lock/ack"]; there || k.entries["lock/kiosk"] == nil {
			t.Errorf("kept is %q", k.entries)
		}
		b.stop()
		k.entries["lock/kiosk"] = pack(lockMemory{Locked: false, Configured: false}) // what was configured when it was switched
		k.entries["lock/ack"] = []byte("{")
		b = start(t, b.log, k)
		if !b.Locked("kiosk") || b.Locked("ack") {
			t.Error("the configuration has changed since, and does not count; or a bad entry does")
		}
		b.stop()
		if !strings.Contains(b.logged.String(), "read the locks of the buttons") {
			t.Errorf("log %s", b.logged.String())
		}
	})
}

func TestAPressOfWhatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		if err := b.Input(t.Context(), "bell", Action{Does: Acknowledge}); !errors.Is(err, ErrUnknownInput) {
			t.Errorf("got %v", err)
		}
		if err := b.Lock(t.Context(), "bell", true); !errors.Is(err, ErrUnknownInput) {
			t.Errorf("got %v", err)
		}
	})
}

func TestARelayDoesNotAnswer(t *testing.T) {
	e, err := newEngine(Config{Outputs: []Output{{Name: "lamp"}, {Name: "horn", Kind: gpio.Relay}, {Name: "buzzer", Kind: gpio.Buzzer}}})
	if err != nil {
		t.Fatal(err)
	}
	e.answerAt(began)
	list, next := e.decide(view{now: began})
	for o, flashes := range []bool{true, false, false} {
		if got := list[o].play.Steps[0].On; got != flashes {
			t.Errorf("%s flashes: %v", e.outputs[o].Name, got)
		}
	}
	if !next.set || next.at != began+blipLasts+2*gap {
		t.Errorf("the next look is at %v", next.at-began)
	}
}
