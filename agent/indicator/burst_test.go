package indicator

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		b := start(t, l, kept{})
		defer b.stop()
		turns := b.conds.Load()
		b.board.told()
		for n := range 10_000 {
			l.records = append(l.records, recordOf(l, of(fmt.Sprint("guest ", n), created("team"))))
		}
		l.add(of("the last", created("team")))
		pass(500 * ms)
		b.want("pulse: somebody waits | chirp: 10001 guests ask for a person")
		b.wantTold("0s lamp pulse", "0s buzzer chirp")
		if n := b.conds.Load() - turns; n > 10_001/batch+2 {
			t.Errorf("the loop turned %d times", n)
		}
		if len(b.shown) != 1 {
			t.Errorf("%d events are said to have changed an output", len(b.shown))
		}
		if s := b.Snapshot().Desk; s.Waiting != 10_001 || len(s.Conversations) != 100 {
			t.Errorf("%d wait, %d are listed", s.Waiting, len(s.Conversations))
		}
		if n := b.cursor.count(); n > 2 {
			t.Errorf("the cursor was given %d updates", n)
		}
		pass(sec)
		if k := b.cursor.now(); k.position != 10_001 || len(k.entries) != 10_001+1 { // and the rule's
			t.Errorf("the cursor has %d entries at %d", len(k.entries), k.position)
		}
	})
}

func TestAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.log.add(created("bot"))
		pass(20 * sec)
		turns, saves, changes := b.conds.Load(), b.cursor.count(), b.changes.Load()
		pass(23 * time.Hour)
		if n := b.conds.Load() - turns; n != 0 {
			t.Errorf("at rest the loop turned %d times", n)
		}
		if n := b.cursor.count() - saves; n != 0 {
			t.Errorf("at rest the cursor was given %d updates", n)
		}
		if n := b.changes.Load() - changes; n != 0 {
			t.Errorf("at rest there were %d changes", n)
		}
		pass(time.Hour)
		if s := b.Snapshot().Desk; s.Open != 0 || len(s.Conversations) != 0 {
			t.Errorf("24 h later the desk is %+v", s)
		}
		pass(sec)
		if k := b.cursor.now(); len(k.entries) != 1 || k.entries["c/guest"] != nil { // the rule's is left
			t.Errorf("the entries are %v", k.entries)
		}
	})
}

func TestConditionsAreLookedAtWhileSomethingIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.cond.Store(&Conditions{ForwardPending: 1})
		b.log.add(created("bot"))
		pass(20 * sec)
		turns := b.conds.Load()
		pass(10 * min1)
		if n := b.conds.Load() - turns; n != 60 {
			t.Errorf("in 10 min they are looked at %d times", n)
		}
		b.cond.Store(&Conditions{})
		pass(10 * sec)
		turns = b.conds.Load()
		pass(10 * min1)
		if n := b.conds.Load() - turns; n != 0 {
			t.Errorf("with nothing pending they are looked at %d times", n)
		}
		b.cond.Store(&Conditions{Unreachable: true})
		b.Poke()
		synctest.Wait()
		b.want("triple: nothing reaches us | off")
	})
}

func TestUndelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		b.cond.Store(&Conditions{ForwardPending: 1, Undelivered: 14*min1 + 58*sec})
		b.log.add(of("", asks()))
		synctest.Wait()
		b.cond.Store(&Conditions{ForwardPending: 1, Undelivered: 15*min1 + 1})
		pass(2*sec + ms)
		b.want("triple: nothing is delivered | off")
	})
}

func TestSavesRideAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		pass(5 * sec)
		b.log.add(created("bot"))
		synctest.Wait()
		if k := b.cursor.now(); k.position != 1 || k.entries["c/guest"] == nil {
			t.Errorf("the first after a while is not given at once: position %d", k.position)
		}
		for range 100 {
			b.log.add(asks())
			pass(50 * ms)
		}
		if n := b.cursor.count(); n < 5 || n > 7 {
			t.Errorf("in 5 s the cursor was given %d updates", n)
		}
		pass(2 * sec)
		if k := b.cursor.now(); k.position != 101 {
			t.Errorf("the position is %d", k.position)
		}
	})
}

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		defer b.stop()
		said := func(what string, want int32, do func()) {
			t.Helper()
			before := b.changes.Load()
			do()
			synctest.Wait()
			if n := b.changes.Load() - before; n != want {
				t.Errorf("%s: told %d times, want %d", what, n, want)
			}
		}
		said("an event", 1, func() { b.log.add(created("team")) })
		said("the chirp is over", 1, func() { pass(sec) })
		said("a minute of pulse", 0, func() { pass(min1) })
		said("a mute", 1, func() { b.Mute(t.Context(), 10*min1) })
		said("a minute of blips", 0, func() { pass(30 * sec) })
		said("an acknowledgement", 1, func() { b.Acknowledge(t.Context()) })
		said("a test", 1, func() { b.Test(t.Context(), "lamp", "fast", sec) })
		said("its end", 1, func() { pass(sec) })
	})
}

func TestShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		l.add(created("bot"))
		l.before = 1
		b := start(t, l, kept{})
		defer b.stop()
		b.want("blink: new conversation | off")
		if len(b.shown) != 0 {
			t.Error("an event from before the start is counted")
		}
		pass(10 * sec)
		r := recordOf(l, passed("team"))
		r.Elapsed -= 7 * ms // it was accepted a little ago
		l.records = append(l.records, r)
		l.add(asks())
		synctest.Wait()
		if d := <-b.shown; d != 7*ms || len(b.shown) != 0 {
			t.Errorf("shown after %v", d)
		}
		pass(10 * sec)
		l.add(asks()) // the lamp pulses already
		pass(sec)
		if len(b.shown) != 0 {
			t.Error("an event that moved no output is counted")
		}
	})
}

func TestReasonsHoldNoText(t *testing.T) {
	for _, r := range Builtin() {
		c := rule{Rule: r}
		if c.reason(1) != r.Name || len(r.On) > 0 && !strings.HasPrefix(c.reason(3), "3 ") {
			t.Errorf("rule %q: %q, %q", r.Name, c.reason(1), c.reason(3))
		}
	}
}
