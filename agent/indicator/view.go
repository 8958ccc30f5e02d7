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
	groups    []desk.Facts  // by group; nil: as the desk's
	lastEvent time.Duration // when the last event came
	// oldest says since when the oldest conversation of a group is in a class. Nil: as the facts say.
	oldest func(group int, of desk.Class) (time.Duration, bool)
	now    time.Duration
}

// of is what there is to see for a group of conversations.
func (v *view) of(group int) state {
	f := &v.Facts
	if v.groups != nil {
		f = &v.groups[group]
	}
	return state{
		fieldOpen: int64(f.Open), fieldWaiting: int64(f.Waiting), fieldUnanswered: int64(f.Unanswered),
		fieldUnassigned: int64(f.Unassigned), fieldAcknowledged: int64(f.Acknowledged), fieldForwardPending: int64(v.ForwardPending),
		fieldOldestWaiting: since(f.Waiting > 0, f.WaitingSince), fieldOldestUnanswered: since(f.Unanswered > 0, f.UnansweredSince),
		fieldLastEvent: since(true, v.lastEvent), fieldUndelivered: since(v.Undelivered > 0, v.now-v.Undelivered),
		fieldUnreachable: bit(v.Unreachable), fieldStoreRefuses: bit(v.StoreRefuses), fieldStoreFills: bit(v.StoreFills),
	}
}

func since(there bool, at time.Duration) int64 {
	if !there {
		return never
	}
	return int64(max(0, at))
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
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
