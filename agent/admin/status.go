package admin

import (
	"encoding/json"
	"time"
)

// Status is the live snapshot of an agent: the document of GET /api/status.
// Counters count since the process started. Nil lists are written as [].
type Status struct {
	Device        string          `json:"device"`
	Version       string          `json:"version"`
	UptimeSeconds float64         `json:"uptime_seconds"`
	Ready         bool            `json:"ready"`    // events can be made durable now
	Problems      []string        `json:"problems"` // in words, with the remedy
	Webhook       WebhookStatus   `json:"webhook"`
	Storage       StorageStatus   `json:"storage"`
	Forward       []ForwardStatus `json:"forward"`
	Desk          DeskStatus      `json:"desk"`
	Outputs       []OutputStatus  `json:"outputs"`
	Inputs        []InputStatus   `json:"inputs"`
}

// WebhookStatus counts events, and requests that were refused.
type WebhookStatus struct {
	Accepted   uint64 `json:"accepted"`
	Duplicates uint64 `json:"duplicates"`
	Rejected   uint64 `json:"rejected"`

	LastPost    *Post `json:"last_post,omitempty"`    // the last that was answered 200; nil: none since the start
	LastRefused *Post `json:"last_refused,omitempty"` // the last that was answered 4xx
}

// Post is one post to the webhook, without any value of it.
type Post struct {
	Number  uint64     `json:"number"` // of its sort since the start, from 1
	Time    *time.Time `json:"time"`   // nil: the clock was not set
	Address string     `json:"address,omitempty"`
	TokenIn string     `json:"token_in"` // such as "header Authorization", "query token", "body"; empty: it had no token
	Events  int        `json:"events"`   // 0: a check
	Code    int        `json:"code"`
}

// StorageStatus is what the store holds. Sizes are bytes; a sequence is 0 while
// there is no event.
type StorageStatus struct {
	FirstSequence uint64 `json:"first_sequence"`
	LastSequence  uint64 `json:"last_sequence"`
	Records       int    `json:"records"`
	Bytes         int64  `json:"bytes"`
	MaxBytes      int64  `json:"max_bytes"`
	Full          bool   `json:"full"`
	Dropped       uint64 `json:"dropped"`

	UndeliveredBytes int64 `json:"-"` // about; of the metrics alone
}

// ForwardStatus is one destination. Broker holds no user name or password.
type ForwardStatus struct {
	Name          string `json:"name"`
	Broker        string `json:"broker"`
	Connected     bool   `json:"connected"`
	AckedSequence uint64 `json:"acked_sequence"`
	Pending       int    `json:"pending"`
	SetAside      int    `json:"set_aside"`
	LastError     string `json:"last_error"`
}

// DeskStatus is what the desk knows of the conversations. Its numbers may
// overlap: a conversation can wait and be unanswered.
type DeskStatus struct {
	Open          int            `json:"open"`
	Waiting       int            `json:"waiting"`
	Acknowledged  int            `json:"acknowledged"`
	Unanswered    int            `json:"unanswered"`
	Unassigned    int            `json:"unassigned"`
	MutedUntil    *time.Time     `json:"muted_until"` // nil: not muted
	Conversations []Conversation `json:"conversations"`
}

// Conversation is one conversation the desk remembers.
type Conversation struct {
	Key          string     `json:"key"`
	Title        string     `json:"title"`
	Assignee     Actor      `json:"assignee"`
	Open         bool       `json:"open"`
	Waiting      bool       `json:"waiting"`
	Acknowledged bool       `json:"acknowledged,omitempty"` // it waits, and that was seen
	Since        *time.Time `json:"since"`                  // when it came to its assignee; nil: the clock was not set
	LastMessage  string     `json:"last_message"`           // its summary, one line of hostile text; empty: none yet
}

// Actor is somebody a conversation is assigned to. Kind is bot, user, team,
// none or unknown.
type Actor struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Email string `json:"email"`
}

// OutputStatus is one light or buzzer. Driver is chip or simulated. Pattern and
// Reason are empty or "off" when nothing is shown.
type OutputStatus struct {
	Name    string `json:"name"`
	Pin     string `json:"pin"`
	Kind    string `json:"kind"`
	Driver  string `json:"driver"`
	On      bool   `json:"on"`
	Pattern string `json:"pattern"`
	Reason  string `json:"reason"`
}

// InputStatus is one button. Driver is chip or simulated.
type InputStatus struct {
	Name    string `json:"name"`
	Pin     string `json:"pin"`
	Driver  string `json:"driver"`
	Pressed bool   `json:"pressed"`
	Locked  bool   `json:"locked"`         // its presses do nothing
	Last    string `json:"last,omitempty"` // what the last press did, or why it did nothing; empty: there was none
}

// At returns t in UTC as the documents carry times: nil, written null, for the
// zero time, which stands for a clock that was not set.
func At(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// MarshalJSON writes nil lists as [].
func (s Status) MarshalJSON() ([]byte, error) {
	type plain Status
	p := plain(s)
	p.Problems = list(p.Problems)
	p.Forward = list(p.Forward)
	p.Outputs = list(p.Outputs)
	p.Inputs = list(p.Inputs)
	return json.Marshal(p)
}

// MarshalJSON writes a nil list as [].
func (d DeskStatus) MarshalJSON() ([]byte, error) {
	type plain DeskStatus
	p := plain(d)
	p.Conversations = list(p.Conversations)
	return json.Marshal(p)
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
