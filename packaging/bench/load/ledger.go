// Package load drives a webhook whose events come out at an MQTT broker, and
// accounts for each of them: what was answered 200, what came, how often, in
// which order, whether as it was sent, and after how long.
//
// A [Ledger] keeps the account, a [Poster] posts, a [Subscriber] listens. Both
// go on over failures: of the program that is tried, and of the broker, which
// must keep its sessions (persistence) for what it acknowledged to be counted.
package load

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// A Ledger accounts for the events of one run. Its methods may be called at
// once from several goroutines. It takes 32 bytes an event.
type Ledger struct {
	text  *text
	start time.Time

	mu      sync.Mutex
	lanes   []lane
	answers map[int]int    // events by the status of their answer
	errors  map[string]int // posts without an answer by why
	foreign int            // with a mark that was never given out
	further int            // copies after the first
	again   int            // of those the ones that the broker sent a second time
	pending int            // accepted and not come
	settled chan struct{}  // closed when pending is 0; nil while nobody waits
}

// A lane is one connection: it sends its next event when the last was answered.
type lane struct {
	events []entry
	pad    int // bytes that each event of it is made larger by
	newest int // number of the newest that came; -1: none
}

// An entry is one event; times count from the ledger's start, 0 is never.
type entry struct {
	sent, answered, came time.Duration
	copies               uint16
	accepted             bool
	behind               bool // it came after a later one of its lane
	altered              bool // it came without what was sent
}

// NewLedger begins an account of events like the platform's samples.
func NewLedger() *Ledger { return newLedger(samples()) }

// NewHandovers begins one of events each of which begins or ends a wait, and so
// changes what the outputs show. Only over a single connection they do.
func NewHandovers() *Ledger { return newLedger(handovers()) }

func newLedger(t *text) *Ledger {
	return &Ledger{text: t, start: time.Now(), answers: map[int]int{}, errors: map[string]int{}}
}

// now is never 0, which stands for never.
func (l *Ledger) now() time.Duration { return time.Since(l.start) + 1 }

// open adds n lanes, whose events are made larger by pad bytes, and returns the
// number of the first.
func (l *Ledger) open(n, pad int) (first int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = len(l.lanes)
	for range n {
		l.lanes = append(l.lanes, lane{newest: -1, pad: pad})
	}
	return first
}

// send notes n events of a lane as sent, and returns the number of the first.
func (l *Ledger) send(lane, n int, at time.Duration) (number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.lanes[lane]
	number = len(s.events)
	for range n {
		s.events = append(s.events, entry{sent: at})
	}
	return number
}

// answer notes the last answer to a post of n events: its status, or 0 and why
// there was none.
func (l *Ledger) answer(lane, number, n, status int, why error, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if status == 0 {
		l.errors[reason(why)]++
		return
	}
	l.answers[status] += n
	for i := range n {
		e := &l.lanes[lane].events[number+i]
		e.answered, e.accepted = at, status == 200
		if e.accepted && e.copies == 0 {
			l.pending++
		}
	}
}

// Arrived notes what came from the broker, now; again says that the broker
// marked it as sent before (DUP), which it does after a connection was lost.
func (l *Ledger) Arrived(payload []byte, again bool) {
	at := l.now()
	var buffer [4096]byte
	l.text.marks(payload, func(lane, number int) {
		sent := l.text.appendEvent(buffer[:0], lane, number, l.padOf(lane))
		l.arrive(lane, number, !bytes.Contains(payload, sent), again, at)
	})
}

func (l *Ledger) padOf(lane int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lane >= len(l.lanes) {
		return 0
	}
	return l.lanes[lane].pad
}

// earlier returns the number of an event of a lane that was accepted, with the
// n-1 after it, and is to be posted again: the oldest of the last few posts.
func (l *Ledger) earlier(lane, n int) (number int, ok bool) {
	const posts = 50 // a program need not remember all for ever
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.lanes[lane].events
	for number = max(0, len(events)-posts*n); number < len(events); number += n {
		if events[number].accepted {
			return number, true
		}
	}
	return 0, false
}

func (l *Ledger) arrive(lane, number int, altered, again bool, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lane >= len(l.lanes) || number >= len(l.lanes[lane].events) {
		l.foreign++
		return
	}
	s := &l.lanes[lane]
	e := &s.events[number]
	e.altered = e.altered || altered
	if e.copies < math.MaxUint16 {
		e.copies++
	}
	if e.copies > 1 {
		l.further++
		if again {
			l.again++
		}
		return
	}
	e.came, e.behind = at, number < s.newest
	s.newest = max(s.newest, number)
	if e.accepted {
		l.pending--
		if l.pending == 0 && l.settled != nil {
			close(l.settled)
			l.settled = nil
		}
	}
}

// Settle waits until each accepted event has come. When ctx ends first, it
// returns its error and how many are missing.
func (l *Ledger) Settle(ctx context.Context) error {
	for {
		l.mu.Lock()
		if l.pending == 0 {
			l.mu.Unlock()
			return nil
		}
		if l.settled == nil {
			l.settled = make(chan struct{})
		}
		settled := l.settled
		l.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d events: %w", l.Pending(), ctx.Err())
		}
	}
}

// Pending is how many events were accepted and have not come yet.
func (l *Ledger) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending
}

// Answered is how many events were answered with a status so far.
func (l *Ledger) Answered(status int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers[status]
}

// Copies is how many further copies of events came, and how many of them were
// marked as sent again by the broker.
func (l *Ledger) Copies() (further, again int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.further, l.again
}

// Came returns how many events came for the first time at or after t, and when
// the first and the last of them did.
func (l *Ledger) Came(t time.Time) (n int, first, last time.Time) {
	from := t.Sub(l.start)
	l.mu.Lock()
	defer l.mu.Unlock()
	var a, z time.Duration
	for e := range l.all() {
		if e.copies > 0 && e.came >= from {
			if n == 0 {
				a = e.came
			}
			n, a, z = n+1, min(a, e.came), max(z, e.came)
		}
	}
	return n, l.start.Add(a), l.start.Add(z)
}

// all ranges over the events; the caller holds the lock.
func (l *Ledger) all() func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		for s := range l.lanes {
			for i := range l.lanes[s].events {
				if !yield(&l.lanes[s].events[i]) {
					return
				}
			}
		}
	}
}
