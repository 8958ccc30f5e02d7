package storage

import (
	"context"
	"time"
)

const (
	// worthwhile is how many requests share the cost of a commit well enough.
	// More than that are not waited for.
	worthwhile = 16
	// longest is how many times as long as the commit took those are waited for
	// who came back before.
	longest = 4
)

// A company is those who have something stored again and again. Answered by one
// commit, they come back one after the other, and the first of them would
// begin the next commit by itself: then each would serve half of them. So the
// commit that follows at once waits for the others, up to half as long as the
// one before took. Who comes alone never waits.
//
// Where a commit is quick, half of one is too short a time for many to be
// answered and to ask again: they would be waited for in vain, and the first of
// them served alone after all. So those who came back the last time are waited
// for longer: that depends on the processor, not on the disk.
//
// With 16 connections that post as fast as they are answered, a commit serves 13
// of them instead of 8, and an event takes a fifth less of the processor's time.
type company struct {
	size     int           // requests, as far as they are waited for
	early    int           // of those, how many came while the commit before was made
	took     time.Duration // that commit
	answered time.Time     // when it was over
	faithful bool          // they came back the last time
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

// left is how long it is still waited for.
func (c *company) left() time.Duration {
	wait := c.took / 2
	if c.faithful {
		wait = longest * c.took
	}
	return wait - time.Since(c.answered)
}

// judge is told how many are queued after a wait. Requests that come by
// themselves, rather than because they were answered, come as fast during a
// commit as after it: to wait for those only makes all of them late.
func (c *company) judge(queued int) {
	came, waited := queued-c.early, time.Since(c.answered)
	c.faithful = 2*came >= c.size-c.early && time.Duration(came)*c.took > 2*time.Duration(c.early+1)*waited
}

// expect notes how many are about while the batch is being answered, after a
// commit that took so long.
func (w *writer) expect(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.company
	c.early = len(w.queue)
	c.size = min(len(w.batch)+c.early, worthwhile)
	c.took, c.answered = took, time.Now()
}

// assemble waits for the company.
func (w *writer) assemble(ctx context.Context) {
	w.mu.Lock()
	c := &w.company
	left := c.left()
	select {
	case <-c.complete: // of an earlier round
	default:
	}
	here := len(w.queue) >= c.size
	w.mu.Unlock()
	if here || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-c.complete:
	case <-timer.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	c.judge(len(w.queue))
	w.mu.Unlock()
}
