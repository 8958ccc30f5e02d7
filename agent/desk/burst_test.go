package desk

import (
	"fmt"
	"math"
	"testing"
	"time"

	"deskbell/agent/event"
)

// byAssignee has a group for each of 60 people.
func byAssignee(v *View) uint64 {
	n := 0
	for _, digit := range v.Assignee.ID {
		n = n*10 + int(digit-'0')
	}
	if v.Assignee.Kind != event.ActorUser || n < 0 || n >= 60 {
		return 1 << 63
	}
	return 1<<n | 1<<62
}

// burst is what happens when so many guests ask for a person at once and are answered, the oldest first. After each event the
// numbers of eight groups are asked for, as rules do. desks says how many desks they are spread over.
func burst(guests, desks int) time.Duration {
	config := contract
	config.Classify = byAssignee
	list := make([]*Desk, desks)
	for i := range list {
		list[i] = New(config)
	}
	keys := make([]string, guests)
	for i := range keys {
		keys[i] = fmt.Sprint("guest ", i)
	}
	n := 0
	tell := func(i int, e event.Event) {
		n++
		at := time.Duration(n) * 3 * time.Millisecond // 1,000 conversations with three events each in 10 s
		e.Conversation, e.Time = keys[i], start.Add(at)
		d := list[i%desks]
		d.Apply(e, Stamp{At: running + at, Wall: e.Time, Sequence: uint64(n)})
		for _, group := range [...]int{All, 0, 1, 2, 7, 59, 62, 63} {
			d.FactsOf(group)
			d.Oldest(group, Acknowledged)
		}
	}
	began := time.Now()
	for i := range guests {
		tell(i, event.Event{Kind: event.ConversationCreate, Status: event.Open, Assignee: &event.Actor{Kind: event.ActorBot, ID: "8181"}})
	}
	for i := range guests {
		tell(i, event.Event{Kind: event.AssigneeChange, Assignee: &event.Actor{Kind: event.ActorUser, ID: fmt.Sprint(i % 60)}})
	}
	for i := range guests {
		tell(i, event.Event{Kind: event.Message, MessageType: "text", Author: event.Actor{Kind: event.ActorUser, ID: fmt.Sprint(i % 60)}})
	}
	return time.Since(began)
}

// TestBurst has 1,000 conversations in 10 s cost a small multiple of what they cost a desk that holds ten. A look at
// each conversation for each group would cost a hundred times as much.
func TestBurst(t *testing.T) {
	const guests = 1000
	alone, together := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 5 { // the machine does other things as well: the best counts
		alone, together = min(alone, burst(guests, guests/10)), min(together, burst(guests, 1))
	}
	ratio := float64(together) / float64(alone)
	t.Logf("%v an event among ten, %v among %d: %.1f times", alone/(3*guests), together/(3*guests), guests, ratio)
	if ratio > 8 {
		t.Errorf("an event among %d conversations costs %.1f times as much as among ten", guests, ratio)
	}
}

// BenchmarkStep is one event and all that rules ask of the desk after it, with eight groups.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{0, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			config := contract
			config.Classify = byAssignee
			d := New(config)
			for i := range n {
				e := passed(time.Duration(i)*time.Millisecond, fmt.Sprint("user ", i%60)).of(fmt.Sprint("guest ", i))
				d.Apply(e.Event, Stamp{At: running + e.receipt(), Wall: e.Time, Sequence: uint64(i)})
			}
			keys := make([]string, 1000)
			for i := range keys {
				keys[i] = fmt.Sprint("guest ", i*max(n, 1000)/1000)
			}
			who := event.Actor{Kind: event.ActorVisitor}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := time.Minute + time.Duration(i)*time.Millisecond
				e := event.Event{Kind: event.Message, MessageType: "text", Author: who, Conversation: keys[i%1000], Time: start.Add(at)}
				d.Apply(e, Stamp{At: running + at, Wall: e.Time, Sequence: uint64(n + i)})
				for group := range 8 {
					d.FactsOf(group)
				}
			}
		})
	}
}
