package indicator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The fields of a Condition.
const (
	Open             = "open"
	Waiting          = "waiting"
	Acknowledged     = "acknowledged"
	Unanswered       = "unanswered"
	Unassigned       = "unassigned"
	ForwardPending   = "forward_pending"
	Unreachable      = "unreachable"
	OldestWaiting    = "oldest_waiting"
	OldestUnanswered = "oldest_unanswered"
	Undelivered      = "undelivered"
)

// Condition compares one field of the desk: it holds while a number is more than More, a time longer than Longer, a truth
// true. The zero value never holds.
type Condition struct {
	Field  string
	More   int
	Longer time.Duration
}

// conditionOf reads what a rule's While says.
func conditionOf(r Rule) (Condition, []error) {
	words := strings.Fields(r.While)
	switch {
	case len(words) == 1:
		return Condition{Field: words[0]}, nil
	case len(words) == 3 && words[1] == ">":
		if n, err := strconv.Atoi(words[2]); err == nil {
			return Condition{Field: words[0], More: n}, nil
		}
		if d, err := time.ParseDuration(strings.Trim(words[2], `"`)); err == nil {
			return Condition{Field: words[0], Longer: d}, nil
		}
	}
	return Condition{}, []error{fmt.Errorf("rule %q: while %q is not understood", r.Name, r.While)}
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
