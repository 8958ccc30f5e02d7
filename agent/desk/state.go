package desk

import (
	"time"

	"deskbell/agent/event"
)

// settling is how long after a change of assignee a message is not yet taken for a person's: the platform sends some by itself.
const settling = time.Second

// state is what follows from the items of a conversation, in their order.
type state struct {
	open     bool
	human    bool // known to be with a person, a team or nobody, since it opened or left the bot
	replied  bool // a person replied since then, or since it passed to the person it is with
	spoke    bool // the visitor spoke last
	wait     bool
	acked    bool
	opened   clock
	waiting  clock         // when the wait began
	ackedAt  time.Duration // of the acknowledgement
	sign     time.Duration // the visitor's last one
	loud     clock         // since when the visitor's words are unanswered
	assignee *event.Actor  // nil: never told
	previous *event.Actor  // the assignee before; nil: there was none
	person   *event.Actor  // the last person that was assignee since human
	replier  *event.Actor  // who replied last since human
	changed  order         // when the assignee changed last
	change   clock         // its receipt

	waitOrder                                            order // of what began the wait
	assigneeOrder, statusOrder, visitorOrder, replyOrder order // of what was newest of each
}

func newState(opened clock) state {
	return state{
		open: true, opened: opened, changed: beginning, waitOrder: beginning,
		assigneeOrder: beginning, statusOrder: beginning, visitorOrder: beginning, replyOrder: beginning,
	}
}

func (s *state) kind() string {
	if s.assignee == nil {
		return event.ActorUnknown
	}
	return s.assignee.Kind
}

func (s *state) actor() event.Actor {
	if s.assignee == nil {
		return event.Actor{Kind: event.ActorUnknown}
	}
	return *s.assignee
}

// withHuman reports whether nobody but people can answer now.
func (s *state) withHuman() bool {
	switch s.kind() {
	case event.ActorUser, event.ActorTeam, event.ActorNone:
		return true
	}
	return false
}

// The four classes that are counted, and the wait that is seen: with an unknown assignee it is not.
func (s *state) waits() bool          { return s.wait && s.kind() != event.ActorUnknown }
func (s *state) isWaiting() bool      { return s.waits() && !s.acked }
func (s *state) isAcknowledged() bool { return s.waits() && s.acked }
func (s *state) isUnassigned() bool   { return s.open && s.kind() == event.ActorNone }
func (s *state) isUnanswered() bool   { return s.open && s.spoke && s.kind() != event.ActorBot }

// apply changes s by the item at index i of c.
func (c *conversation) apply(s *state, i int) {
	it := c.items[i]
	switch it.what {
	case assigned:
		s.assign(it)
	case stated:
		s.statusOrder = it.order
		if it.open {
			s.reopen(it)
		} else {
			s.shut()
		}
	case visitorSpoke:
		s.visitorOrder = it.order
		s.reopen(it)
		s.hear(it)
	case userSpoke:
		if !c.isBot(it.who) && !s.justChanged(it) && !c.changesAt(s, i) {
			s.replyOrder = it.order
			s.answer(it)
		}
	case acknowledged:
		if s.wait {
			s.acked, s.ackedAt = true, it.clock.at
		}
	case lapsed:
		s.endWait()
	}
}

func (s *state) begin(it item) {
	s.wait, s.waiting, s.waitOrder = true, it.clock, it.order
	s.acked, s.replied = false, false
}

func (s *state) endWait() { s.wait, s.acked = false, false }

// assign: an assignee that was told already is no change.
func (s *state) assign(it item) {
	s.assigneeOrder = it.order
	old := s.assignee
	s.assignee = it.who
	if same(old, it.who) {
		if s.wait {
			s.waiting = s.waiting.earlier(it.clock)
		}
		return
	}
	s.changed, s.change, s.previous = it.order, it.clock, old
	if it.who.Kind == event.ActorBot {
		s.leaveHumans()
		return
	}
	if old != nil && old.Kind == event.ActorBot && s.spoke {
		s.loud = s.loud.later(it.clock)
	}
	if !s.withHuman() || !s.open {
		return
	}
	switch {
	case !s.human:
		s.human = true
		s.begin(it)
	case s.wait:
		s.waiting = s.waiting.earlier(it.clock)
		if it.who.Kind == event.ActorNone {
			s.acked = false
		}
	case it.who.Kind == event.ActorUser && s.replied && s.isAnother(it.who):
		s.begin(it)
	}
	if it.who.Kind == event.ActorUser {
		s.person = it.who
	}
}

// isAnother reports whether a conversation that was answered passes to somebody else. Where it had not been with a person
// yet, who answered it takes it over and is nobody else.
func (s *state) isAnother(who *event.Actor) bool {
	if s.person != nil {
		return !same(s.person, who)
	}
	return !same(s.replier, who)
}

func (s *state) leaveHumans() {
	s.endWait()
	s.human, s.replied, s.person, s.replier = false, false, nil, nil
}

func (s *state) shut() {
	s.open = false
	s.leaveHumans()
}

func (s *state) reopen(it item) {
	if s.open {
		return
	}
	s.open, s.opened = true, it.clock
	s.loud = s.loud.later(it.clock)
	if s.withHuman() {
		s.human = true
		s.begin(it)
		if s.kind() == event.ActorUser {
			s.person = s.assignee
		}
	}
}

func (s *state) hear(it item) {
	if !s.spoke {
		s.spoke, s.loud = true, it.clock
	}
	s.sign = it.clock.at
}

func (s *state) answer(it item) {
	s.spoke = false
	s.endWait()
	if s.human {
		s.replied, s.replier = true, it.who
	}
}

func (s *state) justChanged(it item) bool {
	return s.changed != beginning && within(settling, it.order, s.changed, it.clock.at, s.change.at)
}

// changesAt reports whether the assignee changes at the very time of the item at i, by one that its id puts behind it.
func (c *conversation) changesAt(s *state, i int) bool {
	for _, next := range c.items[i+1:] {
		if next.order.t != c.items[i].order.t {
			return false
		}
		if next.what == assigned && !same(s.assignee, next.who) {
			return true
		}
	}
	return false
}

// late takes an item older than everything that is kept apart into the base, as far as nothing newer of its sort is in there.
func (c *conversation) late(it item) {
	s := &c.base
	switch it.what {
	case assigned:
		if it.order.after(s.assigneeOrder) {
			s.assign(it)
			if s.wait && s.replyOrder.after(it.order) {
				s.endWait()
				s.replied = true
			}
		}
	case stated:
		if !it.order.after(s.statusOrder) {
			return
		}
		s.statusOrder = it.order
		if it.open {
			s.reopen(it)
		} else if !s.visitorOrder.after(it.order) { // else the visitor has reopened it since
			s.shut()
		}
	case visitorSpoke:
		if !it.order.after(s.visitorOrder) {
			return
		}
		s.visitorOrder = it.order
		if it.order.after(s.statusOrder) {
			s.reopen(it)
		}
		if it.order.after(s.replyOrder) {
			s.hear(it)
		}
	case userSpoke:
		if !it.order.after(s.replyOrder) || c.isBot(it.who) || s.justChanged(it) {
			return
		}
		s.replyOrder = it.order
		if it.order.after(s.visitorOrder) {
			s.spoke = false
		}
		if it.order.after(s.assigneeOrder) {
			s.endWait()
			if s.human {
				s.replied, s.replier = true, it.who
			}
		}
	case acknowledged:
		if s.wait {
			s.acked, s.ackedAt = true, it.clock.at
		}
	case lapsed:
		s.endWait()
	}
}
