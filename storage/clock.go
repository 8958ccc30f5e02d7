package storage

import (
	"encoding/binary"
	"time"
)

// A wall clock that was ever set shows a time between these two: this program
// is not older, and nanoseconds since 1970 do not reach further.
var (
	clockSet = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	clockEnd = time.Date(2262, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// A wall clock set wrong makes the time switched off look long. It is bounded,
// and so is all of it together: a clock that is wrong at each start must not
// make elapsed overflow, with what others add to it.
const (
	year          = 365 * 24 * time.Hour
	offAtMost     = 10 * year
	elapsedAtMost = 50 * year
)

// A stamp is one reading of the clock.
type stamp struct {
	elapsed time.Duration // since the store was made, as far as is known
	running time.Duration // the part of elapsed in which an agent ran
	wall    int64         // Unix time in ns, 0 while the clock is not set
}

const stampSize = 3 * 8

func (s stamp) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(s.elapsed))
	b = binary.BigEndian.AppendUint64(b, uint64(s.running))
	return binary.BigEndian.AppendUint64(b, uint64(s.wall))
}

// parseStamp reads the first stampSize bytes of b.
func parseStamp(b []byte) stamp {
	return stamp{
		elapsed: time.Duration(binary.BigEndian.Uint64(b)),
		running: time.Duration(binary.BigEndian.Uint64(b[8:])),
		wall:    int64(binary.BigEndian.Uint64(b[16:])),
	}
}

// atLeast sets s forward to what other says.
func (s *stamp) atLeast(other stamp) {
	if other.elapsed > s.elapsed {
		*s = other
	}
}

// later is the highest of both, in each of the numbers.
func (s stamp) later(o stamp) stamp {
	return stamp{max(s.elapsed, o.elapsed), max(s.running, o.running), max(s.wall, o.wall)}
}

// A clock goes on from the stamp that was saved last, by monotonic time.
type clock struct {
	from   stamp
	opened time.Time
	now    func() time.Time
}

// newClock adds the time switched off where the wall clock tells it.
func newClock(saved stamp, now func() time.Time) clock {
	c := clock{from: saved, opened: time.Now(), now: now}
	if wall := c.wall(); wall != 0 && saved.wall != 0 {
		c.from.elapsed += max(0, min(time.Duration(wall-saved.wall), offAtMost, elapsedAtMost-saved.elapsed))
	}
	return c
}

func (c *clock) read() stamp {
	ran := time.Since(c.opened)
	return stamp{c.from.elapsed + ran, c.from.running + ran, c.wall()}
}

// wall is the wall clock in ns, 0 while it is not set.
func (c *clock) wall() int64 {
	if t := c.now(); ClockSet(t) {
		return t.UnixNano()
	}
	return 0
}

// ClockSet says whether a wall clock that shows t was ever set. A machine
// without a clock of its own begins in the past, mostly in 1970.
func ClockSet(t time.Time) bool { return !t.Before(clockSet) && t.Before(clockEnd) }
