package desk

import (
	"slices"
	"strings"

	"deskbell/agent/event"
)

// maxMet is how many assignees a conversation remembers beyond the items it keeps apart.
const maxMet = 16

// meet remembers an assignee, so that messages signed by a bot are known as such, and so that one without a usable type is
// known by its id: it returns who it is. People are forgotten before bots, and the first bot not at all.
func (c *conversation) meet(who *event.Actor) *event.Actor {
	switch who.Kind {
	case event.ActorUnknown:
		return c.known(who)
	case event.ActorNone:
		return who
	}
	if who.ID == "" && who.Email == "" || slices.ContainsFunc(c.met, func(m *event.Actor) bool { return same(m, who) }) {
		return who
	}
	who = c.intern(who)
	if len(c.met) == maxMet {
		out := slices.IndexFunc(c.met, func(m *event.Actor) bool { return m.Kind != event.ActorBot })
		if out < 0 {
			out = 1
		}
		c.met = slices.Delete(c.met, out, out+1)
	}
	c.met = append(c.met, who)
	c.recognise()
	return who
}

// recognise looks anew at those whose kind was not known when they came.
func (c *conversation) recognise() {
	for i := range c.items {
		if it := &c.items[i]; it.what == assigned && it.who.Kind == event.ActorUnknown {
			it.who = c.intern(c.known(it.who))
		}
	}
	b := &c.base
	if a := b.assignee; a != nil && a.Kind == event.ActorUnknown {
		if who := c.known(a); who != a {
			b.assign(item{what: assigned, order: b.assigneeOrder, clock: b.change, who: who})
		}
	}
}

// known returns an actor of unknown kind with the kind that an assignee of its id has, or of its e-mail if it has no id; a
// person's before a team's before a bot's. Otherwise it returns the actor.
func (c *conversation) known(who *event.Actor) *event.Actor {
	for _, kind := range [...]string{event.ActorUser, event.ActorTeam, event.ActorBot} {
		for _, m := range c.met {
			if m.Kind == kind && (who.ID != "" && m.ID == who.ID || who.ID == "" && who.Email != "" && strings.EqualFold(m.Email, who.Email)) {
				is := *who
				is.Kind = kind
				if is.ID == "" {
					is.ID = m.ID
				}
				return &is
			}
		}
	}
	return who
}

// isBot reports whether somebody has the id of a bot that was assigned.
func (c *conversation) isBot(who *event.Actor) bool {
	return who.ID != "" && slices.ContainsFunc(c.met, func(m *event.Actor) bool { return m.Kind == event.ActorBot && m.ID == who.ID })
}
