package desk

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"deskbell/agent/event"
)

// live is what the heap holds.
func live() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// crowd is a desk with n conversations, each of them between a visitor and one or two people.
type crowd struct {
	*Desk
	n, sequence int
}

// talk lets each of them say so many things. The texts of each event are its own, as they are when it was decoded.
func (d *crowd) talk(times int) {
	own := strings.Clone
	keys := make([]string, d.n)
	for i := range keys {
		keys[i] = fmt.Sprint("conversation ", i)
	}
	for range times {
		for i := range d.n {
			d.sequence++
			at := time.Duration(d.sequence) * time.Millisecond
			e := event.Event{
				Kind: event.Message, Conversation: keys[i], Time: start.Add(at),
				Account: own("476"), Bot: own("8861"), Channel: own("WEB"), MessageType: "text", Author: event.Actor{Kind: event.ActorVisitor},
			}
			switch turn := (d.sequence - 1) / d.n; {
			case turn == 0:
				e.Kind, e.Status, e.Title = event.ConversationCreate, event.Open, fmt.Sprint("Visitor - ", i)
				e.Assignee = &event.Actor{Kind: event.ActorBot, ID: own("8181"), Email: own("bot@hotel.example")}
			case turn == 2:
				e.Kind, e.Assignee = event.AssigneeChange, &event.Actor{Kind: event.ActorUser, ID: own(keys[i][13:]), Email: own(keys[i] + "@hotel.example")}
			case turn%2 == 0:
				e.Author = event.Actor{Kind: event.ActorUser, ID: own(keys[i][13:]), Email: own(keys[i] + "@hotel.example")}
			}
			s := Stamp{At: running + at, Wall: start.Add(at), Sequence: uint64(d.sequence), Summary: func() string { return own("visitor: a line of some forty characters, or so") }}
			binary.BigEndian.PutUint64(s.ID[:], uint64(d.sequence)*0x9e3779b97f4a7c15)
			d.Apply(e, s)
		}
	}
}

// TestMemory holds 10,000 conversations in no more than their parts take, and in a small multiple of what is written of them.
func TestMemory(t *testing.T) {
	const n = 10_000
	before := live()
	d := &crowd{Desk: New(contract), n: n}
	d.talk(12)
	written, longest := 0, 0
	for _, data := range d.Dirty() {
		written, longest = written+len(data), max(longest, len(data))
	}
	short := live() - before
	for _, c := range d.all {
		if cap(c.items) > len(c.items)+4 {
			t.Fatalf("a slice of %d items has room for %d", len(c.items), cap(c.items))
		}
	}
	t.Logf("12 events each: %.0f bytes in memory, %d written, at most %d", short/n, written/n, longest)
	if short > 6*float64(written) {
		t.Errorf("%d conversations of 12 events take %.0f bytes each and %d when written", n, short/n, written/n)
	}
	if longest > 1024 {
		t.Errorf("an entry of 12 events takes %d bytes", longest)
	}

	d.talk(4)
	longest = 0
	for _, data := range d.Dirty() {
		longest = max(longest, len(data))
	}
	long := live() - before
	items := max(n*fewItems, maxKept) + n*4 // and what a slice holds more
	texts := n * 512
	most := float64(n*int(unsafe.Sizeof(conversation{})) + items*int(unsafe.Sizeof(item{})) + texts)
	t.Logf("16 events each: %.0f bytes in memory, at most %d written; the bound is %.0f", long/n, longest, most/n)
	if long > 1.25*most { // size classes
		t.Errorf("%d long conversations take %.0f bytes each, %.0f expected", n, long/n, most/n)
	}
	if d.kept > items {
		t.Errorf("%d items are kept", d.kept)
	}
	d.talk(4)
	d.Dirty()
	if longer := live() - before; longer > 1.1*long {
		t.Errorf("they take %.2f times as much after more events", longer/long)
	}
	runtime.KeepAlive(d)
}

// TestOneEntryForEachChange has one event in a crowd write one small entry, and an acknowledgement one of each that waits.
func TestOneEntryForEachChange(t *testing.T) {
	d := &crowd{Desk: New(contract), n: 10_000}
	d.talk(2)
	all := 0
	for _, data := range d.Dirty() {
		all += len(data)
	}
	for i := range 100 {
		e := event.Event{Kind: event.AssigneeChange, Conversation: fmt.Sprint("conversation ", 97*i), Assignee: &event.Actor{Kind: event.ActorUser, ID: "anna"}}
		d.Apply(e, Stamp{At: running + time.Minute, Wall: start.Add(time.Minute), Sequence: uint64(30_000 + i)})
		entries := d.Dirty()
		data := entries[Entry(e.Conversation)]
		if len(entries) != 1 || len(data) == 0 || len(data) > 20*all/d.n {
			t.Fatalf("one changed conversation writes %d entries and %d bytes, all %d", len(entries), len(data), all)
		}
	}
	if n := d.Acknowledge(running + time.Hour); n != 100 || len(d.Dirty()) != 100 {
		t.Errorf("%d are acknowledged", n)
	}
}

// TestLongChatsFoldWhenThereAreMany fills the desk with more items than it keeps.
func TestLongChatsFoldWhenThereAreMany(t *testing.T) {
	d := &crowd{Desk: New(contract), n: 10}
	d.talk(2 * maxItems)
	for _, c := range d.all {
		if len(c.items) != maxItems {
			t.Fatalf("%d items are kept apart", len(c.items))
		}
	}
	d.kept = 2 * maxKept // as if there were more
	d.talk(1)
	for _, c := range d.all {
		if len(c.items) != fewItems {
			t.Fatalf("in a full desk %d items are kept apart", len(c.items))
		}
		if c.state.kind() != event.ActorUser || !c.state.open {
			t.Errorf("the state is %+v", c.state)
		}
	}
}
