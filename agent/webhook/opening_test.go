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
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/event"
)

// opening is a server on a store that is not open yet; its time is not real.
type opening struct {
	*testing.T
	store   *memory
	handler *Handler
	server  *http.Server
	pipes   *pipes
	limited *Limited
	ended   chan struct{} // closed when nothing is accepted any more
}

func whileOpening(t *testing.T, connections int, f func(o *opening)) {
	synctest.Test(t, func(t *testing.T) {
		d, err := event.NewDecoder(event.Config{})
		if err != nil {
			t.Fatal(err)
		}
		o := &opening{T: t, store: &memory{opened: make(chan struct{})}, pipes: newPipes(), ended: make(chan struct{})}
		if o.handler, err = New(guarded, o.store, d, nil, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		o.server = NewServer(o.handler, slog.New(slog.DiscardHandler))
		o.limited = LimitListener(o.pipes, connections)
		go func() {
			defer close(o.ended)
			if err := o.server.Serve(o.limited); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}()
		f(o)
		_ = o.server.Close()
		<-o.ended
	})
}

// outcome is what came of a request: 0 for none.
type outcome struct {
	code  int
	after time.Duration
}

// ask sends a request on a connection of its own.
func (o *opening) ask(request string) <-chan outcome {
	came, began := make(chan outcome, 1), time.Now()
	go func() {
		c := o.pipes.dial()
		defer c.Close()
		came <- o.on(c, request, began)
	}()
	return came
}

func (o *opening) on(c net.Conn, request string, began time.Time) outcome {
	_, _ = io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return outcome{0, time.Since(began)}
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return outcome{resp.StatusCode, time.Since(began)}
}

func posting(n int) string {
	body := fmt.Sprintf(`{"events":[{"n":%d}]}`, n)
	return fmt.Sprintf("POST /webhook HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Token: secret\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (o *opening) want(what string, came <-chan outcome, want outcome) {
	o.Helper()
	if got := <-came; got != want {
		o.Errorf("%s: answered %d after %v, want %d after %v", what, got.code, got.after, want.code, want.after)
	}
}

// TestPostsWaitForTheStore has more of them than there may be connections: the
// others wait in the queue of the listener, and nobody is thrown out.
func TestPostsWaitForTheStore(t *testing.T) {
	whileOpening(t, 512, func(o *opening) {
		var answers []<-chan outcome
		for n := range 700 {
			answers = append(answers, o.ask(posting(n)))
		}
		time.Sleep(3 * time.Second)
		close(o.store.opened)
		for n, came := range answers {
			// Those not yet accepted see a place that is free within a tenth of a second.
			if got := <-came; got.code != 200 || got.after < 3*time.Second || got.after > 3200*time.Millisecond {
				t.Errorf("post %d: answered %d after %v", n, got.code, got.after)
			}
		}
		if o.store.stored() != 700 {
			t.Errorf("%d are stored", o.store.stored())
		}
	})
}

func TestAPostWaitsForTheStoreNotForEver(t *testing.T) {
	whileOpening(t, 512, func(o *opening) {
		came := o.ask(posting(1))
		synctest.Wait()
		o.want("health", o.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), outcome{200, 0})
		o.want("a wrong token", o.ask("POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: wrong\r\nContent-Length: 0\r\n\r\n"), outcome{401, 0})
		o.want("the platform's check", o.ask("POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 0\r\n\r\n"), outcome{200, 0})
		o.want("an event", came, outcome{503, openTime})
	})
}

func TestAStopWhileTheStoreIsBeingOpened(t *testing.T) {
	for _, kept := range []bool{false, true} {
		whileOpening(t, 512, func(o *opening) {
			came := o.ask(posting(1))
			time.Sleep(time.Second)
			o.handler.Stop(kept)
			o.want("an event", came, outcome{503, time.Second})
		})
	}
}

// TestAStopWithASocketThatIsKept: who has a connection is answered as ever, and
// who has none finds the next process.
func TestAStopWithASocketThatIsKept(t *testing.T) {
	whileOpening(t, 2, func(o *opening) {
		close(o.store.opened)
		o.store.hold, o.store.begun = make(chan struct{}), make(chan struct{}, 2)
		inWork := o.ask(posting(1))
		<-o.store.begun
		silent := o.pipes.dial()
		late := o.pipes.dial() // accepted in place of silent
		synctest.Wait()
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the oldest silent one: %v", err)
		}
		o.handler.Stop(true)
		stopped := make(chan error, 1)
		_ = o.limited.Close()
		<-o.ended
		go func() { stopped <- o.limited.Drain(context.Background(), o.server) }()
		go func() { time.Sleep(time.Second); close(o.store.hold) }()
		if got := o.on(late, posting(2), time.Now()); got.code != 200 {
			t.Errorf("one that was accepted before: %+v", got)
		}
		if got := <-inWork; got.code != 200 {
			t.Errorf("one in work: %+v", got)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		select {
		case o.pipes.conns <- nil:
			t.Error("another one was accepted")
		default:
		}
	})
}

// TestAStopDoesNotWaitForWhoSaysNothing: they would keep those out of their
// answer who have a post in work when the time for a stop is over.
func TestAStopDoesNotWaitForWhoSaysNothing(t *testing.T) {
	whileOpening(t, 4, func(o *opening) {
		o.store.hold, o.store.begun = make(chan struct{}), make(chan struct{}, 1)
		close(o.store.opened)
		inWork := o.ask(posting(1))
		<-o.store.begun
		c := o.pipes.dial()
		_, _ = io.WriteString(c, "POST /webhook HTTP/1.1\r\n")
		idle := o.pipes.dial()
		if got := o.on(idle, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", time.Now()); got.code != 200 {
			t.Fatalf("%+v", got)
		}
		synctest.Wait()
		o.handler.Stop(true)
		stopped := make(chan error, 1)
		began := time.Now()
		_ = o.limited.Close()
		<-o.ended
		go func() { stopped <- o.limited.Drain(context.Background(), o.server) }()
		if _, err := idle.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != betweenTime {
			t.Errorf("one between two requests: %v after %v", err, time.Since(began))
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != silentTime {
			t.Errorf("the silent one: %v after %v", err, time.Since(began))
		}
		close(o.store.hold)
		o.want("one in work", inWork, outcome{200, silentTime})
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestAStopAndAClientThatKeepsItsConnection: a proxy sends its next post over the connection that it has, whenever that comes.
func TestAStopAndAClientThatKeepsItsConnection(t *testing.T) {
	whileOpening(t, 4, func(o *opening) {
		close(o.store.opened)
		ask := func(c net.Conn) *http.Response {
			t.Helper()
			_, _ = io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 0\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp
		}
		c, idle := o.pipes.dial(), o.pipes.dial()
		ask(idle)
		time.Sleep(betweenTime)
		if resp := ask(c); resp.StatusCode != 200 || resp.Close {
			t.Errorf("before the stop: %d, last %v", resp.StatusCode, resp.Close)
		}
		synctest.Wait()
		began := time.Now()
		o.handler.Stop(true)
		_ = o.limited.Close()
		<-o.ended
		stopped := make(chan error, 1)
		go func() { stopped <- o.limited.Drain(context.Background(), o.server) }()
		if _, err := idle.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != 0 {
			t.Errorf("one that has been idle for long: %v after %v", err, time.Since(began))
		}
		time.Sleep(betweenTime / 2)
		if resp := ask(c); resp.StatusCode != 200 || !resp.Close {
			t.Errorf("after the stop: %d, last %v", resp.StatusCode, resp.Close)
		}
		if err := <-stopped; err != nil || time.Since(began) != betweenTime/2 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestAtAStopNothingIsTakenThatHasNoPlace: it can be served by the next process.
func TestAtAStopNothingIsTakenThatHasNoPlace(t *testing.T) {
	whileOpening(t, 1, func(o *opening) {
		first := o.ask(posting(1))
		synctest.Wait()
		time.Sleep(6 * time.Second) // more than any other is spared
		select {
		case o.pipes.conns <- nil:
			t.Fatal("accepted without a place")
		default:
		}
		o.handler.Stop(true)
		o.want("the one that waits", first, outcome{503, 6 * time.Second})
	})
}
