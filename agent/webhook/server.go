package webhook

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The time a request may take. They are part of the promise to the platform.
const (
	headerTime = 10 * time.Second
	wholeTime  = 30 * time.Second // headers and body
	answerTime = 90 * time.Second // from the headers to the end of the answer
	idleTime   = 75 * time.Second // between requests; more than most proxies keep a connection
)

const maxHeader = 16 << 10

// NewServer returns a server with the time limits of a webhook: 10 s for the headers, 30 s for the whole request; a
// request that takes longer is cut off without an answer. Serve it on a listener of LimitListener.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       wholeTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         noteState,
		ConnContext:       knowConn,
		ErrorLog:          newErrorLog(log),
	}
}

// newErrorLog passes on what net/http has to say: its reports of panics as errors, all else, which anybody can cause,
// for debugging alone.
func newErrorLog(to *slog.Logger) *log.Logger {
	return log.New(writerFunc(func(p []byte) (int, error) {
		level := slog.LevelDebug
		if bytes.Contains(p, []byte("panic")) {
			level = slog.LevelError
		}
		to.Log(context.Background(), level, string(bytes.TrimSpace(p)))
		return len(p), nil
	}), "", 0)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// noteState tells a connection of LimitListener what it is used for.
func noteState(c net.Conn, s http.ConnState) {
	l := limited(c)
	switch {
	case l == nil:
	case s == http.StateActive:
		l.note(busy)
	case s == http.StateIdle:
		l.note(idle)
	}
}

// connKey leads to the connection of LimitListener that a request came on.
type connKey struct{}

func knowConn(ctx context.Context, c net.Conn) context.Context {
	if l := limited(c); l != nil {
		return context.WithValue(ctx, connKey{}, l)
	}
	return ctx
}

// hold marks the connection of a request as one that waits for us, until the returned function is called.
func hold(r *http.Request) (done func()) {
	l, ok := r.Context().Value(connKey{}).(*limitedConn)
	if !ok {
		return func() {}
	}
	l.note(held)
	return func() { l.note(busy) }
}
