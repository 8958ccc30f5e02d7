package mqtt

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// writeTimeout is how long the network may take for writePiece bytes: a line
// of a kilobyte a second is slow, not dead. The client library sets no deadline,
// so that a ping on a connection that is stuck would wait for ever.
const (
	writeTimeout = 10 * time.Second
	writePiece   = 8 << 10
)

var errStuck = fmt.Errorf("nothing could be sent for %v: the broker reads nothing, or the network is broken", writeTimeout)

// A wire is the network connection that we share with the client library. It
// puts a deadline on every write, reads in large pieces, passes nothing on that
// the library would stumble over, and knows why it ended.
type wire struct {
	conn    net.Conn
	flights *flights
	guard   guard         // used by the one reader alone
	writing chan struct{} // holds one: who may write, one packet after the other

	once  sync.Once
	ended chan struct{}
	cause error // why, set before ended is closed

	leaving atomic.Bool // the library is told to close it
}

// newWire gives a connection to the library. leaveOut is called for each
// message that is not passed on.
func newWire(conn net.Conn, f *flights, leaveOut func(id uint16, size int)) *wire {
	return &wire{
		conn:    conn,
		flights: f,
		guard:   guard{from: bufio.NewReader(conn), flights: f, max: maxReceived, leaveOut: leaveOut},
		writing: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
}

// cut ends the connection, for the reason given unless it has ended before.
func (w *wire) cut(cause error) {
	w.once.Do(func() {
		w.cause = cause
		w.flights.end()
		close(w.ended)
		w.flights.fail()
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
	n, err := w.guard.Read(p)
	switch {
	case errors.Is(err, errNotMQTT):
		return n, w.fail(err)
	case err != nil:
		return n, w.fail(fmt.Errorf("receive: %w", err))
	}
	return n, nil
}

// Write sends one packet of the library's.
func (w *wire) Write(p []byte) (int, error) { return w.send(p, func(int, int) {}) }

// send sends packets. It calls progress with the index up to which they are
// being handed to the network, and up to which they were.
func (w *wire) send(p []byte, progress func(begun, handed int)) (int, error) {
	w.writing <- struct{}{}
	defer func() { <-w.writing }()
	written := 0
	for written < len(p) {
		if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return written, w.fail(fmt.Errorf("send: %w", err))
		}
		end := min(len(p), written+writePiece)
		progress(end, written)
		n, err := w.conn.Write(p[written:end])
		written += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errStuck
		}
		if err != nil {
			return written, w.fail(fmt.Errorf("send: %w", err))
		}
	}
	progress(written, written)
	return written, nil
}

// acknowledge sends the PUBACK of a message that the library knows nothing of.
func (w *wire) acknowledge(id uint16) {
	_, _ = w.Write([]byte{packetPuback << 4, 2, byte(id >> 8), byte(id)}) // an error ends the connection
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

// underlying returns the connection below WebSocket and TLS.
func underlying(c net.Conn) net.Conn {
	for {
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = over.NetConn()
	}
}
