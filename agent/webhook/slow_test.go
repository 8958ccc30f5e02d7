package webhook

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/event"
)

// pipes is a listener without a network, for tests in which time is not real.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// inBubble runs f with a server whose time is not real.
func inBubble(t *testing.T, connections int, f func(t *testing.T, p *pipes, s *memory)) {
	t.Helper()
	inBubbleOver(t, connections, func(l net.Listener) net.Listener { return l }, f)
}

// inBubbleOver is inBubble with something over the connections.
func inBubbleOver(t *testing.T, connections int, over func(net.Listener) net.Listener, f func(t *testing.T, p *pipes, s *memory)) {
	synctest.Test(t, func(t *testing.T) {
		d, err := event.NewDecoder(event.Config{})
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		s := &memory{}
		h, err := New(guarded, s, d, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		p := newPipes()
		server := NewServer(h, log)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := server.Serve(over(LimitListener(p, connections))); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
		defer func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			<-done
		}()
		f(t, p, s)
	})
}

func readOK(t *testing.T, r *bufio.Reader) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || resp.Close || string(body) != "secret" {
		t.Fatalf("%+v %q %v", resp, body, err)
	}
}

// endAfter says after how long the server ended the connection, and what it said until then.
func endAfter(t *testing.T, c net.Conn) (time.Duration, string) {
	t.Helper()
	began := time.Now()
	said, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return time.Since(began), string(said)
}

// drip sends text and then a byte each second until that is not possible any more.
func drip(c net.Conn, text, more string) {
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	for {
		time.Sleep(time.Second)
		if _, err := io.WriteString(c, more); err != nil {
			return
		}
	}
}

func TestWhatTakesTooLongIsCutWithoutAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		begin, more string
		after       time.Duration
	}{
		"nothing at all":                          {"", "", 10 * time.Second},
		"headers that come slowly":                {"POST /webhook HTTP/1.1\r\nX-A: ", "a", 10 * time.Second},
		"headers that never end":                  {"POST /webhook HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 10 * time.Second},
		"a body that comes slowly":                {"POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 1000000\r\n\r\n", "x", 30 * time.Second},
		"a body that does not come":               {"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "", 30 * time.Second},
		"a chunked body that comes slowly":        {"POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 30 * time.Second},
		"a chunked body that stops in the middle": {"POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nx", "", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, MaxConnections, func(t *testing.T, p *pipes, s *memory) {
				c2 := p.dial()
				var sent sync.WaitGroup
				sent.Go(func() {
					if c.more == "" {
						_, _ = io.WriteString(c2, c.begin)
						return
					}
					drip(c2, c.begin, c.more)
				})
				took, said := endAfter(t, c2)
				if took != c.after || said != "" {
					t.Errorf("after %s: %q", took, said)
				}
				if err := c2.Close(); err != nil {
					t.Error(err)
				}
				sent.Wait()
				if s.stored() != 0 || s.lists != nil {
					t.Error("something was stored")
				}
			})
		})
	}
}

func TestAnIdleConnectionIsClosedSomeTimeAfterItsLastAnswer(t *testing.T) {
	inBubble(t, MaxConnections, func(t *testing.T, p *pipes, s *memory) {
		c := p.dial()
		r := bufio.NewReader(c)
		for range 3 {
			if _, err := io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			readOK(t, r)
			time.Sleep(time.Minute) // shorter than the server waits
		}
		began := time.Now()
		if _, err := r.ReadByte(); err != io.EOF || time.Since(began) != idleTime-time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestABodyTakesMemoryOnlyAsItComes(t *testing.T) {
	x := &exchange{budget: newBudget(1 << 20)}
	came := 0
	body := readerFunc(func(b []byte) (int, error) {
		if held := cap(x.body); held > 2*came+firstBuffer {
			t.Errorf("%d bytes are held for %d", held, came)
		}
		n := min(len(b), 1000, 1<<20-came)
		if came += n; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	})
	r := &http.Request{Body: io.NopCloser(body), ContentLength: 1 << 20}
	if err := x.read(r, 1<<20); err != nil || len(x.body) != 1<<20 {
		t.Fatalf("%d bytes, %v", len(x.body), err)
	}
	if left := x.budget.left.Load(); left != allBuffers-(1<<20)-1 {
		t.Errorf("%d bytes are left", left)
	}
	x.reset()
	if left := x.budget.left.Load(); left != allBuffers || cap(x.body) != 0 {
		t.Errorf("%d bytes are left, %d are kept", left, cap(x.body))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestManyLargeBodiesAtOnceKeepUsualOnesAndOursNotOut(t *testing.T) {
	k := start(t, guarded)
	large := `{"events":[{"a":"` + strings.Repeat("x", 900<<10)
	var open []net.Conn
	busy := 0
	for range 60 { // of strangers; each stops before its end
		c := k.dial()
		open = append(open, c)
		if _, err := io.WriteString(c, fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 1<<20)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, large) }()
	}
	// Some of them are turned away: a minute at most, or the test hangs and says so.
	answers := make(chan got, len(open))
	for _, c := range open {
		go func() { answers <- k.answer(bufio.NewReader(c)) }()
	}
	for busy < 10 {
		g := <-answers
		if k.refused(g, 503); g.header.Get("Retry-After") == "" || !g.closed {
			t.Fatalf("%+v", g)
		}
		busy++
	}
	k.want(k.post("/webhook", `{"token":"secret","events":[{"n":1}]}`), 200, `{"token":"secret"}`)
	k.want(k.post("/webhook", large+`"}]}`, right), 200, "secret")
	for _, c := range open {
		_ = c.Close()
	}
}

func TestConnectionsThatAreJustHeldOpenKeepNobodyOut(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, p *pipes, s *memory) {
		post := func(c net.Conn) {
			t.Helper()
			if _, err := io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			readOK(t, bufio.NewReader(c))
			synctest.Wait()
			time.Sleep(time.Millisecond) // so that no two connections have done something at the same time
		}
		ended := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			_ = c.SetReadDeadline(time.Time{})
			return errors.Is(err, io.EOF)
		}
		kept := p.dial()
		post(kept)
		slow := p.dial()
		if _, err := io.WriteString(slow, "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var silent []net.Conn
		for range 20 {
			time.Sleep(freshTime + time.Millisecond)
			silent = append(silent, p.dial())
			synctest.Wait()
		}
		if !ended(silent[0]) || !ended(silent[17]) || ended(silent[18]) || ended(silent[19]) || ended(kept) || ended(slow) {
			t.Error("others than the oldest silent ones were given up")
		}
		post(kept)
		post(silent[18])
		post(silent[19])
		// Now all have done something: the one that did so longest ago goes.
		last := p.dial()
		post(last)
		if !ended(kept) || ended(slow) {
			t.Error("not the longest idle one was given up")
		}
		// Then bodies that do not come, when they had their second.
		var stuck []net.Conn
		for range 8 {
			time.Sleep(busyTime)
			c := p.dial()
			stuck = append(stuck, c)
			if _, err := io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if !ended(slow) || !ended(stuck[3]) || ended(stuck[4]) || ended(stuck[7]) {
			t.Error("not the oldest ones were given up")
		}
		began := time.Now()
		for range 4 {
			post(p.dial())
		}
		if time.Since(began) > 5*time.Second {
			t.Errorf("a place was free after %s", time.Since(began))
		}
	})
}
