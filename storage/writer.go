package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	groupEntries = 1024            // at most in one commit, a single request apart
	probeEvery   = 5 * time.Second // while there is no room on the disk
)

// A writer is what Run works with; nobody else touches it while Run runs.
type writer struct {
	*Log
	ids    *window
	held   map[uint64]bool // by any cursor
	last   uint64          // newest sequence given
	inFile uint64          // the newest that the file knows of
	first  uint64          // there are no records before, but held ones
	size   size
	run    run

	// Of one round.
	batch    []*request // being answered
	asked    bool       // one of them has no entries
	fresh    []span     // records of batch that are new
	arena    values     // their bytes
	boundary uint64     // records up to it may be trimmed
	gone     []gone     // records being trimmed
	next     uint64     // there will be no records before, but held ones
	taken    []*list    // lists as they were when it began
	number   [8]byte    // a key
	values   values     // other values being stored
	scratch  [stampSize]byte
	tried    time.Time // when the last commit began
}

// A span is one record in the arena.
type span struct{ from, to int }

// Run is the writer: nothing is stored while it does not run. When ctx ends it
// stores what was queued and saved before, with the running time, and returns:
// nil, or why that could not be stored. One call only.
func (l *Log) Run(ctx context.Context) error {
	l.mu.Lock()
	if l.state != opened {
		l.mu.Unlock()
		return fmt.Errorf("run store %s: %w", l.path, ErrClosed)
	}
	l.state = running
	if l.dirty {
		l.arm(flushAfter)
	}
	l.mu.Unlock()

	w := l.writer
	for ctx.Err() == nil {
		select {
		case <-l.work:
			for w.queued() && ctx.Err() == nil {
				w.assemble(ctx)
				_ = w.round(false) // kept in broken or noRoom
			}
		case <-l.timer.C:
			w.tick()
		case <-ctx.Done():
		}
	}

	l.enter(ending)
	for w.queued() {
		_ = w.round(false)
	}
	err := w.round(true)
	l.enter(ended)
	if err != nil {
		return fmt.Errorf("stop store: %w", err)
	}
	return nil
}

// enter changes the state and returns the one before.
func (l *Log) enter(s state) (before state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.state = l.state, s
	if s >= ended {
		l.wakeNext()
	}
	return before
}

// wakeNext wakes those in Next; the caller holds the lock.
func (l *Log) wakeNext() {
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

func (w *writer) queued() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0
}

// tick is called when the timer has fired.
func (w *writer) tick() {
	w.mu.Lock()
	w.armed = false
	due, wait := true, time.Duration(0)
	switch {
	case w.noRoom != nil:
		wait = probeEvery - time.Since(w.tried)
	case w.dirty:
		wait = flushAfter - time.Since(w.dirtySince)
	default:
		due = false
	}
	if wait > 0 {
		w.arm(wait)
		due = false
	}
	w.mu.Unlock()
	if due {
		_ = w.round(true)
	}
}

// round answers what is queued, as much as makes one commit. There is no
// commit where that brings nothing new, unless it is forced: then one is made
// for what was saved and for the clock. It returns why a commit failed.
func (w *writer) round(force bool) error {
	now := w.clock.read()
	w.copying.Lock()
	w.take()
	w.plan(now)
	w.copying.Unlock()

	commit, err := w.begin(force)
	if commit {
		err = w.commit(now)
	}
	switch {
	case err != nil:
		w.ids.undo()
	case commit:
		w.expect(time.Since(w.tried))
	}
	for _, r := range w.batch {
		if r.waits && r.err == nil {
			r.err = err
		}
		r.done <- struct{}{}
	}
	if commit {
		w.options.Changed()
	}
	return err
}

// take moves requests from the queue to the batch.
func (w *writer) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, entries, bytes := 0, 0, 0
	for _, r := range w.queue {
		for _, e := range r.entries {
			bytes += dataAt + len(e.Data)
		}
		entries += len(r.entries)
		if n > 0 && (entries > groupEntries || bytes > w.options.groupBytes()) {
			break
		}
		n++
	}
	clear(w.batch)
	w.batch = append(w.batch[:0], w.queue[:n]...)
	left := copy(w.queue, w.queue[n:])
	clear(w.queue[left:])
	w.queue = w.queue[:left]
}

// plan gives every new event of the batch its sequence and its bytes.
func (w *writer) plan(now stamp) {
	w.arena.reset()
	w.fresh, w.asked = w.fresh[:0], false
	seq := w.last
	for _, r := range w.batch {
		if r.entries == nil {
			r.waits, w.asked = true, true
		}
		for i, e := range r.entries {
			known, pending := w.ids.add(e.ID)
			if known {
				r.seqs[i] = 0
				r.waits = r.waits || pending
				continue
			}
			seq++
			r.seqs[i], r.waits = seq, true
			from := len(w.arena)
			binary.BigEndian.PutUint64(w.number[:], seq)
			w.arena = appendRecord(w.arena, w.number[:], e, now)
			w.fresh = append(w.fresh, span{from, len(w.arena)})
		}
	}
}

// begin takes what was saved for a commit, if there is to be one.
func (w *writer) begin(force bool) (commit bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return false, w.broken
	}
	w.boundary = w.last
	holds := false
	for _, c := range w.cursors {
		w.boundary = min(w.boundary, c.position)
		holds = holds || len(c.pending.hold) > 0
	}
	if len(w.fresh) > 0 {
		w.refuse()
	}
	// Whoever keeps the queue full of repeats, or of what is refused, keeps the
	// timer from being looked at.
	due := w.dirty && (w.asked || time.Since(w.dirtySince) >= flushAfter)
	if !force && len(w.fresh) == 0 && !due {
		return false, nil
	}
	if holds {
		w.gather()
	}
	for _, c := range w.cursors {
		c.take()
	}
	w.taken = w.taken[:0]
	for _, li := range w.lists {
		li.take()
		w.taken = append(w.taken, li)
	}
	w.dirty = false
	return true, nil
}

// refuse answers the new events of the batch with ErrFull, where the store is.
func (w *writer) refuse() {
	var err error
	switch {
	case int64(len(w.arena)) > w.options.MaxSize/10:
		err = fmt.Errorf("%w: %d bytes at once are too many for %d", ErrFull, len(w.arena), w.options.MaxSize)
	case w.full():
		err = ErrFull
	default:
		return
	}
	w.ids.undo()
	w.fresh, w.arena = w.fresh[:0], w.arena[:0]
	for _, r := range w.batch {
		if r.waits && r.entries != nil {
			r.err = err
		}
	}
}

// gather collects what any cursor holds. What is gone already cannot be held.
func (w *writer) gather() {
	held := make(map[uint64]bool)
	for _, c := range w.cursors {
		for seq := range c.held {
			if seq >= w.first || w.held[seq] {
				held[seq] = true
			}
		}
	}
	w.held = held
	w.findFirst(w.first)
}
