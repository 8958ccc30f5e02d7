package desk

import (
	"cmp"
	"encoding/binary"
	"math"
	"time"

	"deskbell/agent/event"
)

// order is an event's place among those of its conversation: its own time, then its id. An event without a readable time
// takes the newest time seen so far and comes after those that really had it, in the order of receipt.
type order struct {
	t   int64 // microseconds since 1970, as fine as the platform's own; math.MinInt64 before all
	tie uint64
}

// untimed marks the tie of an event without a time of its own; the other bits are its sequence.
const untimed = 1 << 63

var beginning = order{t: math.MinInt64}

func (a order) compare(b order) int {
	return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.tie, b.tie))
}

func (a order) after(b order) bool { return a.compare(b) > 0 }

// orderOf places an event; newest is the greatest order of its conversation until now.
func orderOf(e *event.Event, s Stamp, newest order) order {
	if e.Time.IsZero() {
		return order{t: newest.t, tie: untimed | s.Sequence}
	}
	// 63 bits of the id are enough to break a tie: the ids are parts of SHA-256.
	return order{t: e.Time.UnixMicro(), tie: binary.BigEndian.Uint64(s.ID[:8]) >> 1}
}

func (a order) untimed() bool { return a.tie&untimed != 0 }

// within reports whether a came at most d after b, by their own times; where one of the two has none, by receipt.
func within(d time.Duration, a, b order, aAt, bAt time.Duration) bool {
	if a.untimed() || b.untimed() {
		return aAt >= bAt && aAt-bAt <= d
	}
	return a.t >= b.t && uint64(a.t-b.t) <= uint64(d/time.Microsecond)
}

// clock is a moment of receipt: by the store's running clock, and by the wall clock for people.
type clock struct {
	at       time.Duration
	wall     int64  // milliseconds since 1970; 0 while the wall clock was not set
	sequence uint64 // of what was received; 0: it was no event, or that is not known
}

func clockOf(s Stamp) clock {
	c := clock{at: s.At, sequence: s.Sequence}
	if !s.Wall.IsZero() {
		c.wall = s.Wall.UnixMilli()
	}
	return c
}

func (c clock) earlier(d clock) clock {
	if d.at < c.at {
		return d
	}
	return c
}

func (c clock) later(d clock) clock {
	if d.at > c.at {
		return d
	}
	return c
}

// time is for people: nil while the wall clock was not set.
func (c clock) time() *time.Time {
	if c.wall == 0 {
		return nil
	}
	t := time.UnixMilli(c.wall).UTC()
	return &t
}
