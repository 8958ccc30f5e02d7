package webhook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// memory is a store that forgets when the process ends.
type memory struct {
	mu      sync.Mutex
	err     error // of Append and Ready
	entries []storage.Entry
	commits [][]uint64
	lists   map[string][][]byte
	begun   chan struct{} // when set, Append tells that it was called
	hold    chan struct{} // and waits for this
	opened  chan struct{} // when set, Append fails until it is closed
}

func (m *memory) Append(ctx context.Context, es []storage.Entry) ([]uint64, error) {
	if ctx.Done() != nil {
		return nil, errors.New("the context can end")
	}
	if m.hold != nil {
		m.begun <- struct{}{}
		<-m.hold
	}
	select {
	case <-m.Opened():
	default:
		if m.opened != nil {
			return nil, errors.New("not open")
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, fmt.Errorf("append %d events: %w", len(es), m.err)
	}
	seqs := make([]uint64, len(es))
	for i, e := range es {
		known := false
		for _, k := range m.entries {
			known = known || k.ID == e.ID
		}
		if !known {
			m.entries = append(m.entries, storage.Entry{ID: e.ID, Data: append([]byte(nil), e.Data...)})
			seqs[i] = uint64(len(m.entries))
		}
	}
	m.commits = append(m.commits, seqs)
	return seqs, nil
}

func (m *memory) Opened() <-chan struct{} { return m.opened }

func (m *memory) Ready() error { m.mu.Lock(); defer m.mu.Unlock(); return m.err }

func (m *memory) Remember(list string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = make(map[string][][]byte)
	}
	m.lists[list] = append(m.lists[list], data)
}

func (m *memory) remembered(list string) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lists[list]
}

func (m *memory) fail(err error) { m.mu.Lock(); m.err = err; m.mu.Unlock() }

func (m *memory) stored() int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.entries) }

// tally counts what an Observer is told.
type tally struct {
	mu         sync.Mutex
	codes      map[int]int
	kinds      map[event.Kind]int
	duplicates int
}

func (o *tally) Request(code int)         { o.mu.Lock(); o.codes[code]++; o.mu.Unlock() }
func (o *tally) Accepted(kind event.Kind) { o.mu.Lock(); o.kinds[kind]++; o.mu.Unlock() }
func (o *tally) Duplicates(n int)         { o.mu.Lock(); o.duplicates += n; o.mu.Unlock() }

// desk is a running webhook on a real port.
type desk struct {
	t       *testing.T
	addr    string
	store   *memory
	seen    *tally
	handler *Handler
	server  *http.Server
}

func start(t *testing.T, c Config, change ...func(*http.Server)) *desk {
	t.Helper()
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k := &desk{t: t, store: &memory{}, seen: &tally{codes: make(map[int]int), kinds: make(map[event.Kind]int)}}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	if k.handler, err = New(c, k.store, d, k.seen, log); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k.addr = l.Addr().String()
	k.server = NewServer(k.handler, log)
	for _, f := range change {
		f(k.server)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := k.server.Serve(LimitListener(l, MaxConnections)); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := k.server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return k
}

func (k *desk) dial() net.Conn {
	k.t.Helper()
	c, err := net.Dial("tcp", k.addr)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // for a test that would hang
	return c
}

// got is an answer as it came over the wire.
type got struct {
	code   int
	header http.Header
	body   string
	closed bool // the connection is closed after it, or the server says that it will be
}

func (g got) form() string { form, _, _ := strings.Cut(g.header.Get("Content-Type"), ";"); return form }

// raw sends bytes and reads one answer; code 0 when the connection was closed without one.
func (k *desk) raw(request string) got {
	k.t.Helper()
	c := k.dial()
	go func() { _, _ = io.WriteString(c, request) }() // may well be refused in the middle
	return k.answer(bufio.NewReader(c))
}

func (k *desk) answer(r *bufio.Reader) got {
	k.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		var network net.Error
		if errors.As(err, &network) && network.Timeout() {
			k.t.Fatal("neither answer nor end:", err)
		}
		return got{closed: true}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return got{code: resp.StatusCode, header: resp.Header, body: string(body), closed: resp.Close}
}

// post sends a body with the given header lines to the path.
func (k *desk) post(target, body string, lines ...string) got {
	k.t.Helper()
	return k.raw(k.request("POST", target, body, lines...))
}

func (k *desk) request(method, target, body string, lines ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: desk.example\r\n"
	for _, l := range lines {
		head += l + "\r\n"
	}
	if body != "" || method == "POST" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

func (k *desk) want(g got, code int, body string) {
	k.t.Helper()
	if g.code != code || g.body != body {
		k.t.Errorf("%d %q, not %d %q", g.code, g.body, code, body)
	}
}

// refused checks an answer that is no success: its code and one line of JSON.
func (k *desk) refused(g got, code int) {
	k.t.Helper()
	if g.code != code || g.form() != "application/json" || !strings.HasPrefix(g.body, `{"error":"`) ||
		strings.Index(g.body, "\n") != len(g.body)-1 {
		k.t.Errorf("%d %s %q, not %d and one line of JSON", g.code, g.form(), g.body, code)
	}
}
