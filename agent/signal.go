package agent

import "sync"

// signal tells any number of waiters that something has changed. The zero
// value is ready. All methods may be called at once.
type signal struct {
	mu sync.Mutex
	c  chan struct{} // nil while nobody waits
}

// Changed returns a channel that is closed at the next Notify. Who asks it
// first and looks at the state afterwards misses nothing.
func (s *signal) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

// Notify wakes who waits. It does not block.
func (s *signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}
