package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestClientGetsWhatTheServerHas(t *testing.T) {
	agent, log := newFakeAgent(), testLog()
	log.lists["refused"] = [][]byte{[]byte(`{"headers":["X-Token"]}`)}
	c, _ := startSocket(t, newTestServer(t, Config{}, agent, log), filepath.Join(t.TempDir(), "control.sock"))
	ctx := t.Context()

	status, err := c.Status(ctx)
	if want := agent.Status(); err != nil || !reflect.DeepEqual(status, want) {
		t.Errorf("status: %+v, %v; want %+v", status, err, want)
	}
	page, err := c.Events(ctx, 1, 2, "message")
	if err != nil || sequences(page) != "2 3 next 3" {
		t.Errorf("events: %s, %v", sequences(page), err)
	}
	if page, err = c.Events(ctx, 0, 0, ""); err != nil || len(page.Events) != 5 {
		t.Errorf("events without a limit: %s, %v", sequences(page), err)
	}
	if page, err = c.Events(ctx, 0, 1e6, ""); err != nil || len(page.Events) != 5 {
		t.Errorf("events with a limit above the largest: %s, %v", sequences(page), err)
	}
	detail, err := c.Event(ctx, 2)
	if err != nil || detail.Summary != "visitor: one" || string(detail.Data) != message("one") {
		t.Errorf("event: %+v, %v", detail, err)
	}
	rejected, err := c.Rejected(ctx)
	if err != nil || len(rejected.Rejected) != 0 || string(rejected.Refused[0]) != `{"headers":["X-Token"]}` {
		t.Errorf("rejected: %s, %v", rejected, err)
	}
}

func TestClientActs(t *testing.T) {
	agent := newFakeAgent()
	c, _ := startSocket(t, newTestServer(t, Config{}, agent, testLog()), filepath.Join(t.TempDir(), "control.sock"))
	ctx := t.Context()
	for want, act := range map[string]func() (Status, error){
		"acknowledge":           func() (Status, error) { return c.Ack(ctx) },
		"mute 30m0s":            func() (Status, error) { return c.Mute(ctx, 0) },
		"mute 1h30m0s":          func() (Status, error) { return c.Mute(ctx, 90*time.Minute) },
		"unmute":                func() (Status, error) { return c.Unmute(ctx) },
		"test lamp blink 3s":    func() (Status, error) { return c.Test(ctx, "lamp", "", 0) },
		"test buzzer alarm 5s":  func() (Status, error) { return c.Test(ctx, "buzzer", "alarm", 5*time.Second) },
		"test lamp pulse 250ms": func() (Status, error) { return c.Test(ctx, "lamp", "pulse", 250*time.Millisecond) },
	} {
		status, err := act()
		if called := agent.called(); err != nil || called != want || status.Device != "front-desk" {
			t.Errorf("called %q, want %q: %v", called, want, err)
		}
	}
}

func TestClientTellsErrorsApart(t *testing.T) {
	c, stop := startSocket(t, newTestServer(t, Config{}, newFakeAgent(), testLog()), filepath.Join(t.TempDir(), "control.sock"))
	second := func(_ any, err error) error { return err }
	for name, k := range map[string]struct {
		err        error
		is         error
		text, hint string
	}{
		"an event that is not there": {second(c.Event(t.Context(), 99)), ErrNotFound, "no event 99", "holds 1 to 5"},
		"an unknown output":          {second(c.Test(t.Context(), "a/b?c", "", 0)), ErrNotFound, "a/b?c", "lamp, buzzer"},
		"a pattern not there":        {second(c.Test(t.Context(), "lamp", "wild", 0)), ErrBadArgument, "wild", ""},
		"a mute of less than 0":      {second(c.Mute(t.Context(), -time.Second)), ErrBadArgument, "duration", "30s"},
		"a kind that is not there":   {second(c.Events(t.Context(), 0, 0, "x&limit=1")), ErrBadArgument, "kind", "message"},
	} {
		if !errors.Is(k.err, k.is) || !strings.Contains(k.err.Error(), k.text) || !strings.Contains(Hint(k.err), k.hint) {
			t.Errorf("%s: %v (%s)", name, k.err, Hint(k.err))
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	_, err := c.Status(t.Context())
	if !errors.Is(err, ErrNoAgent) || err.Error() != "no agent is running on "+filepath.Dir(c.path) || Hint(err) != "start it with: sudo deskbell service start; without a service: deskbell run" {
		t.Errorf("without an agent: %v (%s)", err, Hint(err))
	}
	if _, err := NewClient("/nowhere/at/all/control.sock").Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("without a folder: %v", err)
	}
	for _, err := range c.Stream(t.Context(), FromNow) {
		if !errors.Is(err, ErrNoAgent) {
			t.Errorf("stream without an agent: %v", err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// The tests may run as root, to whom every socket is open: so the error is made.
func TestClientThatIsNotPermitted(t *testing.T) {
	c := NewClient("/var/lib/deskbell/control.sock")
	err := c.broken(t.Context(), fmt.Errorf("get: %w", &net.OpError{Op: "dial", Err: fs.ErrPermission}))
	if !errors.Is(err, ErrNotPermitted) || !strings.Contains(err.Error(), c.path) || !strings.Contains(Hint(err), "group") {
		t.Errorf("%v (%s)", err, Hint(err))
	}
}

func TestClientOfSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/status":
			http.Error(w, "teapot", http.StatusTeapot)
		case "/api/events":
			fmt.Fprint(w, `{"events":`)
		default:
			panic(http.ErrAbortHandler)
		}
	})}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	c := NewClient(path)
	var e *Error
	if _, err := c.Status(t.Context()); !errors.As(err, &e) || e.Code != http.StatusTeapot || !strings.Contains(err.Error(), "418") {
		t.Errorf("an answer that is not ours: %v", err)
	}
	if _, err := c.Events(t.Context(), 0, 0, ""); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("half an answer: %v", err)
	}
	if _, err := c.Event(t.Context(), 1); err == nil || errors.Is(err, ErrNoAgent) {
		t.Errorf("no answer: %v", err)
	}
}
