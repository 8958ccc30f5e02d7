package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// pipeListener is a network in memory, which keeps the time of a synctest
// bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8090} }

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// client asks over the pipe as a Client does over the socket.
func (l *pipeListener) client() *Client {
	return newClient("/run/deskbell/control.sock", l.dial)
}

// raw opens a stream by hand and returns the connection unread.
func (l *pipeListener) raw(ctx context.Context, path string, header string) (net.Conn, error) {
	conn, err := l.dial(ctx)
	if err == nil {
		_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n")
	}
	return conn, err
}
