package indicator

import (
	"fmt"
	"math"
	"testing"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// crowd is what it takes to have so many guests created with the bot, handed over and answered, the oldest first, in 10 s, with
// all outputs decided anew after each event. cores says over how many indicators they are spread.
func crowd(t *testing.T, guests, cores int) time.Duration {
	t.Helper()
	c := testConfig()
	c.Outputs = append([]Output{{Name: "free", Only: []string{OnlyUnassigned}}, {Name: "seven", Only: []string{"7"}}, {Name: "team", Only: []string{"50"}}}, c.Outputs...)
	c.Rules = append([]Rule{{
		Name: "eights", While: `oldest_waiting > "1m"`, Of: `assignee.id == "8"`, Show: show("lamp", "fast"),
		Escalate: []Escalation{{After: 2 * time.Minute, Show: show("lamp", "double"), Repeat: time.Minute}},
	}}, Builtin()...)
	list := make([]*core, cores)
	for i := range list {
		var faults []error
		if list[i], faults = newCore(c); len(faults) > 0 {
			t.Fatal(faults)
		}
	}
	keys := make([]string, guests)
	for i := range keys {
		keys[i] = fmt.Sprint("guest ", i)
	}
	n := 0
	tell := func(i int, e event.Event) {
		n++
		at := began + time.Duration(n)*3*ms
		e.Conversation, e.Time = keys[i], time.UnixMilli(int64(n)*3)
		k := list[i%cores]
		k.take(e, desk.Stamp{At: at, Wall: e.Time, Sequence: uint64(n)}, at, true)
		k.decide(Conditions{}, at)
	}
	start := time.Now()
	for i := range guests {
		tell(i, event.Event{Kind: event.ConversationCreate, Status: event.Open, Assignee: &event.Actor{Kind: event.ActorBot, ID: "8181"}})
	}
	for i := range guests {
		tell(i, event.Event{Kind: event.AssigneeChange, Assignee: &event.Actor{Kind: event.ActorUser, ID: fmt.Sprint(i % 60)}})
	}
	for i := range guests {
		tell(i, event.Event{Kind: event.Message, MessageType: "text", Author: event.Actor{Kind: event.ActorUser, ID: fmt.Sprint(i % 60)}})
	}
	return time.Since(start)
}

// TestCrowd has 1,000 conversations in 10 s cost a small multiple of what they cost an indicator that knows ten.
func TestCrowd(t *testing.T) {
	const guests = 1000
	few, many := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 3 { // the machine does other things as well: the best counts
		few, many = min(few, crowd(t, guests, guests/10)), min(many, crowd(t, guests, 1))
	}
	ratio := float64(many) / float64(few)
	t.Logf("%v an event among ten, %v among %d: %.1f times", few/(3*guests), many/(3*guests), guests, ratio)
	if ratio > 6 {
		t.Errorf("an event among %d conversations costs %.1f times as much as among ten", guests, ratio)
	}
}
