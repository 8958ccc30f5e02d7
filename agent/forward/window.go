package forward

import (
	"context"
	"sync"
)

// A window lets a number of publishes be in flight. After a loss it starts at
// one, so that what ends the connection can be told from what was sent with
// it, and doubles each time as many were acknowledged as it is wide.
type window struct {
	slots chan struct{} // one for each publish that may still be sent
	most  int

	mu   sync.Mutex // guards what follows
	size int
	acks int // since the last change of size
}

func newWindow(careful bool, most int) *window {
	w := &window{slots: make(chan struct{}, most), most: most}
	if careful {
		w.widen(1)
	} else {
		w.widen(most)
	}
	return w
}

func (w *window) widen(size int) {
	for range size - w.size {
		w.slots <- struct{}{}
	}
	w.size = size
}

// take waits for room for one publish.
func (w *window) take(ctx context.Context) bool {
	select {
	case <-w.slots:
		return true
	case <-ctx.Done():
		return false
	}
}

// try is take that does not wait.
func (w *window) try() bool {
	select {
	case <-w.slots:
		return true
	default:
		return false
	}
}

// back returns what take gave and was not used.
func (w *window) back() { w.slots <- struct{}{} }

// give notes the acknowledgement of one.
func (w *window) give() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back()
	if w.acks++; w.acks < w.size || w.size == w.most {
		return
	}
	w.acks = 0
	w.widen(min(2*w.size, w.most))
}
