package storage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// problems is what is wrong with a store beside its state. Log.mu guards it.
type problems struct {
	opening string          // what Open found
	damaged map[uint64]bool // records that cannot be read; the keys count
}

// damagedAtMost bounds how many damaged records are told apart.
const damagedAtMost = 1000

// Problems returns, in words and with the remedy, what is wrong with the
// store; empty when nothing is.
func (l *Log) Problems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	if l.problems.opening != "" {
		all = append(all, l.problems.opening)
	}
	if n := len(l.problems.damaged); n > 0 {
		first := slices.Min(slices.Collect(maps.Keys(l.problems.damaged)))
		if n == 1 {
			all = append(all, fmt.Sprintf("event %d cannot be read any more and is left out: the disk or card may be failing", first))
		} else {
			all = append(all, fmt.Sprintf("%d events, the first of them %d, cannot be read any more and are left out: the disk or card may be failing", n, first))
		}
	}
	switch {
	case l.broken != nil:
		all = append(all, fmt.Sprintf("%v: no events are taken until this is mended and deskbell restarted; look at the disk or card", l.broken))
	case l.stats.Full || errors.Is(l.noRoom, ErrFull):
		all = append(all, fmt.Sprintf("%v (%d of %d bytes): no events are taken until some are delivered, or storage.max_size is raised", ErrFull, l.stats.Bytes, l.stats.MaxBytes))
	case l.noRoom != nil:
		all = append(all, fmt.Sprintf("%v: no events are taken until room is made on the disk of %s; it is tried again by itself", l.noRoom, l.path))
	}
	return all
}

// damaged notes that a record cannot be read.
func (l *Log) damaged(seq uint64) {
	l.mu.Lock()
	known := l.problems.damaged[seq] || len(l.problems.damaged) >= damagedAtMost
	if !known {
		l.problems.damaged[seq] = true
	}
	l.mu.Unlock()
	if !known {
		l.options.Log.Error("event is damaged and left out", "store", l.path, "sequence", seq)
		l.options.Changed()
	}
}
