package indicator

import (
	"time"

	"deskbell/agent/desk"
)

// Conditions are what rules may look at beside the desk; the agent supplies them.
type Conditions struct {
	Undelivered    time.Duration // age of the oldest event that is not delivered
	Unreachable    bool          // the platform cannot reach this agent
	ForwardPending int           // events that are not delivered
	StoreRefuses   bool          // no event can be stored now
	StoreFills     bool          // undelivered events have nearly filled the store
}

// view is all that a condition may look at, at one moment.
type view struct {
	desk.Facts
	Conditions
	filtered []desk.Facts // by filter; nil: all rules count all conversations
	now      time.Duration
}

// deadline is the next moment at which something changes by time alone.
type deadline struct {
	at  time.Duration
	set bool
}

func (d *deadline) by(at time.Duration) {
	if !d.set || at < d.at {
		d.at, d.set = at, true
	}
}
