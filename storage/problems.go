package storage

import (
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
		all = append(all, l.explainBroken())
	case l.stats.Full:
		all = append(all, fmt.Sprintf("%v (%d of %d bytes%s): no events are taken until some are delivered, or storage.max_size is raised",
			l.noRoom, l.stats.Bytes, l.stats.MaxBytes, l.behind()))
	case l.dropping:
		all = append(all, fmt.Sprintf("%v (%d of %d bytes%s): %d of the oldest were given up; look why they are not delivered, or raise storage.max_size",
			ErrFull, l.stats.Bytes, l.stats.MaxBytes, l.behind(), l.stats.Dropped))
	case l.stats.NearlyFull && l.noRoom == nil:
		all = append(all, fmt.Sprintf("the store is nearly full of events that are not delivered yet (%d of %d bytes%s): look why they are not delivered, or raise storage.max_size",
			l.stats.UndeliveredBytes, l.stats.MaxBytes, l.behind()))
	case l.noRoom != nil:
		all = append(all, fmt.Sprintf("%v: no events are taken until room is made on the disk of %s; it is tried again by itself", l.noRoom, l.path))
	}
	return all
}

// behind names the cursor that fills the store; the caller holds the lock.
func (l *Log) behind() string {
	if l.stats.Slowest == "" {
		return ""
	}
	return ", " + l.stats.Slowest + " is furthest behind"
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
