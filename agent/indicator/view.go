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

// holds says whether c holds, and if so since when it can have done so by time alone. When it does not hold yet but will by
// time alone, next learns when.
func (c Condition) holds(v *view, next *deadline) (bool, time.Duration) {
	number := 0
	switch c.Field {
	case Open:
		number = v.Open
	case Waiting:
		number = v.Waiting
	case Acknowledged:
		number = v.Acknowledged
	case Unanswered:
		number = v.Unanswered
	case Unassigned:
		number = v.Unassigned
	case ForwardPending:
		number = v.ForwardPending
	case Unreachable:
		return v.Unreachable, v.now
	case storeRefuses:
		return v.StoreRefuses, v.now
	case storeFills:
		return v.StoreFills, v.now
	case OldestWaiting:
		return c.passed(v.Waiting > 0, v.WaitingSince, v.now, next)
	case OldestUnanswered:
		return c.passed(v.Unanswered > 0, v.UnansweredSince, v.now, next)
	case Undelivered:
		return c.passed(v.Undelivered > 0, v.now-v.Undelivered, v.now, next)
	default:
		return false, 0
	}
	return number > c.More, v.now
}

func (c Condition) passed(there bool, since, now time.Duration, next *deadline) (bool, time.Duration) {
	if !there {
		return false, 0
	}
	at := since + c.Longer + 1 // longer, not as long
	if now < at {
		next.by(at)
		return false, 0
	}
	return true, at
}
