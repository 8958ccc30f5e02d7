package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	groupEntries = 1024     // in one commit at most, a single request apart
	largeBytes   = 64 << 10 // an event that may not find pages side by side: refused, it takes no others with it
)

// A writer is what Run works with; nobody else touches it while Run runs.
type writer struct {
	*Log
	ctx    context.Context // of Run
	ids    *window
	held   map[uint64]bool // by any cursor
	last   uint64          // newest sequence given
	inFile uint64          // the newest that the file knows of
	first  uint64          // there are no records before, but held ones
	size   size
	run    run

	stuck   stuck
	knot    knot
	told    condition // what the log was told of
	trouble trouble   // guarded by mu
	probed  time.Time
	blind   bool      // the file system does not tell files apart
	made    time.Time // when the file was made anew, the last time
	since   int64     // bytes stored since then
	leaving bool      // it is the last commit
	lack    int64     // room that there must be before events are taken again

	// Of one round.
	batch     []*request // being answered
	asked     bool       // one of them has no entries
	fresh     []span     // records of batch that are new
	withheld  bool       // they are not stored by this transaction
	arena     values     // their bytes
	boundary  uint64     // records up to it may be trimmed
	delivered uint64     // those up to it are delivered
	seen      uint64     // those up to it may be dropped
	need      int64      // bytes that what is stored now takes up
	gone      []gone     // records being given up
	next      uint64     // there will be no records before, but held ones
	moved     uint64     // the newest that is dropped
	drops     bool       // undelivered records are given up, and that is enough
	taken     []*list    // lists as they were when it began
	number    [8]byte    // a key
	values    values     // other values being stored
	scratch   [stampSize]byte
	tried     time.Time // when the last commit began
	wanted    bool      // the commit is to be made also without new events
	saved     bool      // something was
	trimming  trimming
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
	w.ctx = ctx
	works := l.options.Working
	defer works(false)
	for ctx.Err() == nil {
		works(false)
		select {
		case <-l.work:
			works(true)
			for w.queued() && ctx.Err() == nil {
				w.assemble(ctx)
				_ = w.round(false) // kept in broken or stuck
			}
		case <-l.timer.C:
			works(true)
			w.tick()
		case <-ctx.Done():
		}
	}

	works(true)
	l.enter(ending)
	for w.queued() {
		_ = w.round(false)
	}
	w.leaving = true
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
	w.armed = time.Time{}
	if w.broken != nil {
		mend := w.due(time.Until(w.trouble.next))
		w.mu.Unlock()
		if mend {
			w.mend()
		}
		return
	}
	flush, probe := w.dirty || w.stuck.err != nil, w.noRoom != nil && (w.size.short() || w.knot.small())
	if flush {
		flush = w.due(max(flushAfter-time.Since(w.dirtySince), w.stuck.wait()))
	}
	if probe {
		probe = w.due(max(w.size.wait(), probeEvery-time.Since(w.probed)))
	}
	w.mu.Unlock()
	if probe {
		w.probe()
	}
	if flush {
		_ = w.round(true)
	}
}

// due says that there is nothing to wait for, or sets the timer; the caller
// holds the lock.
func (w *writer) due(wait time.Duration) bool {
	if wait > 0 {
		w.arm(wait)
	}
	return wait <= 0
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
	if err := w.reserve(); err != nil {
		_ = w.breaks(err)
	}
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
	w.assess()
	for _, r := range w.batch {
		if r.waits && r.err == nil {
			r.err = err
		}
		if r.forget != nil && r.err == nil {
			r.err = w.forget(r.forget)
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
	w.positions()
	n, entries, bytes := 0, 0, int64(0)
	most := w.options.groupBytes()
	if room := w.room(); room >= aFew { // else all are refused at once
		most = min(most, room/2)
	}
	for _, r := range w.queue {
		large := false
		for _, e := range r.entries {
			bytes += int64(dataAt + len(e.Data))
			large = large || len(e.Data) > largeBytes
		}
		entries += len(r.entries)
		if n > 0 && (entries > groupEntries || bytes > most || large) {
			break
		}
		if n++; large || r.forget != nil {
			break // nobody before it waits for it, and nothing comes between the commit and it
		}
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
	if err := w.admit(); err != nil {
		w.refuse(err)
	}
	if w.stuck.wait() > 0 && !force {
		w.refuse(w.stuck.err)
		return false, w.stuck.err
	}
	// Whoever keeps the queue full of repeats, or of what is refused, keeps the
	// timer from being looked at.
	due := w.dirty && (w.asked || time.Since(w.dirtySince) >= flushAfter)
	w.wanted = force || due
	if !w.wanted && len(w.fresh) == 0 {
		return false, nil
	}
	if w.positions() {
		w.gather()
	}
	for _, c := range w.cursors {
		c.take()
	}
	if w.size.used() < w.size.limit()+w.size.ballast()/4 { // the rest is not for lists
		for _, li := range w.lists {
			li.take()
			w.taken = append(w.taken, li)
		}
	}
	w.saved, w.dirty = w.dirty, false
	return true, nil
}

// positions finds out what is delivered, and what may be given up. It says
// whether something is to be held; the caller holds the lock.
func (w *writer) positions() (holds bool) {
	w.boundary, w.delivered, w.seen = w.last, w.last, w.last
	for _, c := range w.cursors {
		w.boundary = min(w.boundary, c.position)
		if c.spec.Delivers {
			w.delivered = min(w.delivered, c.position)
		} else {
			w.seen = min(w.seen, c.position)
		}
		holds = holds || len(c.pending.hold) > 0
	}
	return holds
}

// refuse answers the new events of the batch with err.
func (w *writer) refuse(err error) {
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
