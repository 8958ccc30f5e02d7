package desk

import (
	"math/bits"
	"time"
)

// Class is one of the sets of conversations that the desk counts.
type Class uint8

// The classes.
const (
	Open         Class = iota // since it opened, or opened again
	Waiting                   // not acknowledged; since the wait began
	Acknowledged              // since its wait began
	Unanswered                // not with the bot, and the visitor spoke last; since the first words that nobody answered
	Unassigned                // open and with nobody; since that became so
	classes
)

// Groups is how many groups Config.Classify can tell apart, and All the group of all conversations.
const (
	Groups = 64
	All    = -1
)

// Facts are the numbers that rules look at.
type Facts struct {
	Open, Waiting, Acknowledged, Unanswered, Unassigned int

	WaitingSince    time.Duration // when the oldest of Waiting began, by the store's clock; 0 while there is none
	UnansweredSince time.Duration // the same for Unanswered
}

// group is what the desk counts of one group.
type group struct {
	n      [classes]int
	oldest [classes]oldest
}

// oldest is the oldest member of a class in a group, as far as that is known.
type oldest struct {
	known bool
	c     *conversation // nil: there is none
	at    time.Duration
}

// Facts returns the numbers of this moment over all conversations. It does not look at them one by one.
func (d *Desk) Facts() Facts { return d.FactsOf(All) }

// FactsOf returns the numbers over the conversations of one group, see Config.Classify. It is as quick as Facts, but for the
// call after the oldest of a group is no longer so.
func (d *Desk) FactsOf(group int) Facts {
	n := &d.n
	if group != All {
		n = &d.groups[group].n
	}
	f := Facts{Open: n[Open], Waiting: n[Waiting], Acknowledged: n[Acknowledged], Unanswered: n[Unanswered], Unassigned: n[Unassigned]}
	if f.Waiting > 0 {
		f.WaitingSince, _, _, _ = d.Oldest(group, Waiting)
	}
	if f.Unanswered > 0 {
		f.UnansweredSince, _, _, _ = d.Oldest(group, Unanswered)
	}
	return f
}

// Oldest says since when the oldest conversation of a class and group is in it, by the store's clock, which one that is, and by
// which event (0: not known). Of several of one moment it is any. It is false when there is none.
func (d *Desk) Oldest(group int, of Class) (since time.Duration, key string, sequence uint64, ok bool) {
	c := d.oldestOf(group, of)
	if c == nil {
		return 0, "", 0, false
	}
	at := c.state.since(of)
	return at.at, c.key, at.sequence, true
}

func (d *Desk) oldestOf(group int, of Class) *conversation {
	h := &d.heap[of]
	if group == All {
		return h.first(0)
	}
	o := &d.groups[group].oldest[of]
	if !o.known {
		*o = oldest{known: true}
		if d.groups[group].n[of] > 0 {
			o.c = h.first(1 << group)
			o.at = o.c.state.since(of).at
		}
	}
	return o.c
}

// recount brings the counts up to date after a change of c from a state and groups.
func (d *Desk) recount(c *conversation, was *state, groups uint64) {
	for of := range classes {
		wasIn, isIn := was.in(of), c.state.in(of)
		var before, after uint64
		if wasIn {
			d.n[of]--
			before = groups
		}
		if isIn {
			d.n[of]++
			after = c.mask
		}
		if before|after == 0 {
			continue
		}
		at := c.state.since(of).at
		for m := before &^ after; m != 0; m &= m - 1 {
			g := &d.groups[bits.TrailingZeros64(m)]
			g.n[of]--
			g.oldest[of].lose(c)
		}
		for m := after &^ before; m != 0; m &= m - 1 {
			g := &d.groups[bits.TrailingZeros64(m)]
			g.n[of]++
			g.oldest[of].gain(c, at)
		}
		if at == was.since(of).at {
			continue
		}
		for m := after & before; m != 0; m &= m - 1 {
			o := &d.groups[bits.TrailingZeros64(m)].oldest[of]
			o.lose(c)
			o.gain(c, at)
		}
	}
}

func (o *oldest) lose(c *conversation) {
	if o.c == c {
		*o = oldest{}
	}
}

func (o *oldest) gain(c *conversation, at time.Duration) {
	if o.known && (o.c == nil || at < o.at) {
		o.c, o.at = c, at
	}
}

// in reports whether a conversation in state s is of a class.
func (s *state) in(of Class) bool {
	switch of {
	case Open:
		return s.open
	case Waiting:
		return s.isWaiting()
	case Acknowledged:
		return s.isAcknowledged()
	case Unanswered:
		return s.isUnanswered()
	case Unassigned:
		return s.isUnassigned()
	}
	return false
}

// since is when one that is of a class became so.
func (s *state) since(of Class) clock {
	switch of {
	case Open:
		return s.opened
	case Waiting, Acknowledged:
		return s.waiting
	case Unanswered:
		return s.loud
	}
	return s.change.later(s.opened)
}
