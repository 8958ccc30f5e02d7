package storage

import (
	"encoding/binary"
	"time"
)

// clockSet is when no clock can be that was ever set: before this program was.
var clockSet = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// offAtMost bounds the time that counts as switched off, so that a wall clock
// set wrong for once cannot make elapsed overflow.
const offAtMost = 10 * 365 * 24 * time.Hour

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

// A clock goes on from the stamp that was saved last, by monotonic time.
type clock struct {
	from   stamp
	opened time.Time
	now    func() time.Time
}

// newClock adds the time switched off where the wall clock tells it.
func newClock(saved stamp, now func() time.Time) clock {
	c := clock{from: saved, opened: time.Now(), now: now}
	if wall := c.wall(); wall != 0 && saved.wall != 0 && wall > saved.wall {
		c.from.elapsed += min(time.Duration(wall-saved.wall), offAtMost)
	}
	return c
}

func (c *clock) read() stamp {
	ran := time.Since(c.opened)
	return stamp{c.from.elapsed + ran, c.from.running + ran, c.wall()}
}

func (c *clock) wall() int64 {
	t := c.now()
	if t.Before(clockSet) {
		return 0
	}
	return t.UnixNano()
}
