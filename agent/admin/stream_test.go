package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// streamLab is a server in a synctest bubble.
type streamLab struct {
	t      *testing.T
	agent  *fakeAgent
	log    *fakeLog
	server *Server
	net    *pipeListener
}

// stream runs test in a bubble against a server that is stopped after it.
func stream(t *testing.T, test func(*testing.T, *streamLab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lab := &streamLab{t: t, agent: newFakeAgent(), log: testLog(), net: newPipeListener()}
		lab.server = newTestServer(t, Config{}, lab.agent, lab.log)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- lab.server.Serve(ctx, lab.net) }()
		test(t, lab)
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// items reads a stream into a channel until ctx ends; the channel is closed
// after the last one.
func (l *streamLab) items(ctx context.Context, after uint64) <-chan string {
	items := make(chan string, 1000)
	go func() {
		defer close(items)
		for i, err := range l.net.client().Stream(ctx, after) {
			switch {
			case err != nil:
				items <- "error " + err.Error()
			case i.Event != nil:
				items <- fmt.Sprint("event ", i.Event.Sequence)
			case i.Status != nil:
				items <- fmt.Sprint("status ", i.Status.Desk.Waiting)
			}
		}
	}()
	return items
}

// got waits until nothing moves any more, and returns what came.
func got(items <-chan string) string {
	synctest.Wait()
	var all []string
	for {
		select {
		case i, ok := <-items:
			if !ok {
				return strings.Join(append(all, "end"), ", ")
			}
			all = append(all, i)
		default:
			return strings.Join(all, ", ")
		}
	}
}

func (l *streamLab) want(items <-chan string, want, when string) {
	l.t.Helper()
	if g := got(items); g != want {
		l.t.Errorf("%s: got %q, want %q", when, g, want)
	}
}

func (l *streamLab) waiting(n int) { l.agent.change(func(s *Status) { s.Desk.Waiting = n }) }

func TestStreamBeginsWithTheStatusAndGoesOnWithWhatIsNew(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		items := l.items(t.Context(), FromNow)
		l.want(items, "status 1", "at first")
		l.log.add(message("new"))
		l.want(items, "event 6", "after an event")
		time.Sleep(time.Second)
		l.waiting(2)
		l.want(items, "status 2", "after a change")
	})
}

func TestStreamBeginsAfterASequence(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		g := got(l.items(t.Context(), 3))
		if strings.ReplaceAll(g, "status 1, ", "") != "event 4, event 5" && g != "event 4, event 5, status 1" {
			t.Errorf("got %q", g)
		}
		l.want(l.items(t.Context(), 900), "status 1", "after what was never given")
		l.log.add(message("new"))
		l.want(l.items(t.Context(), 5), "status 1, event 6", "after a sequence")
	})
}

func TestBurstOfChangesIsOneStatusAndTheLastOneArrives(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		items := l.items(t.Context(), FromNow)
		l.want(items, "status 1", "at first")
		for i := range 1000 {
			l.waiting(1000 + i)
		}
		time.Sleep(statusGap - time.Millisecond)
		l.want(items, "", "within the gap")
		time.Sleep(time.Millisecond)
		l.want(items, "status 1999", "after the gap")
		var seen int
		for i := range 200 { // a change every 10 ms for 2 s
			l.waiting(i)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(statusGap)
		g := got(items)
		seen = strings.Count(g, "status")
		if seen > 21 || !strings.HasSuffix(g, "status 199") {
			t.Errorf("%d statuses in 2 s, at the end %q", seen, g[max(0, len(g)-30):])
		}
	})
}

func TestQuietStreamIsKeptAlive(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		conn, err := l.net.raw(t.Context(), "/api/stream", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%+v: %v", answer, err)
		}
		lines := bufio.NewReader(answer.Body)
		begin := time.Now()
		var comments int
		for comments < 40 { // ten minutes, far beyond the limits of a request
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("after %s: %v", time.Since(begin), err)
			}
			if strings.HasPrefix(line, ":") {
				comments++
			}
		}
		if took := time.Since(begin); took != 40*keepAlive {
			t.Errorf("40 comments took %s", took)
		}
	})
}

func TestEventCarriesItsSequenceForTheNextAttempt(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		conn, err := l.net.raw(t.Context(), "/api/stream?after=1", "Last-Event-ID: 4\r\n")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		for lines := bufio.NewReader(answer.Body); !strings.Contains(text, "event: event\nid: 5\ndata: {\"sequence\":5,"); {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			text += line
		}
		if strings.Contains(text, "id: 2") {
			t.Errorf("it began too early: %s", text)
		}
	})
}

func TestReaderThatTakesNothingIsCutAndHoldsUpNobody(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		conn, err := l.net.raw(t.Context(), "/api/stream?after=0", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		synctest.Wait()
		if n := len(l.server.streams); n != 1 {
			t.Fatalf("%d streams are open", n)
		}
		items := l.items(t.Context(), FromNow)
		l.want(items, "status 1", "of a second reader")
		l.waiting(7)
		time.Sleep(statusGap)
		l.want(items, "status 7", "of a second reader")
		time.Sleep(streamTimeout)
		synctest.Wait()
		if n := len(l.server.streams); n != 1 {
			t.Errorf("%d streams are open after the limit, want the good one", n)
		}
	})
}

func TestTooManyStreams(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		ctx, leave := context.WithCancel(t.Context())
		for range maxStreams {
			l.want(l.items(ctx, FromNow), "status 1", "within the limit")
		}
		if g := got(l.items(t.Context(), FromNow)); g != "error too many streams are open, end" {
			t.Errorf("above the limit: %q", g)
		}
		leave()
		synctest.Wait()
		l.want(l.items(t.Context(), FromNow), "status 1", "after others have left")
	})
}

func TestStreamsEndWithTheServer(t *testing.T) {
	var items <-chan string
	stream(t, func(t *testing.T, l *streamLab) {
		items = l.items(t.Context(), FromNow)
		l.want(items, "status 1", "at first")
		begin := time.Now()
		t.Cleanup(func() {
			if took := time.Since(begin); took >= stopTimeout {
				t.Errorf("stopping took %s", took)
			}
			l.want(items, "end", "after the stop")
		})
	})
}

func TestStreamEndsWithTheLogOrItsReader(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		ctx, leave := context.WithCancel(t.Context())
		items := l.items(ctx, FromNow)
		l.want(items, "status 1", "at first")
		leave()
		l.want(items, "error context canceled, end", "after leaving")
		items = l.items(t.Context(), FromNow)
		l.want(items, "status 1", "at first")
		l.log.mu.Lock()
		l.log.err = errors.New("closed")
		l.log.mu.Unlock()
		l.log.add(created)
		l.want(items, "end", "after the log has ended")
		if n := len(l.server.streams); n != 0 {
			t.Errorf("%d streams are open", n)
		}
	})
}

func TestClientLeavesAStreamInTheMiddle(t *testing.T) {
	stream(t, func(t *testing.T, l *streamLab) {
		for i, err := range l.net.client().Stream(t.Context(), FromNow) {
			if err != nil || i.Status == nil {
				t.Errorf("%+v, %v", i, err)
			}
			break
		}
		synctest.Wait()
		if n := len(l.server.streams); n != 0 {
			t.Errorf("%d streams are open", n)
		}
	})
}

// FuzzReadStream reads what an agent of any version may send.
func FuzzReadStream(f *testing.F) {
	f.Add("event: event\nid: 1\ndata: {\"sequence\":1}\n\n: c\n\nevent: status\ndata: {\"device\":\"x\"}\n\n")
	f.Add("event: later\ndata: {}\n\nretry: 10\n\ndata: no name\n\n")
	f.Add("event: event\ndata: [\n\n")
	f.Add("event: event\r\ndata: {\"sequence\":1,\r\ndata: \"kind\":\"note\"}\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = readStream(strings.NewReader(text), func(i StreamItem) bool {
			if (i.Event == nil) == (i.Status == nil) {
				t.Errorf("an item of %q holds both or none", text)
			}
			return true
		})
	})
}

func TestStreamReaderKnowsTheFormat(t *testing.T) {
	text := "event: later\ndata: {}\n\nevent: event\r\ndata: {\"sequence\":1,\r\ndata: \"kind\":\"note\"}\r\n\r\n: x\n\nevent: status\ndata: {"
	var seen []string
	err := readStream(strings.NewReader(text), func(i StreamItem) bool {
		seen = append(seen, i.Event.Kind)
		return true
	})
	if err != nil || strings.Join(seen, " ") != "note" {
		t.Errorf("%v, %v", seen, err)
	}
	broken := io.MultiReader(strings.NewReader("event: event\n"), &brokenReader{})
	if err := readStream(broken, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken stream: %v", err)
	}
}

type brokenReader struct{}

func (*brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
