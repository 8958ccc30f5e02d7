package desk

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"deskbell/agent/event"
)

func TestSnapshotDocument(t *testing.T) {
	d := newTeller(contract)
	got, _ := json.Marshal(d.Snapshot())
	if want := `{"open":0,"waiting":0,"acknowledged":0,"unanswered":0,"unassigned":0,"muted_until":null,"conversations":[]}`; string(got) != want {
		t.Errorf("an empty desk is\n%s, want\n%s", got, want)
	}
	e := created(0, bot)
	e.Assignee.Email = "b@example.org"
	d.tell(e, visitor(5*sec).id("visitor: Hi"), passed(9*sec, anna))
	got, _ = json.Marshal(d.Snapshot())
	want := `{"open":1,"waiting":1,"acknowledged":0,"unanswered":1,"unassigned":0,"muted_until":null,"conversations":[` +
		`{"key":"guest","title":"A guest","assignee":{"kind":"user","id":"anna","email":""},"open":true,"waiting":true,` +
		`"since":"2026-03-01T09:00:09Z","last_message":"visitor: Hi"}]}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestSince(t *testing.T) {
	unset := Stamp{At: running, Sequence: 1}
	for _, c := range []struct {
		name  string
		story []any
		want  time.Duration
	}{
		{"when it opened", []any{created(-hour, bot), visitor(5 * sec)}, 0},
		{"when it began to wait, by receipt", []any{created(0, bot), passed(9*sec, anna).late(12 * sec)}, 12 * sec},
		{"the clock goes on over moves", []any{created(0, bot), passed(9*sec, anna), passed(20*sec, none)}, 9 * sec},
		{"also when acknowledged", []any{created(0, bot), passed(9*sec, anna), press(20 * sec)}, 9 * sec},
		{"answered, when it opened", []any{created(0, bot), passed(9*sec, anna), user(20*sec, "anna")}, 0},
		{"when it opened again", []any{created(0, bot), turned(5*sec, event.Closed), visitor(10 * sec)}, 10 * sec},
		{"the wait is as old as its first hand-over to arrive", []any{created(0, bot), passed(9*sec, anna), passed(5*sec, team).late(30 * sec)}, 9 * sec},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newTeller(contract)
			d.tell(c.story...)
			if got := d.Snapshot().Conversations[0].Since; got == nil || !got.Equal(start.Add(c.want)) {
				t.Errorf("since is %v, want %v", got, start.Add(c.want))
			}
		})
	}
	d := New(contract)
	d.Apply(created(0, anna).Event, unset)
	if got := d.Snapshot().Conversations[0].Since; got != nil {
		t.Errorf("since is %v though the clock was not set", got)
	}
}

func TestAges(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, bot), visitor(5*sec), passed(9*sec, anna), created(20*sec, ben).of("other"), visitor(25*sec).of("other"))
	f := d.Facts()
	if f.WaitingSince != running+9*sec || f.UnansweredSince != running+9*sec {
		t.Errorf("the oldest wait since %v, the oldest words since %v", f.WaitingSince-running, f.UnansweredSince-running)
	}
	d.tell(user(30*sec, "anna"))
	f = d.Facts()
	if f.WaitingSince != running+20*sec || f.UnansweredSince != running+25*sec {
		t.Errorf("after a reply the oldest wait since %v, the oldest words since %v", f.WaitingSince-running, f.UnansweredSince-running)
	}
}

func TestLastMessage(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, anna), visitor(10*sec).id("later"), visitor(5*sec).late(20*sec).id("earlier"), tell(30*sec, event.Note).id("note"))
	if got := d.Snapshot().Conversations[0].LastMessage; got != "later" {
		t.Errorf("the last message is %q", got)
	}
}

func TestListIsBounded(t *testing.T) {
	d := busy(10_000)
	s := d.Snapshot()
	if len(s.Conversations) != MaxListed || s.Waiting != 3000 || s.Open != 9666 {
		t.Fatalf("%d are listed, %d wait, %d open", len(s.Conversations), s.Waiting, s.Open)
	}
	for i, c := range s.Conversations {
		if !c.Waiting || i > 0 && c.Since.Before(*s.Conversations[i-1].Since) {
			t.Fatalf("place %d: waiting %v since %v", i, c.Waiting, c.Since)
		}
	}
}

func TestListOrder(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, bot).of("a"), created(sec, anna).of("b"), created(2*sec, bot).of("c"), created(3*sec, ben).of("d"),
		turned(4*sec, event.Closed).of("c"), visitor(5*sec).of("a"), created(6*sec, bot).of("e"), turned(7*sec, event.Closed).of("f"))
	var got string
	for _, c := range d.Snapshot().Conversations {
		got += c.Key
	}
	if got != "bdeafc" {
		t.Errorf("the list is %s: those that wait, longest first; the open ones, newest first; the closed ones", got)
	}
}

func TestNoMoreThanMost(t *testing.T) {
	few := contract
	few.Most = 3
	d := newTeller(few)
	d.tell(created(0, anna).of("waits"))
	for i := range 5 {
		d.tell(created(sec, bot).of(fmt.Sprint(i)))
	}
	d.check(t)
	if len(d.all) != few.Most || d.all["waits"] == nil || d.all["4"] == nil {
		t.Errorf("%d are remembered", len(d.all))
	}
}

func TestTooMany(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, anna).of("waits"), created(0, bot).of("open"), turned(0, event.Closed).of("closed"))
	for i := range maxConversations - 2 {
		d.tell(created(sec, bot).of(fmt.Sprint(i)))
	}
	d.check(t)
	if len(d.all) != maxConversations || d.all["closed"] != nil || d.all["open"] == nil {
		t.Error("the closed one is not forgotten first")
	}
	d.tell(created(sec, bot).of("more"))
	if len(d.all) != maxConversations || d.all["open"] != nil || d.all["waits"] == nil {
		t.Error("the oldest one that does not wait is not forgotten next")
	}
	if got := d.Dirty(); got["c/open"] != nil || got["c/closed"] != nil || got["c/waits"] == nil {
		t.Error("their entries are not deleted")
	}
}
