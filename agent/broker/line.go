package broker

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

const (
	// loginTimeout is how long a client may take to say who it is.
	loginTimeout = 10 * time.Second
	// loginSize is how many bytes it may use for that.
	loginSize = 64 << 10
	// writeTimeout is how long a client may take nothing of what it is sent.
	// It must be well below the 20 s after which a publisher gives up: while
	// one client is written to, the library keeps everybody waiting who sends
	// to it.
	writeTimeout = 5 * time.Second
)

var errTooLong = errors.New("too long a login")

// A line is a connection of a client under the broker's library. The library
// gives a client any time and size for its login, lets one that takes nothing
// hold up everybody, and goes on writing to one that it could not write to.
type line struct {
	net.Conn
	admitted atomic.Bool
	received int // before that; of the one reader
}

func newLine(c net.Conn, admitted bool) *line {
	l := &line{Conn: c}
	l.admitted.Store(admitted)
	_ = c.SetReadDeadline(time.Now().Add(loginTimeout)) // the library sets it anew after the login
	return l
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err == nil && !l.admitted.Load() {
		if l.received += n; l.received > loginSize {
			return 0, errTooLong
		}
	}
	return n, err
}

func (l *line) Write(p []byte) (int, error) {
	err := l.SetWriteDeadline(time.Now().Add(writeTimeout))
	n := 0
	if err == nil {
		n, err = l.Conn.Write(p)
	}
	if err != nil {
		_ = l.Close()
	}
	return n, err
}

// SetDeadline is called after each packet for the time until the next. Writes
// have a deadline of their own.
func (l *line) SetDeadline(t time.Time) error { return l.SetReadDeadline(t) }
