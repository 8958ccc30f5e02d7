package indicator

import (
	"errors"
	"testing"
	"testing/synctest"

	"deskbell/agent/event"
)

func TestForget(t *testing.T) {
	ofGuest := func(e event.Event) bool { return e.Conversation == "guest" }
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newFakeLog(), kept{})
		b.log.add(created("team"), of("other", created("team")))
		pass(5 * sec)
		if s := b.Snapshot().Desk; s.Waiting != 2 {
			t.Fatalf("%+v", s)
		}
		commits := b.cursor.commits
		n, err := b.Forget(t.Context(), []string{"guest", "nobody"}, 5, ofGuest)
		if n != 1 || err != nil || b.cursor.commits != commits+1 {
			t.Errorf("%d forgotten, %v, %d commits", n, err, b.cursor.commits-commits)
		}
		gone := func(what string, waiting int) {
			t.Helper()
			if s := b.Snapshot().Desk; s.Waiting != waiting || len(s.Conversations) != waiting || s.Conversations[0].Key != "other" {
				t.Errorf("%s: %+v", what, s)
			}
			if k := b.cursor.now(); k.entries["c/guest"] != nil || k.entries["c/other"] == nil {
				t.Errorf("%s: entries %q", what, k.entries)
			}
		}
		gone("at once", 1)
		b.log.add(created("team"), asks(), of("other", asks())) // they were read ahead
		pass(5 * sec)
		gone("by what was read ahead", 1)
		if p := b.cursor.now().position; p != 5 {
			t.Errorf("the position is %d", p)
		}
		b.log.add(created("team"))
		pass(5 * sec)
		if s := b.Snapshot().Desk; s.Waiting != 2 || len(b.leftOut) != 0 {
			t.Errorf("what comes later is left out: %+v, %d", s, len(b.leftOut))
		}
		b.cursor.err = errors.New("the disk is full")
		if _, err := b.Forget(t.Context(), []string{"guest"}, 6, ofGuest); !errors.Is(err, b.cursor.err) {
			t.Errorf("on a full disk: %v", err)
		}
		b.cursor.err = nil
		b.stop()
	})
}
