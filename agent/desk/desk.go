// Package desk knows the conversations: which are open, with whom they are, and who waits.
//
// It follows section 6 of the project's contract. Everything in it is pure: it reads no clock and no disk, takes the time
// from its caller, and computes the same from the same events. Events may come late and in any order: what an event changes
// is decided by its own time, how long something has lasted by its receipt.
package desk

import (
	"slices"
	"time"

	"deskbell/agent/event"
)

// Config holds the two times of the [desk] table. The zero value means "for ever" in both.
type Config struct {
	AckLasts   time.Duration // how long an acknowledgement holds; 0: for good
	WaitAtMost time.Duration // how long a wait goes on after the visitor's last sign; 0: for ever
}

// Stamp says how an event came.
type Stamp struct {
	At       time.Duration // the store's running clock when it was received
	Wall     time.Time     // the wall clock then; zero while it was not set
	Sequence uint64        // orders events that carry no time of their own
	ID       [16]byte      // breaks ties between events of one time

	// Summary makes one line for a person, of a message. It is called at most once, when the line is asked for, and not at all
	// for a message that another has followed by then. Nil: the line of the message before stays.
	Summary func() string
}

// Moment is something that happened at the desk, as rules name it.
type Moment string

// The moments.
const (
	WaitBegan Moment = "wait_began"
	WaitEnded Moment = "wait_ended"
	Closed    Moment = "closed"
)

// Happening is a moment of one conversation.
type Happening struct {
	Moment   Moment
	View     View   // the conversation after it; one that was forgotten by it: as it was
	Sequence uint64 // of the event that began the wait which began or ended; 0: there was none, or that is not known
}

// Facts are the numbers that rules look at.
type Facts struct {
	Open, Waiting, Acknowledged, Unanswered, Unassigned int

	WaitingSince    time.Duration // when the oldest of Waiting began, by the store's clock; meaningless while Waiting is 0
	UnansweredSince time.Duration // the same for Unanswered
}

// keep is how long a conversation is remembered after its last event was received. An open one ends then.
const keep = 24 * time.Hour

// maxConversations bounds the memory: beyond it the closed ones are forgotten first, then those open that do not wait, the
// longest untouched first.
const maxConversations = 20_000

// Desk is the state of all conversations. It has one user at a time.
type Desk struct {
	config Config
	all    map[string]*conversation
	heap   [heaps]heap
	open   list
	closed list
	facts  Facts           // the counts; the two times come from the heaps
	dirty  []*conversation // each marked so, unless it was forgotten since
	gone   map[string]bool // keys of those forgotten since Dirty was called
}

// New returns a desk without conversations.
func New(c Config) *Desk {
	d := &Desk{config: c, all: map[string]*conversation{}, gone: map[string]bool{}}
	for i := range d.heap {
		d.heap[i].which = i
	}
	return d
}

// Apply takes one event and returns what happened by it, and before that what happened to any conversation by the time that
// had passed until its receipt. Give each event once, in the order of receipt. An event that names no conversation changes
// nothing, and neither does a message status: it neither opens a conversation nor keeps it for another 24 h.
func (d *Desk) Apply(e event.Event, s Stamp) []Happening {
	list := d.Tick(s.At)
	if e.Conversation == "" || e.Kind == event.MessageStatus {
		return list
	}
	key := keyOf(e.Conversation)
	c := d.all[key]
	var before state
	if c == nil {
		c = newConversation(key, clockOf(s))
		d.all[key] = c
		delete(d.gone, key)
	} else {
		before = c.state
		d.count(c, -1)
	}
	c.take(e, s)
	d.count(c, 1)
	d.place(c)
	d.touch(c)
	d.recent(c)
	d.bound()
	return c.happened(list, &before, &c.state)
}

// happened adds to list what tells a conversation's states apart. A wait is known by its beginning: one that turns out to
// have begun earlier is the same.
func (c *conversation) happened(list []Happening, before, after *state) []Happening {
	add := func(m Moment, of *state) {
		h := Happening{Moment: m, View: c.view()}
		if of.wait {
			h.Sequence = of.waiting.sequence
		}
		list = append(list, h)
	}
	another := after.waitOrder.after(before.waitOrder)
	if before.wait && (!after.wait || another) {
		add(WaitEnded, before)
	}
	if before.open && !after.open {
		add(Closed, before)
	}
	if after.wait && (!before.wait || another) {
		add(WaitBegan, after)
	}
	return list
}

// Tick lets end what ends by time alone, and returns what happened by it.
func (d *Desk) Tick(now time.Duration) []Happening {
	var list []Happening
	for {
		at, ok := d.heap[byDeadline].min()
		if !ok || at > now {
			return list
		}
		c := d.heap[byDeadline].of[0]
		before := c.state
		if c.lastAt+keep <= now {
			d.forget(c)
			list = c.happened(list, &before, &state{})
			continue
		}
		d.count(c, -1)
		if end, ok := d.acknowledgementEnds(c); ok && end <= now {
			c.forgetAcknowledgement()
		}
		if end, ok := d.waitEnds(c); ok && end <= now {
			c.lapse(now)
		}
		d.count(c, 1)
		d.place(c)
		d.touch(c)
		list = c.happened(list, &before, &c.state)
	}
}

// Deadline is when Tick has something to do next; false when nothing ends by time.
func (d *Desk) Deadline() (time.Duration, bool) { return d.heap[byDeadline].min() }

// Acknowledge suspends every wait there is now, those suspended already anew, and says how many.
func (d *Desk) Acknowledge(now time.Duration) int {
	waits := slices.Concat(d.heap[byWait].of, d.heap[byAcknowledged].of)
	for _, c := range waits {
		d.count(c, -1)
		c.acknowledge(now)
		d.count(c, 1)
		d.place(c)
		d.touch(c)
	}
	return len(waits)
}

// Forget drops a conversation, and reports whether there was one. Nothing has happened at the desk by that.
func (d *Desk) Forget(conversation string) bool {
	key := keyOf(conversation)
	c := d.all[key]
	if c != nil {
		d.forget(c)
	}
	d.gone[key] = true // one that could not be read has an entry all the same
	return c != nil
}

// Facts returns the numbers of this moment. It does not look at the conversations one by one.
func (d *Desk) Facts() Facts {
	f := d.facts
	f.WaitingSince, _ = d.heap[byWait].min()
	f.UnansweredSince, _ = d.heap[byWords].min()
	return f
}

// FactsOf returns the same numbers over the conversations whose assignee counts. It looks at each of them.
func (d *Desk) FactsOf(counts func(event.Actor) bool) Facts {
	part := Desk{}
	for _, c := range d.all {
		s := &c.state
		if !counts(s.actor()) {
			continue
		}
		part.count(c, 1)
		if f := &part.facts; s.isWaiting() && (f.Waiting == 1 || s.waiting.at < f.WaitingSince) {
			f.WaitingSince = s.waiting.at
		}
		if f := &part.facts; s.isUnanswered() && (f.Unanswered == 1 || s.loud < f.UnansweredSince) {
			f.UnansweredSince = s.loud
		}
	}
	return part.facts
}

// Assignee returns with whom a conversation is; of kind unknown where that was never told, as for a conversation that is not
// known.
func (d *Desk) Assignee(conversation string) event.Actor {
	if c := d.all[keyOf(conversation)]; c != nil {
		return c.state.actor()
	}
	return event.Actor{Kind: event.ActorUnknown}
}

// count adds by to the numbers that c counts in.
func (d *Desk) count(c *conversation, by int) {
	s := &c.state
	for _, n := range []struct {
		in    bool
		count *int
	}{
		{s.open, &d.facts.Open},
		{s.isWaiting(), &d.facts.Waiting},
		{s.isAcknowledged(), &d.facts.Acknowledged},
		{s.isUnanswered(), &d.facts.Unanswered},
		{s.isUnassigned(), &d.facts.Unassigned},
	} {
		if n.in {
			*n.count += by
		}
	}
}

// place puts c where its state says in the heaps.
func (d *Desk) place(c *conversation) {
	s := &c.state
	deadline := c.lastAt + keep
	if end, ok := d.acknowledgementEnds(c); ok {
		deadline = min(deadline, end)
	}
	if end, ok := d.waitEnds(c); ok {
		deadline = min(deadline, end)
	}
	d.heap[byDeadline].set(c, deadline)
	d.heap[byWait].keep(c, s.isWaiting(), s.waiting.at)
	d.heap[byAcknowledged].keep(c, s.isAcknowledged(), s.waiting.at)
	d.heap[byWords].keep(c, s.isUnanswered(), s.loud)
}

func (d *Desk) acknowledgementEnds(c *conversation) (time.Duration, bool) {
	return c.state.ackedAt + d.config.AckLasts, c.state.acked && d.config.AckLasts > 0
}

// waitEnds: that a conversation is handed over is the visitor's doing, and so a sign.
func (d *Desk) waitEnds(c *conversation) (time.Duration, bool) {
	return max(c.state.sign, c.state.waiting.at) + d.config.WaitAtMost, c.state.wait && d.config.WaitAtMost > 0
}

func (d *Desk) recent(c *conversation) {
	if c.state.open {
		d.open.moveFront(c)
	} else {
		d.closed.moveFront(c)
	}
}

func (d *Desk) touch(c *conversation) {
	if !c.dirty {
		c.dirty = true
		d.dirty = append(d.dirty, c)
	}
}

// bound forgets conversations while there are too many.
func (d *Desk) bound() {
	for len(d.all) > maxConversations {
		c := d.closed.back
		for o := d.open.back; c == nil && o != nil; o = o.prev {
			if !o.state.waits() {
				c = o
			}
		}
		if c == nil {
			c = d.open.back
		}
		d.forget(c)
	}
}

func (d *Desk) forget(c *conversation) {
	d.count(c, -1)
	for i := range d.heap {
		d.heap[i].remove(c)
	}
	c.list.remove(c)
	c.dirty = false
	delete(d.all, c.key)
	d.gone[c.key] = true
}
