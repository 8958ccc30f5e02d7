package webhook

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// MaxConnections is how many connections a listener of LimitListener should hold open on a small machine: some 20 KB
// each.
const MaxConnections = 512

// silentTime is how long Drain leaves a connection without the headers of a request: who has connected has mostly sent
// them as well.
const silentTime = 2 * time.Second

// betweenTime is how long Drain leaves a connection after an answer that did not say that it was the last: who posts all the
// time over one connection has mostly sent the next request by then, and where the connection is closed nobody reads it.
const betweenTime = 500 * time.Millisecond

// busyTime is how long a connection may have been at work on one request before it is taken to be stalled by its
// other end. It may be waiting for the disk as well; then the event is stored all the same.
const busyTime = time.Second

// freshTime is how long a connection has to send its first headers before it may be given up: when many come at once, such
// as those that have waited for a restart, they are read one after the other.
const freshTime = busyTime / 2

// LimitListener returns a listener that has at most n connections of l open at a time. For one more it closes the one
// that has waited longest for its other end: for more than half a second for the headers of a first request, or else for
// those of a further one, or else for more than a second for a body; so connections that somebody just holds open keep nobody out. It knows what a
// connection does only when it is served by a server of NewServer.
func LimitListener(l net.Listener, n int) *Limited {
	return &Limited{Listener: l, limit: n, conns: make(map[*limitedConn]struct{}), freed: make(chan struct{}, 1),
		closed: make(chan struct{}), begun: time.Now()}
}

// Limited is a listener of LimitListener.
type Limited struct {
	net.Listener
	// Working is told true when a connection has come, false while one is waited for, or for a place. It must not block. It
	// may be nil, and is set before Accept is called.
	Working func(busy bool)

	limit int
	begun time.Time
	freed chan struct{} // a connection was closed

	closing sync.Once
	closed  chan struct{}

	mu    sync.Mutex
	conns map[*limitedConn]struct{}
}

// Accept waits for a place and then for a connection.
func (l *Limited) Accept() (net.Conn, error) {
	for l.open() >= l.limit && l.stalest() == nil {
		if !l.wait() {
			l.works(false)
			return nil, net.ErrClosed
		}
	}
	l.works(false)
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.works(true)
	n := &limitedConn{Conn: c, of: l}
	n.note(fresh)
	for open := true; !l.admit(n, !open); {
		if victim := l.stalest(); victim != nil {
			_ = victim.Close() // it is given up, however it ends
			continue
		}
		open = l.wait() // else it is too late to leave it to the kernel, and it is one more
	}
	return n, nil
}

// wait waits until there may be a place; false: the listener is closed.
func (l *Limited) wait() bool {
	l.works(false)
	defer l.works(true)
	again := time.NewTimer(busyTime / 10)
	defer again.Stop()
	select {
	case <-l.freed:
	case <-again.C:
	case <-l.closed:
		return false
	}
	return true
}

func (l *Limited) works(busy bool) {
	if l.Working != nil {
		l.Working(busy)
	}
}

// Close closes the listener, not its connections.
func (l *Limited) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// Drain is called when l is closed, Serve of server has returned and each answer says that it is the last of its connection,
// see Handler.Stop. It waits until all who have been accepted have their answer, closes after 2 s the connections that have sent
// no request, and those that have had an answer half a second after it, and all when ctx ends. http.Server.Shutdown would not
// do, nor would SetKeepAlivesEnabled: they drop requests that are on their way.
func (l *Limited) Drain(ctx context.Context, server *http.Server) error {
	began := time.Now()
	again := time.NewTicker(betweenTime / 10)
	defer again.Stop()
	for l.open() > 0 && ctx.Err() == nil {
		l.closeSilent(time.Since(began) >= silentTime)
		select {
		case <-l.freed:
		case <-again.C:
		case <-ctx.Done(): // what was not answered counts as not taken
		}
	}
	return server.Close()
}

// closeSilent closes the connections that wait for their other end: between two requests for long, and, if all, the others.
func (l *Limited) closeSilent(all bool) {
	l.mu.Lock()
	now := time.Since(l.begun)
	silent := make([]*limitedConn, 0, len(l.conns))
	for c := range l.conns {
		switch use(c.use.Load()) {
		case fresh:
			if !all {
				continue
			}
		case idle:
			if now-time.Duration(c.since.Load()) < betweenTime {
				continue
			}
		default:
			continue
		}
		silent = append(silent, c)
	}
	l.mu.Unlock()
	for _, c := range silent {
		_ = c.Close() // nobody is there to be told
	}
}

func (l *Limited) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func (l *Limited) admit(c *limitedConn, anyway bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.limit && !anyway {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

// stalest returns the connection to give up, if there is one.
func (l *Limited) stalest() *limitedConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var victim *limitedConn
	now := time.Since(l.begun)
	for c := range l.conns {
		age := now - time.Duration(c.since.Load())
		switch u := use(c.use.Load()); {
		case u == held, u == fresh && age <= freshTime, u == busy && age <= busyTime:
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
	held             // its other end waits for us, and is never given up
)

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	of    *Limited
	gone  sync.Once
	use   atomic.Int32 // a use
	since atomic.Int64 // when that began, in time.Durations from of.begun
}

func (c *limitedConn) note(u use) {
	c.since.Store(int64(time.Since(c.of.begun))) // before the use: a new one never looks old
	c.use.Store(int32(u))
}

// limited returns the connection of LimitListener below c; nil: there is none.
func limited(c net.Conn) *limitedConn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	l, _ := c.(*limitedConn)
	return l
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
