package indicator

import (
	"strings"
	"testing"
	"testing/synctest"

	"deskbell/agent/event"
)

func panicking(typ string) event.Event {
	e := of("a secret", asks())
	e.Type = typ
	return e
}

func TestAnEventThatPanicsIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		b := start(t, log, kept{})
		b.log.add(panicking(panics), created("team"), panicking(panics))
		synctest.Wait()
		b.want("pulse: somebody waits | chirp: a person is asked for")
		want := "2 events, the last of them 3, do not count at the desk"
		if got := b.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("problems %q", got)
		}
		b.log.add(closes(), panicking(panics))
		pass(2 * sec)
		if s := b.Snapshot(); s.Desk.Waiting != 0 {
			t.Errorf("a closed conversation waits: %+v", s.Desk)
		}
		b.stop()
		if text := b.logged.String(); strings.Count(text, "level=ERROR") != 1 || strings.Contains(text, "secret") || !strings.Contains(text, "stack=") {
			t.Errorf("log %s", text)
		}
		// It does not come again.
		again := start(t, log, b.cursor.now())
		if got := again.Problems(); got != nil || again.cursor.now().position != 5 {
			t.Errorf("after a restart at %d: %q", again.cursor.now().position, got)
		}
		again.stop()
	})
}

func TestWordsThatPanicAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		b.log.add(of("a secret", created("team")))
		e := panicking(panicsInWords)
		b.log.add(e)
		e.Title = strings.Repeat("x", largeRecord) // whose words are made at once
		b.log.add(e)
		pass(2 * sec)
		s := b.Snapshot()
		if c := s.Desk.Conversations; len(c) != 1 || c[0].LastMessage != "" || s.Desk.Waiting != 1 {
			t.Errorf("the desk is %+v", s.Desk)
		}
		b.stop()
	})
}
