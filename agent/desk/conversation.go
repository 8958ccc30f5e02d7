package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"deskbell/agent/event"
)

// conversation is what the desk knows of one. Its state follows from base and items alone: whatever the order in which
// events come, as long as they are among the newest it is the same.
type conversation struct {
	key       string
	fields    fields
	last      string        // the newest message in one line; see lastLine
	summary   func() string // makes last; nil: it is made
	lastOrder order

	lastAt  time.Duration  // receipt of the event received last
	newest  order          // the greatest there was
	base    state          // what follows from the items that are no longer kept
	horizon item           // the last of those
	items   []item         // sorted
	met     []*event.Actor // who was its assignee, see meet
	state   state          // what follows from base and items
	mask    uint64         // the groups that count it

	// The desk's own: places in its heaps and in one of its lists.
	keys       [heaps]time.Duration
	pos        [heaps]int32 // plus one; 0: not in it
	prev, next *conversation
	list       *list
	dirty      bool
}

func newConversation(key string, opened clock) *conversation {
	c := &conversation{key: key, fields: newFields(), lastOrder: beginning, newest: beginning, base: newState(opened)}
	c.horizon.order = beginning
	return c
}

// take adds an event and derives the state anew. It reports whether what rules see beside that is another.
func (c *conversation) take(e *event.Event, s Stamp) bool {
	at := clockOf(s)
	o := orderOf(e, s, c.newest)
	if o.after(c.newest) {
		c.newest = o
	}
	c.lastAt = max(c.lastAt, s.At)
	seen := c.fields.take(e, o)
	if e.Kind == event.Message && s.Summary != nil && !c.lastOrder.after(o) {
		c.summary, c.lastOrder = s.Summary, o
	}
	for _, it := range itemsOf(e, o, at) {
		if it.what == assigned {
			it.who = c.meet(it.who)
		}
		it.who = c.intern(it.who)
		c.insert(it)
	}
	c.derive()
	return seen
}

func (c *conversation) derive() {
	c.state = c.base
	for i := range c.items {
		c.apply(&c.state, i)
	}
}

// acknowledge covers the newest hand-over known now.
func (c *conversation) acknowledge(now time.Duration) {
	c.forgetAcknowledgement()
	o := c.state.assigneeOrder
	if c.state.waitOrder.after(o) {
		o = c.state.waitOrder
	}
	c.insert(item{what: acknowledged, order: o, clock: clock{at: now}})
	c.derive()
}

func (c *conversation) forgetAcknowledgement() {
	c.base.acked = false
	c.items = slices.DeleteFunc(c.items, func(it item) bool { return it.what == acknowledged })
	c.derive()
}

func (c *conversation) lapse(now time.Duration) {
	c.insert(item{what: lapsed, order: c.newest, clock: clock{at: now}})
	c.derive()
}

// intern returns an equal actor that c has already, so that a long chat of two people holds two.
func (c *conversation) intern(who *event.Actor) *event.Actor {
	if who == nil {
		return nil
	}
	for _, known := range []*event.Actor{c.base.assignee, c.base.previous, c.base.person, c.base.replier} {
		if known != nil && *known == *who {
			return known
		}
	}
	for _, it := range c.items {
		if it.who != nil && *it.who == *who {
			return it.who
		}
	}
	for _, known := range c.met {
		if *known == *who {
			return known
		}
	}
	return who
}

func (c *conversation) lastLine() string {
	if c.summary != nil {
		c.last, c.summary = clean(c.summary(), maxText), nil
	}
	return c.last
}

func (c *conversation) line() Conversation {
	s := &c.state
	l := Conversation{Key: c.key, Title: c.fields.title.text, Open: s.open, Waiting: s.isWaiting(), Acknowledged: s.isAcknowledged(), LastMessage: c.lastLine()}
	l.Assignee.Kind = s.kind()
	if a := s.assignee; a != nil {
		l.Assignee.ID, l.Assignee.Email = a.ID, a.Email
	}
	if s.waits() {
		l.Since = s.waiting.time()
	} else {
		l.Since = s.opened.time()
	}
	return l
}

// Bounds of what is kept of a text from outside: of one that is shown, in runes, and of a name, in bytes.
const (
	maxText = 120
	maxName = 128
)

// keyOf is a conversation's key as the desk uses it: its own, or a hash of one that is too long or not fit to be shown.
func keyOf(key string) string {
	if len(key) <= maxName && utf8.ValidString(key) && !strings.ContainsFunc(key, notShown) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256-" + hex.EncodeToString(sum[:16])
}

func cleanActor(a event.Actor) *event.Actor {
	switch a.Kind {
	case event.ActorBot, event.ActorUser, event.ActorTeam, event.ActorNone:
	default:
		a.Kind = event.ActorUnknown
	}
	a.ID, a.Email, a.Name = clean(a.ID, maxName), clean(a.Email, maxName), clean(a.Name, maxName)
	return &a
}

func notShown(r rune) bool { return !unicode.IsPrint(r) }

// clean cuts a text to so many runes and replaces what cannot be shown.
func clean(s string, limit int) string {
	if len(s) <= limit && !strings.ContainsFunc(s, notShown) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit-1 && utf8.RuneCountInString(s) > limit {
			b.WriteRune('…')
			break
		}
		if notShown(r) {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
