package indicator

import (
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/event"
)

// TestWhatTimeEndsIsJudgedByItsOwnConversation has a wait end by time just as an event of another conversation comes.
func TestWhatTimeEndsIsJudgedByItsOwnConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		c := testConfig()
		c.Outputs = []Output{{Name: "annas", Only: []string{"anna"}}, {Name: "bens", Only: []string{"ben"}}}
		c.Rules = []Rule{{Name: "ended", On: []string{"wait_ended"}, For: time.Minute, Show: show(Lights, "fast")}}
		i, err := create(c, l, &fakeCursor{}, fakeDecoder{}, newFakeBoard())
		if err != nil {
			t.Fatal(err)
		}
		annas, bens := created(event.ActorUser), of("other", created(event.ActorUser))
		annas.Assignee.ID, bens.Assignee.ID = "anna", "ben"
		for n, e := range []event.Event{annas, bens} {
			time.Sleep(time.Duration(n) * (2*time.Hour + time.Second))
			e.Time = time.Now().UTC()
			r := recordOf(l, e)
			r.Sequence = uint64(n + 1)
			i.take(&r, l.Elapsed())
		}
		i.decide(l.Elapsed())
		for o, want := range []string{"fast", "off"} {
			if got := i.wanted[o].pattern; got != want {
				t.Errorf("%s shows %s, want %s", c.Outputs[o].Name, got, want)
			}
		}
	})
}
