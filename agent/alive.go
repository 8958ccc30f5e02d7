package agent

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How long a loop may be at work without coming round: then the status says so,
// and then the agent is not alive, so that a watchdog starts it again.
const (
	slowAfter  = 10 * time.Second
	stuckAfter = 30 * time.Second
)

// A pulse is the sign of life of one loop.
type pulse struct {
	name  string
	began time.Time
	since atomic.Int64 // when it began, or came forward, from began; 0: it waits
}

// works is told by the loop: true when it begins its work on something, and
// while that comes forward; false when it waits for something, a client or a
// broker too, or has ended.
func (p *pulse) works(busy bool) {
	if !busy {
		p.since.Store(0)
		return
	}
	p.since.Store(max(1, int64(time.Since(p.began))))
}

// late says for how long the loop has not come forward.
func (p *pulse) late() time.Duration {
	if since := p.since.Load(); since > 0 {
		return time.Since(p.began) - time.Duration(since)
	}
	return 0
}

// pulses are those of all loops. They take no locks but their own, so that what
// is stuck keeps nobody from seeing that.
type pulses struct {
	began time.Time
	asked chan struct{} // holds one: look is to look
	told  atomic.Bool   // of a loop that is stuck

	mu  sync.Mutex
	all []*pulse
}

// of makes the pulse of a loop, and returns how that tells of itself.
func (p *pulses) of(name string) (works func(busy bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := &pulse{name: name, began: p.began}
	p.all = append(p.all, n)
	return n.works
}

// later returns the loop that has not come forward for longest, if that is more
// than so long.
func (p *pulses) later(than time.Duration) (name string, late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if l := one.late(); l > max(than, late) {
			name, late = one.name, l
		}
	}
	return name, late
}

// Alive tells whether each loop of the agent comes round within 30 s, where to
// wait for an event, a client or a broker counts as coming round. A watchdog
// asks it every few seconds. It does not block.
func (a *Agent) Alive() bool {
	select {
	case a.pulses.asked <- struct{}{}:
	default:
	}
	name, late := a.pulses.later(slowAfter)
	if name != "" {
		a.signal.Notify()
	}
	if late <= stuckAfter {
		a.pulses.told.Store(false)
		return true
	}
	if !a.pulses.told.Swap(true) {
		a.log.Error("a part is stuck; a watchdog starts the agent again", "part", name, "for", late.Round(time.Second))
	}
	return false
}

// slow says in words that something is stuck, or soon will be.
func (a *Agent) slow() string {
	name, late := a.pulses.later(slowAfter)
	if name == "" {
		return ""
	}
	text := fmt.Sprintf("%s has been at work on one thing for %d s; after %d s the service is started again", name, int(late.Seconds()), int(stuckAfter.Seconds()))
	if name == storePart {
		text += ": the disk or card gives no answer"
	}
	return text
}

// storePart is the name of the store among the loops.
const storePart = "store"

// look makes the status each time that Alive was asked: that needs a lock of
// every room, and a room that keeps its own for ever shows here.
func (a *Agent) look(ctx context.Context) error {
	works := a.pulses.of("status")
	defer works(false)
	for {
		works(false)
		select {
		case <-ctx.Done():
			return nil
		case <-a.pulses.asked:
		}
		works(true)
		a.Status()
	}
}
