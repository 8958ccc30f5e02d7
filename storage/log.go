package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// flushAfter is how long a Save may wait for an append to ride along with.
const flushAfter = time.Second

// A Log is the store of one agent: events in the order of their coming, and
// cursors of those that read them. All methods may be called at once from
// several goroutines; Run has one caller.
type Log struct {
	options Options
	path    string
	folder  *os.File               // holds the lock
	handle  atomic.Pointer[handle] // nil once it is closed
	clock   clock
	start   uint64
	writer  *writer
	work    chan struct{} // something is queued; capacity 1
	timer   *time.Timer   // for Saves without an append, and to try again
	copying sync.Mutex    // held by the writer while it reads Entry.Data
	pool    sync.Pool     // of requests
	forgets atomic.Uint64 // how often Forget has exchanged the file
	settles atomic.Uint64 // how often what was in flight has come to be in the file; changed under mu

	mu      sync.Mutex // guards what follows
	state   state
	queue   []*request
	company company
	cursors []*Cursor
	lists   map[string]*list
	drop    []string      // cursors in the file that are no longer wanted
	wake    chan struct{} // closed when visible moves; nil while nobody waits

	dirty      bool // something is saved that no commit has taken yet
	dirtySince time.Time
	armed      time.Time // when the timer fires; zero while it does not run

	visible  uint64 // newest durable sequence, the last that readers see
	ledger   ledger // of the records that readers see
	tail     tail   // the newest of them
	stats    Stats
	oldest   oldest
	newest   newestOf
	noRoom   error // why no events can be stored now, for want of room
	dropping bool  // undelivered events are being given up
	broken   error // why there are no commits any more
	problems problems
}

// state is where a Log is in its life.
type state int

const (
	opened  state = iota // Run was not called
	running              // Run stores
	ending               // Run stores what is queued, no more
	ended                // Run has returned
	closed               // and so has Close
)

// oldest remembers the age of one record.
type oldest struct {
	sequence uint64
	elapsed  time.Duration
}

// newestOf remembers when a record came, in running time.
type newestOf struct {
	sequence uint64
	running  time.Duration
}

// A request waits for a commit: of entries, or, without any, of what was saved;
// or for what is done after that.
type request struct {
	entries []Entry
	forget  *forgetting
	seqs    []uint64
	waits   bool // the answer depends on the commit under way
	err     error
	done    chan struct{} // capacity 1
}

// Append stores es, all in one commit, and returns when they are durable. It
// answers each with its sequence, or with 0 when an event with the same ID is
// stored already, durably. It waits while Run does not run yet. When ctx ends
// first, its error is returned and es may still become stored. Other errors:
// ErrFull, ErrNoSpace, ErrBroken, ErrClosed; of those es is not stored, though
// after ErrBroken it may be found at the next Open. Once it has returned, es
// is not looked at any more.
func (l *Log) Append(ctx context.Context, es []Entry) (seqs []uint64, err error) {
	if len(es) == 0 {
		return nil, nil
	}
	seqs = make([]uint64, len(es))
	r := l.request(es)
	r.seqs = seqs
	l.mu.Lock()
	err = l.submit(r)
	l.mu.Unlock()
	if err == nil {
		err = l.wait(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("append %d events: %w", len(es), err)
	}
	return seqs, nil
}

func (l *Log) request(es []Entry) *request {
	r, _ := l.pool.Get().(*request)
	if r == nil {
		r = &request{done: make(chan struct{}, 1)}
	}
	r.entries = es
	return r
}

// submit queues r; the caller holds the lock.
func (l *Log) submit(r *request) error {
	if l.state >= ending {
		return ErrClosed
	}
	if l.broken != nil {
		return l.broken
	}
	l.queue = append(l.queue, r)
	l.company.came(len(l.queue))
	if len(l.queue) == 1 {
		select {
		case l.work <- struct{}{}:
		default:
		}
	}
	return nil
}

// wait waits for the answer to r and gives r back.
func (l *Log) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
	case <-ctx.Done():
		if l.withdraw(r) {
			l.recycle(r)
			return ctx.Err()
		}
		// The writer has it, and uses r until it answers: r is not given back.
		l.copying.Lock()
		defer l.copying.Unlock()
		select {
		case <-r.done:
			return r.err
		default:
			return ctx.Err()
		}
	}
	err := r.err
	l.recycle(r)
	return err
}

func (l *Log) recycle(r *request) {
	*r = request{done: r.done}
	l.pool.Put(r)
}

// withdraw takes r out of the queue, if it is there.
func (l *Log) withdraw(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, q := range l.queue {
		if q == r {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			return true
		}
	}
	return false
}

// touch notes that something is saved which waits for a commit; the caller
// holds the lock.
func (l *Log) touch() {
	if l.dirty {
		return
	}
	l.dirty, l.dirtySince = true, time.Now()
	l.arm(flushAfter)
}

// arm has the timer fire after d, if not before; the caller holds the lock. It
// is not stopped by a commit: under load that were a timer set for each commit.
func (l *Log) arm(d time.Duration) {
	if at := time.Now().Add(d); l.armed.IsZero() || at.Before(l.armed) {
		l.armed = at
		l.timer.Reset(d)
	}
}

// Next returns the durable records after sequence after, oldest first, at most
// max of them and of about 1 MiB together, one at least. It blocks until there
// is one. Damaged records are left out. Errors: ctx's, ErrClosed.
func (l *Log) Next(ctx context.Context, after uint64, max int) ([]Record, error) {
	for {
		l.mu.Lock()
		last, ended := l.visible, l.state >= ended
		newest := l.tail.after(after, max)
		var wake chan struct{}
		if last <= after && !ended {
			if l.wake == nil {
				l.wake = make(chan struct{})
			}
			wake = l.wake
		}
		l.mu.Unlock()
		if len(newest) > 0 {
			return newest, nil
		}
		if wake != nil {
			select {
			case <-wake:
				continue
			case <-ctx.Done():
				return nil, fmt.Errorf("read after event %d: %w", after, ctx.Err())
			}
		}
		if last > after {
			rs, err := read(l.view, after, last, max, l.damaged)
			if len(rs) > 0 || err != nil {
				return rs, err
			}
			after = last // nothing there can be read
			continue
		}
		return nil, fmt.Errorf("read after event %d: %w", after, ErrClosed)
	}
}

// Read is Next that does not block: at the end it returns nothing.
func (l *Log) Read(after uint64, max int) ([]Record, error) {
	return read(l.view, after, l.durable(), max, l.damaged)
}

// Get returns one record. Errors: ErrNotFound, ErrDamaged, ErrClosed.
func (l *Log) Get(seq uint64) (Record, error) {
	return get(l.view, seq, l.durable(), l.damaged)
}

// durable is the last sequence that readers may see. In the file there may be
// one more commit: one whose last sync failed.
func (l *Log) durable() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.visible
}

// Cursor returns a cursor of Options.Cursors, the same one every time.
// Errors: ErrUnknownCursor.
func (l *Log) Cursor(name string) (*Cursor, error) {
	for _, c := range l.cursors {
		if c.spec.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("cursor %s: %w", name, ErrUnknownCursor)
}

// Stats returns what the store holds now. It does not block.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Ready returns nil when events can be made durable now, else why not:
// ErrFull, ErrNoSpace, ErrBroken or ErrClosed in a sentence.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.broken != nil:
		return l.broken
	case l.state >= ending:
		return ErrClosed
	}
	return l.noRoom
}

// Elapsed is the store's own clock, monotonic. It is never behind what a
// record says, over restarts too. The time between two runs is in it where the
// wall clock was set before and after.
func (l *Log) Elapsed() time.Duration { return l.clock.read().elapsed }

// StartSequence returns the last sequence at Open: records up to it came
// before this start.
func (l *Log) StartSequence() uint64 { return l.start }

// Undelivered counts the records after the slowest cursor that delivers, and
// says how old, by Elapsed, the first of them is. Positions count when saved,
// durable or not.
func (l *Log) Undelivered() (n int, age time.Duration) {
	l.mu.Lock()
	slowest := l.visible
	for _, c := range l.cursors {
		if c.spec.Delivers {
			slowest = min(slowest, c.position)
		}
	}
	n = l.toCome(slowest)
	first, known := l.ledger.next(slowest), l.oldest
	for l.problems.damaged[first] {
		first = l.ledger.next(first)
	}
	l.mu.Unlock()
	if n == 0 {
		return 0, 0
	}
	if known.sequence != first {
		s, err := stampOf(l.view, first)
		if err != nil {
			return n, 0
		}
		known = oldest{first, s.elapsed}
		l.mu.Lock()
		l.oldest = known
		l.mu.Unlock()
	}
	return n, max(0, l.Elapsed()-known.elapsed)
}

// Idle says how long no record has come, in running time: the time switched off
// does not count. Where no record can be read any more, it is since Open at
// least; in a store that never held one, since it was made.
func (l *Log) Idle() time.Duration {
	l.mu.Lock()
	last, known := l.visible, l.newest
	l.mu.Unlock()
	if known.sequence != last {
		s, err := stampOf(l.view, last)
		switch {
		case err == nil:
			known = newestOf{last, s.running}
		case known.sequence == 0:
			known = newestOf{last, l.clock.from.running}
		default:
			known.sequence = last // it came after the one before, and that is all there is to know
		}
		l.mu.Lock()
		l.newest = known
		l.mu.Unlock()
	}
	return max(0, l.clock.read().running-known.running)
}

// toCome counts the records that readers will still get after a sequence: not
// those known as damaged, for nobody gets past the last one if it is. The caller
// holds the lock.
func (l *Log) toCome(after uint64) int {
	n, _ := l.ledger.after(after)
	for seq := range l.problems.damaged {
		if seq > after && l.ledger.has(seq) {
			n--
		}
	}
	return n
}

// Close gives file and lock back. Call it after Run has returned; a second
// call does nothing.
func (l *Log) Close() error {
	if l.enter(closed) == closed {
		return nil
	}
	l.timer.Stop()
	err := errors.Join(l.handle.Swap(nil).close(), l.folder.Close())
	if err != nil {
		return fmt.Errorf("close store %s: %w", filepath.Dir(l.path), err)
	}
	return nil
}
