package indicator

import (
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/event"
)

// made is an indicator on fakes that does not run: a test steps it.
func made(t *testing.T, c Config, l *fakeLog) (*Indicator, *fakeBoard) {
	t.Helper()
	b := newFakeBoard()
	i, err := create(c, l, &fakeCursor{}, fakeDecoder{}, b)
	if err != nil {
		t.Fatal(err)
	}
	return i, b
}

func TestTheDeskThatIsShownIsTheOneThatCounts(t *testing.T) {
	c, l := testConfig(), newFakeLog()
	c.Only = "bot == 8861"
	i, _ := made(t, c, l)
	ours, other := of("ours", created("team")), of("other", created("team"))
	ours.Bot, other.Bot = "8861", "1"
	l.add(ours, other)
	i.step(l.records)
	if s := i.Snapshot().Desk; s.Open != 1 || s.Waiting != 1 || len(s.Conversations) != 1 || s.Conversations[0].Key != "ours" {
		t.Errorf("the desk is %+v", s)
	}
}

func TestAPatternComesBackInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		i, b := made(t, testConfig(), l)
		time.Sleep(sec)
		l.add(created("team"))
		i.step(l.records)
		time.Sleep(300 * ms)
		if err := i.Test(t.Context(), "lamp", "fast", sec); err != nil {
			t.Fatal(err)
		}
		if b.since["lamp"] != 1300*ms {
			t.Errorf("the test counts from %v", b.since["lamp"])
		}
		time.Sleep(sec)
		i.step(nil)
		if b.now["lamp"] != "pulse" || b.since["lamp"] != sec {
			t.Errorf("the lamp shows %s since %v", b.now["lamp"], b.since["lamp"])
		}
	})
}

func TestTheLastEventIsKnownAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		l.add(event.Event{Kind: event.Note})
		time.Sleep(10*min1 + 1)
		c := testConfig()
		c.Rules = []Rule{{Name: "nothing comes", While: `last_event > "10m"`, Show: show(Lights, "triple")}}
		i, b := made(t, c, l)
		i.position = 1 // it was taken before the restart
		i.step(nil)
		if b.now["lamp"] != "triple" {
			t.Errorf("the lamp shows %s", b.now["lamp"])
		}
		l.add(event.Event{Kind: event.Note})
		next := i.step(l.records)
		if b.now["lamp"] != "off" || !next.set || next.at != l.Elapsed()+10*min1+1 {
			t.Errorf("the lamp shows %s, and the next look is in %v", b.now["lamp"], next.at-l.Elapsed())
		}
	})
}
