package webhook

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// MaxConnections is how many connections a listener of LimitListener should hold open on a small machine: some 20 KB
// each.
const MaxConnections = 512

// busyTime is how long a connection may have been at work on one request before it is taken to be stalled by its
// other end. It may be waiting for the disk as well; then the event is stored all the same.
const busyTime = time.Second

// LimitListener returns a listener that has at most n connections of l open at a time. For one more it closes the one
// that has waited longest for its other end: for the headers of a first request, or else of a further one, or else for
// more than a second for a body; so connections that somebody just holds open keep nobody out. It knows what a
// connection does only when it is served by a server of NewServer.
func LimitListener(l net.Listener, n int) net.Listener {
	return &limitListener{Listener: l, limit: n, conns: make(map[*limitedConn]struct{}), freed: make(chan struct{}, 1),
		closed: make(chan struct{}), begun: time.Now()}
}

type limitListener struct {
	net.Listener
	limit int
	begun time.Time
	freed chan struct{} // a connection was closed

	closing sync.Once
	closed  chan struct{}

	mu    sync.Mutex
	conns map[*limitedConn]struct{}
}

// Accept waits for a connection and, if there are too many, for an end of another.
func (l *limitListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	n := &limitedConn{Conn: c, of: l}
	n.note(fresh)
	for !l.admit(n) {
		if victim := l.stalest(); victim != nil {
			_ = victim.Close() // it is given up, however it ends
			continue
		}
		again := time.NewTimer(busyTime / 10)
		select {
		case <-l.freed:
		case <-again.C:
		case <-l.closed:
			again.Stop()
			_ = c.Close() // never used
			return nil, net.ErrClosed
		}
		again.Stop()
	}
	return n, nil
}

// Close closes the listener, not its connections.
func (l *limitListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *limitListener) admit(c *limitedConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.limit {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

// stalest returns the connection to give up, if there is one.
func (l *limitListener) stalest() *limitedConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var victim *limitedConn
	now := time.Since(l.begun)
	for c := range l.conns {
		if use(c.use.Load()) == busy && now-time.Duration(c.since.Load()) <= busyTime {
			continue
		}
		if victim == nil || c.before(victim) {
			victim = c
		}
	}
	return victim
}

// use is what a connection is doing, in the order in which they are given up.
type use int32

const (
	fresh use = iota // waits for the headers of its first request
	idle             // waits for the headers of another
	busy             // has a request in work
)

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	of    *limitListener
	gone  sync.Once
	use   atomic.Int32 // a use
	since atomic.Int64 // when that began, in time.Durations from of.begun
}

func (c *limitedConn) note(u use) {
	c.use.Store(int32(u))
	c.since.Store(int64(time.Since(c.of.begun)))
}

func (c *limitedConn) before(other *limitedConn) bool {
	if a, b := c.use.Load(), other.use.Load(); a != b {
		return a < b
	}
	return c.since.Load() < other.since.Load()
}

// Close closes the connection.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.gone.Do(func() {
		c.of.mu.Lock()
		delete(c.of.conns, c)
		c.of.mu.Unlock()
		select {
		case c.of.freed <- struct{}{}:
		default:
		}
	})
	return err
}

// CloseWrite ends the own direction alone, where the connection can do that.
func (c *limitedConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
