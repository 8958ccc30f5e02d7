package desk

import (
	"cmp"
	"slices"

	"deskbell/agent/event"
)

// what says what an item is. Of one event they apply in this order.
type what uint8

const (
	assigned     what = iota + 1
	stated            // open or closed
	visitorSpoke      // a message of the visitor
	userSpoke         // a message that is a person's reply, if no bot signed it and nothing had just been reassigned
	acknowledged      // placed after the newest hand-over known at that moment
	lapsed            // a wait that ended by time, placed after the newest event known at that moment
	whatEnd
)

// item is one thing that an event, or the clock, says about a conversation.
type item struct {
	order order
	clock clock
	who   *event.Actor // of assigned and userSpoke
	what  what
	open  bool // of stated
}

func (a item) compare(b item) int {
	return cmp.Or(a.order.compare(b.order), cmp.Compare(a.what, b.what))
}

// maxItems is how many items of a conversation are kept apart, so that a late event can still take its place among them.
// Older ones are only known by their result. A desk that keeps more than maxKept of them in all leaves fewItems to each
// conversation in which something happens: many long chats must not take all the memory.
const (
	maxItems = 64
	fewItems = 16
	maxKept  = 100_000
)

// itemsOf splits an event into what it says.
func itemsOf(e *event.Event, o order, c clock) []item {
	var list []item
	if a := e.Assignee; a != nil && a.Kind != "" {
		list = append(list, item{what: assigned, order: o, clock: c, who: cleanActor(*a)})
	}
	if e.Status != "" {
		list = append(list, item{what: stated, order: o, clock: c, open: e.Status == event.Open})
	}
	if e.Kind != event.Message {
		return list
	}
	switch {
	case e.Author.Kind == event.ActorVisitor:
		list = append(list, item{what: visitorSpoke, order: o, clock: c})
	case e.Author.Kind == event.ActorUser && isReply(e.MessageType):
		list = append(list, item{what: userSpoke, order: o, clock: c, who: cleanActor(e.Author)})
	}
	return list
}

// isReply tells the types that a person writes from flow items, which are sent for a bot under a person's name.
func isReply(messageType string) bool {
	switch messageType {
	case "text", "image", "audio", "video", "document":
		return true
	}
	return false
}

func same(a, b *event.Actor) bool {
	if a == nil || b == nil || a.Kind != b.Kind {
		return false
	}
	if a.ID == "" && b.ID == "" {
		return a.Email == b.Email
	}
	return a.ID == b.ID
}

// insert puts an item in its place, if it is not there already. One that is older than everything kept apart goes where it
// still can.
func (c *conversation) insert(it item) {
	if it.compare(c.horizon) <= 0 {
		c.late(it)
		return
	}
	at, found := slices.BinarySearchFunc(c.items, it, item.compare)
	if found {
		return
	}
	if len(c.items) == cap(c.items) { // append would double it
		c.items = append(make([]item, 0, len(c.items)+4), c.items...)
	}
	c.items = slices.Insert(c.items, at, it)
}

// fold leaves so many items apart.
func (c *conversation) fold(most int) {
	for len(c.items) > most {
		c.apply(&c.base, 0)
		c.horizon = c.items[0]
		c.horizon.who = nil
		c.items = slices.Delete(c.items, 0, 1)
	}
}
