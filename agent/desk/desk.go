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

// Config holds the two times of the [desk] table; the zero value means "for ever" in both. And it says what is counted apart.
type Config struct {
	AckLasts   time.Duration // how long an acknowledgement holds; 0: for good
	WaitAtMost time.Duration // how long a wait goes on after the visitor's last sign; 0: for ever

	// Most is how many conversations are remembered, beyond which the closed ones are forgotten first, then those open that do
	// not wait, the longest untouched first; 0, or more than 20,000: so many.
	Most int

	// Classify says which groups count a conversation, a bit for each of them. It is asked when a View changed and when the
	// desk is restored; it must say the same of the same View, and not keep it. Nil: there are no groups.
	Classify func(*View) uint64
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
	Groups   uint64 // those that count it, by Config.Classify
	Sequence uint64 // of the event that began the wait which began or ended; 0: there was none, or that is not known
}

// keep is how long a conversation is remembered after its last event was received. An open one ends then.
const keep = 24 * time.Hour

// maxConversations bounds the memory, whatever Config.Most is.
const maxConversations = 20_000

// Desk is the state of all conversations. It has one user at a time.
type Desk struct {
	config Config
	all    map[string]*conversation
	heap   [heaps]heap
	open   list
	closed list
	n      [classes]int
	groups [Groups]group
	viewed View            // what Classify is shown
	kept   int             // items of all conversations
	dirty  []*conversation // each marked so, unless it was forgotten since
	gone   map[string]bool // keys of those forgotten since Dirty was called
}

// New returns a desk without conversations.
func New(c Config) *Desk {
	if c.Most <= 0 || c.Most > maxConversations {
		c.Most = maxConversations
	}
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
	if c == nil {
		c = newConversation(key, clockOf(s))
		d.all[key] = c
		delete(d.gone, key)
	}
	before := d.change(c, func() bool { return c.take(&e, s) })
	d.recent(c)
	d.bound()
	return c.happened(list, &before, &c.state)
}

// change has f change a conversation, which reports whether rules may see it otherwise than before, and does what follows from
// it. It returns the state before.
func (d *Desk) change(c *conversation, f func() bool) (before state) {
	before = c.state
	mask, items := c.mask, len(c.items)
	seen := f()
	if seen || !equal(c.state.assignee, before.assignee) || !equal(c.state.previous, before.previous) {
		d.classify(c)
	}
	c.fold(d.items())
	d.kept += len(c.items) - items
	d.recount(c, &before, mask)
	d.place(c)
	d.touch(c)
	return before
}

func equal(a, b *event.Actor) bool { return a == b || a != nil && b != nil && *a == *b }

func (d *Desk) classify(c *conversation) {
	if d.config.Classify != nil {
		d.viewed = c.view()
		c.mask = d.config.Classify(&d.viewed)
	}
}

// items is how many items a conversation may keep apart.
func (d *Desk) items() int {
	if d.kept > maxKept {
		return fewItems
	}
	return maxItems
}

// happened adds to list what tells a conversation's states apart. A wait is known by its beginning: one that turns out to
// have begun earlier is the same.
func (c *conversation) happened(list []Happening, before, after *state) []Happening {
	add := func(m Moment, of *state) {
		h := Happening{Moment: m, View: c.view(), Groups: c.mask}
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
		if c.lastAt+keep <= now {
			before := c.state
			d.forget(c)
			list = c.happened(list, &before, &state{})
			continue
		}
		before := d.change(c, func() bool {
			if end, ok := d.acknowledgementEnds(c); ok && end <= now {
				c.forgetAcknowledgement()
			}
			if end, ok := d.waitEnds(c); ok && end <= now {
				c.lapse(now)
			}
			return false
		})
		list = c.happened(list, &before, &c.state)
	}
}

// Deadline is when Tick has something to do next; false when nothing ends by time.
func (d *Desk) Deadline() (time.Duration, bool) { return d.heap[byDeadline].min() }

// Acknowledge suspends every wait there is now, those suspended already anew, and says how many.
func (d *Desk) Acknowledge(now time.Duration) int {
	waits := slices.Concat(d.heap[Waiting].of, d.heap[Acknowledged].of)
	for _, c := range waits {
		d.change(c, func() bool { c.acknowledge(now); return false })
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

// Assignee returns with whom a conversation is; of kind unknown where that was never told, as for a conversation that is not
// known.
func (d *Desk) Assignee(conversation string) event.Actor {
	if c := d.all[keyOf(conversation)]; c != nil {
		return c.state.actor()
	}
	return event.Actor{Kind: event.ActorUnknown}
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
	for of := range classes {
		d.heap[of].keep(c, s.in(of), s.since(of).at)
	}
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
	for len(d.all) > d.config.Most {
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
	was := c.state
	c.state = state{}
	d.recount(c, &was, c.mask)
	c.state = was
	d.kept -= len(c.items)
	for i := range d.heap {
		d.heap[i].remove(c)
	}
	c.list.remove(c)
	c.dirty = false
	delete(d.all, c.key)
	d.gone[c.key] = true
}
