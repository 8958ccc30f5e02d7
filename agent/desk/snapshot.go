package desk

import (
	"cmp"
	"slices"
	"time"
)

// Snapshot is the desk in the contract's JSON form. It shares nothing with the desk.
type Snapshot struct {
	Open          int            `json:"open"`
	Waiting       int            `json:"waiting"`      // wait, and nobody has acknowledged it
	Acknowledged  int            `json:"acknowledged"` // wait, acknowledged
	Unanswered    int            `json:"unanswered"`   // not with the bot, and the visitor spoke last
	Unassigned    int            `json:"unassigned"`
	MutedUntil    *time.Time     `json:"muted_until"`   // the indicator's to fill; nil: not muted
	Conversations []Conversation `json:"conversations"` // at most MaxListed: those that wait, longest first; the open ones, newest first; the closed ones
}

// MaxListed is the most conversations that a Snapshot lists; its counts are over all.
const MaxListed = 100

// Conversation is one line of a Snapshot.
type Conversation struct {
	Key          string     `json:"key"`
	Title        string     `json:"title"`
	Assignee     Assignee   `json:"assignee"`
	Open         bool       `json:"open"`
	Waiting      bool       `json:"waiting"`                // as the count: acknowledged ones are not
	Acknowledged bool       `json:"acknowledged,omitempty"` // it waits, and that was seen
	Since        *time.Time `json:"since"`                  // when it began to wait, else when it opened; nil: the clock was not set
	LastMessage  string     `json:"last_message"`           // in one line
}

// Assignee says with whom a conversation is.
type Assignee struct {
	Kind  string `json:"kind"` // bot, user, team, none or unknown
	ID    string `json:"id"`
	Email string `json:"email"`
}

// Snapshot returns the counts and the conversations that a person wants to see first.
func (d *Desk) Snapshot() Snapshot { return d.SnapshotOf(All) }

// SnapshotOf is Snapshot of one group.
func (d *Desk) SnapshotOf(group int) Snapshot {
	counts := func(c *conversation) bool { return group == All || c.mask&(1<<group) != 0 }
	f := d.FactsOf(group)
	s := Snapshot{
		Open: f.Open, Waiting: f.Waiting, Acknowledged: f.Acknowledged, Unanswered: f.Unanswered, Unassigned: f.Unassigned,
		Conversations: make([]Conversation, 0, min(len(d.all), MaxListed)),
	}
	waiting := make([]*conversation, 0, f.Waiting)
	for _, c := range d.heap[Waiting].of {
		if counts(c) {
			waiting = append(waiting, c)
		}
	}
	slices.SortFunc(waiting, func(a, b *conversation) int {
		return cmp.Or(cmp.Compare(a.state.waiting.at, b.state.waiting.at), cmp.Compare(a.key, b.key))
	})
	for _, c := range waiting[:min(len(waiting), MaxListed)] {
		s.Conversations = append(s.Conversations, c.line())
	}
	for _, c := range []*conversation{d.open.front, d.closed.front} {
		for ; c != nil && len(s.Conversations) < MaxListed; c = c.next {
			if !c.state.isWaiting() && counts(c) {
				s.Conversations = append(s.Conversations, c.line())
			}
		}
	}
	return s
}
