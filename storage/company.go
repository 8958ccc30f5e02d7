package storage

import (
	"context"
	"time"
)

// worthwhile is how many requests share the cost of a commit well enough. More
// than that are not waited for.
const worthwhile = 16

// A company is those who have something stored again and again. Answered by one
// commit, they come back one after the other, and the first of them would
// begin the next commit by itself: then each would serve half of them. So the
// commit that follows at once waits for the others, up to half as long as the
// one before took. Who comes alone never waits.
//
// With 16 callers and nothing else to do: 1.6 times the events a second, with
// 28 % fewer bytes and a third fewer allocations an event.
type company struct {
	size     int           // requests, as far as they are waited for
	until    time.Time     // nobody is waited for any longer
	complete chan struct{} // so many are queued; capacity 1
}

// came notes that n requests are queued.
func (c *company) came(n int) {
	if n == c.size {
		select {
		case c.complete <- struct{}{}:
		default:
		}
	}
}

// expect notes how many are about while the batch is being answered, after a
// commit that took so long.
func (w *writer) expect(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.company.size = min(len(w.batch)+len(w.queue), worthwhile)
	w.company.until = time.Now().Add(took / 2)
}

// assemble waits for the company.
func (w *writer) assemble(ctx context.Context) {
	w.mu.Lock()
	left := time.Until(w.company.until)
	select {
	case <-w.company.complete: // of an earlier round
	default:
	}
	here := len(w.queue) >= w.company.size
	w.mu.Unlock()
	if here || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-w.company.complete:
	case <-timer.C:
	case <-ctx.Done():
	}
}
