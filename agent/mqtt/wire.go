package mqtt

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// writeTimeout is how long the network may take for writePiece bytes. The
// client library sets a deadline for publishes only, so that a ping on a
// connection that is stuck would wait for ever.
const (
	writeTimeout = 10 * time.Second
	writePiece   = 32 << 10
)

// A wire is the network connection under the client library. It puts a
// deadline on every write, reads in large pieces, passes nothing on that the
// library would stumble over, and knows why it ended.
type wire struct {
	conn    net.Conn
	flights *flights
	read    *bufio.Reader // used by the one reader alone
	guard   guard         // the same

	once  sync.Once
	ended chan struct{}
	cause error // why, set before ended is closed

	leaving atomic.Bool // the library is told to close it
}

func newWire(conn net.Conn, f *flights, maxPacket int) *wire {
	return &wire{
		conn:    conn,
		flights: f,
		read:    bufio.NewReader(conn),
		guard:   guard{flights: f, max: maxPacket},
		ended:   make(chan struct{}),
	}
}

// cut ends the connection, for the reason given unless it has ended before.
func (w *wire) cut(cause error) {
	w.once.Do(func() {
		w.cause = cause
		close(w.ended)
	})
	// Not through TLS: its farewell could wait for a network that is stuck.
	_ = underlying(w.conn).Close()
}

// fail is cut for the library, which must be told the cause rather than that
// the connection is closed: of a closed one it takes no notice.
func (w *wire) fail(cause error) error {
	w.cut(cause)
	return w.cause
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.read.Read(p)
	if err != nil {
		return n, w.fail(fmt.Errorf("receive: %w", err))
	}
	if err := w.guard.check(p[:n]); err != nil {
		return 0, w.fail(err)
	}
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	began := time.Now()
	written := 0
	for written < len(p) {
		if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return written, w.fail(fmt.Errorf("send: %w", err))
		}
		n, err := w.conn.Write(p[written:min(len(p), written+writePiece)])
		written += n
		if err != nil {
			return written, w.fail(fmt.Errorf("send: %w", err))
		}
	}
	if time.Since(began) > time.Second {
		w.flights.proceed() // the broker cannot have answered what was not sent
	}
	return written, nil
}

// Close is called by the library: after it was told to leave, after a failed
// handshake, or when a ping was not answered.
func (w *wire) Close() error {
	if w.leaving.Load() {
		w.cut(ErrLeft)
	} else {
		w.cut(errPingresp)
	}
	return nil
}

// SetDeadline is called around the handshake. Writes have a deadline of their
// own, which must not be taken away.
func (w *wire) SetDeadline(t time.Time) error      { return w.conn.SetReadDeadline(t) }
func (w *wire) SetReadDeadline(t time.Time) error  { return w.conn.SetReadDeadline(t) }
func (w *wire) SetWriteDeadline(t time.Time) error { return nil }
func (w *wire) LocalAddr() net.Addr                { return w.conn.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr               { return w.conn.RemoteAddr() }

// underlying returns the connection below TLS.
func underlying(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}
