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
	key        string
	title      string
	titleOrder order
	last       string        // the newest message in one line; see lastLine
	summary    func() string // makes last; nil: it is made
	lastOrder  order

	lastAt  time.Duration // receipt of the event received last
	newest  order         // the greatest there was
	base    state         // what follows from the items that are no longer kept
	horizon item          // the last of those
	items   []item        // sorted
	bots    []string      // ids of bots that were its assignee, oldest first
	state   state         // what follows from base and items

	// The desk's own: places in its heaps and in one of its lists.
	keys       [heaps]time.Duration
	pos        [heaps]int // plus one; 0: not in it
	prev, next *conversation
	list       *list
	dirty      bool
}

// maxBots is how many bots a conversation remembers as its assignees.
const maxBots = 8

func newConversation(key string, opened clock) *conversation {
	c := &conversation{key: key, titleOrder: beginning, lastOrder: beginning, newest: beginning, base: newState(opened)}
	c.horizon.order = beginning
	c.state = c.base
	return c
}

// take adds an event and derives the state anew.
func (c *conversation) take(e event.Event, s Stamp) {
	at := clockOf(s)
	o := orderOf(e, s, c.newest)
	if o.after(c.newest) {
		c.newest = o
	}
	c.lastAt = max(c.lastAt, s.At)
	if e.Title != "" && !c.titleOrder.after(o) {
		c.title, c.titleOrder = clean(e.Title, maxText), o
	}
	if e.Kind == event.Message && s.Summary != nil && !c.lastOrder.after(o) {
		c.summary, c.lastOrder = s.Summary, o
	}
	for _, it := range itemsOf(e, o, at) {
		it.who = c.intern(it.who)
		if it.what == assigned && it.who.Kind == event.ActorBot {
			c.learnBot(it.who.ID)
		}
		c.insert(it)
	}
	c.derive()
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

func (c *conversation) learnBot(id string) {
	if id == "" || slices.Contains(c.bots, id) {
		return
	}
	if len(c.bots) == maxBots {
		c.bots = slices.Delete(c.bots, 0, 1)
	}
	c.bots = append(c.bots, id)
}

func (c *conversation) isBot(who *event.Actor) bool {
	return who.ID != "" && slices.Contains(c.bots, who.ID)
}

// intern returns an equal actor that c has already, so that a long chat of two people holds two.
func (c *conversation) intern(who *event.Actor) *event.Actor {
	if who == nil {
		return nil
	}
	for _, known := range []*event.Actor{c.base.assignee, c.base.person, c.base.replier} {
		if known != nil && *known == *who {
			return known
		}
	}
	for _, it := range c.items {
		if it.who != nil && *it.who == *who {
			return it.who
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
	l := Conversation{Key: c.key, Title: c.title, Open: s.open, Waiting: s.isWaiting(), Acknowledged: s.isAcknowledged(), LastMessage: c.lastLine()}
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
	a.ID, a.Email = clean(a.ID, maxName), clean(a.Email, maxName)
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
