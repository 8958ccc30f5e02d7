package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt/mqtttest"
)

// wallClock is a clock that a test sets. It stands still between.
type wallClock struct{ ns atomic.Int64 }

func (c *wallClock) set(t time.Time) { c.ns.Store(t.UnixNano()) }
func (c *wallClock) now() time.Time  { return time.Unix(0, c.ns.Load()) }

var (
	today = time.Date(2026, time.August, 3, 10, 0, 0, 0, time.UTC)
	unset = time.Date(1970, time.January, 1, 0, 0, 20, 0, time.UTC)
)

// running is an agent that runs in a test, on free ports.
type running struct {
	*Agent
	t      *testing.T
	clock  *wallClock
	sub    *mqtttest.Subscriber // of all events
	events int                  // posted so far
	stop   func()
}

// runAt runs an agent on a data folder with a clock. Stop it before the next
// one on the same folder; it is stopped at the end of the test.
func runAt(t *testing.T, dir string, clock *wallClock) *running {
	t.Helper()
	c, err := Load([]byte("device = 'lobby'\ndata_dir = '"+dir+"'\nwebhook = { listen = '127.0.0.1:0' }\nbroker = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{Agent: a, t: t, clock: clock}
	stopped := false
	r.stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(r.stop)
	select {
	case <-ready:
	case err := <-done:
		stopped = true
		t.Fatal(err)
	}
	r.eventually("the broker listens", func(admin.Status) bool { return a.BrokerAddr() != "" })
	sub, end, err := mqtttest.Subscribe(t.Context(), a.BrokerAddr(), "deskbell/lobby/event/#")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	r.sub = sub
	return r
}

// eventually waits until the status is as told.
func (r *running) eventually(what string, is func(admin.Status) bool) admin.Status {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for {
		changed := r.Changed()
		s := r.Status()
		if is(s) {
			return s
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // not all that is waited for is announced
		case <-deadline:
			r.t.Fatalf("%s: not within a minute; the status is %+v", what, s)
		}
	}
}

// post stores an event that opens a conversation for a team, and returns its
// item of the API.
func (r *running) post(key string) admin.EventItem {
	r.t.Helper()
	r.events++
	body := fmt.Sprintf(`{"events":[{"event":{"type":"conversation_create","payload":{"assignee":{"type":"team","id":%d}}},"conversation":{"key":%q}}]}`, r.events, key)
	resp, err := http.Post("http://"+r.WebhookAddr()+"/webhook", "application/json", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("answered %s", resp.Status)
	}
	last := r.Status().Storage.LastSequence
	page, err := admin.NewClient(ControlSocket(r.config.DataDir)).Events(r.t.Context(), last-1, 1, "")
	if err != nil || len(page.Events) != 1 {
		r.t.Fatalf("%+v, %v", page, err)
	}
	return page.Events[0]
}

// delivered waits for the n-th message at the broker and returns its
// attributes.
func (r *running) delivered(n int) map[string]any {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if !r.sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) >= n }) {
		r.t.Fatalf("%d messages, want %d", len(r.sub.Messages()), n)
	}
	var attributes map[string]any
	if err := json.Unmarshal([]byte(r.sub.Messages()[n-1].Payload), &attributes); err != nil {
		r.t.Fatal(err)
	}
	return attributes
}

func TestAClockThatJumpsWhileItRuns(t *testing.T) {
	clock := &wallClock{}
	clock.set(unset)
	r := runAt(t, t.TempDir(), clock)
	began := time.Now()
	for i, at := range []time.Time{
		unset, today, today.AddDate(7, 0, 0), today.AddDate(-30, 0, 0), today.AddDate(0, 0, -3), unset, today.AddDate(0, 0, 1),
	} {
		clock.set(at)
		key := fmt.Sprint("guest ", i)
		item := r.post(key)
		if item.Sequence != uint64(i+1) {
			t.Errorf("%v: it is event %d", at, item.Sequence)
		}
		sent := r.delivered(i + 1)
		received, told := sent["receivedtime"]
		if known := at.Year() >= 2026; known != (item.Received != nil) || known != told {
			t.Errorf("%v: the API says %v, the broker %v", at, item.Received, received)
		} else if known && (!item.Received.Equal(at) || received != at.Format(time.RFC3339)) {
			t.Errorf("%v: the API says %v, the broker %v", at, item.Received, received)
		}
		if sent["delayed"] != false || sent["subject"] != key {
			t.Errorf("%v: sent %v", at, sent)
		}
		s := r.eventually("the desk knows it", func(s admin.Status) bool { return s.Desk.Waiting == i+1 })
		if len(s.Problems) != 0 || !s.Ready {
			t.Errorf("%v: %q", at, s.Problems)
		}
		for n, c := range s.Desk.Conversations {
			if c.Key != fmt.Sprint("guest ", n) {
				t.Errorf("%v: at place %d waits %s", at, n, c.Key)
			}
		}
		if c := s.Desk.Conversations[i]; (at.Year() >= 2026) != (c.Since != nil) {
			t.Errorf("%v: it waits since %v", at, c.Since)
		}
		store := r.open.Load().store
		if e := store.Elapsed(); e > time.Since(began)+time.Minute || e <= 0 {
			t.Errorf("%v: the store's clock is at %v", at, e)
		}
	}
}

// TestAMuteIsToldByTheClockOfNow: until the clock is set, nobody can know when
// it ends.
func TestAMuteIsToldByTheClockOfNow(t *testing.T) {
	clock := &wallClock{}
	clock.set(unset)
	r := runAt(t, t.TempDir(), clock)
	if err := r.open.Load().indicator.Mute(t.Context(), 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{unset, today, today.AddDate(3, 0, 0), today.Add(-time.Hour)} {
		clock.set(at)
		until := r.Status().Desk.MutedUntil
		if until == nil {
			t.Fatalf("%v: it is not muted", at)
		}
		if left := until.Sub(at); left < time.Hour || left > 2*time.Hour+time.Second {
			t.Errorf("%v: muted until %v", at, until)
		}
		if again := r.Status().Desk.MutedUntil; !again.Equal(*until) {
			t.Errorf("%v: first it was %v, then %v", at, until, again)
		}
	}
}

func TestAClockThatJumpsBetweenTwoRuns(t *testing.T) {
	dir, clock := t.TempDir(), &wallClock{}
	clock.set(today)
	r := runAt(t, dir, clock)
	r.post("guest 0")
	r.eventually("all is delivered", func(s admin.Status) bool { return s.Desk.Waiting == 1 && s.Forward[0].Pending == 0 })
	r.stop()
	for i, test := range []struct {
		name    string
		at      time.Time
		waiting int
	}{
		{"the clock is not set yet: nobody knows how long it was off", unset, 2},
		{"a clock that is years behind", today.AddDate(-2, 0, 0), 3},
		{"an hour later", today.Add(time.Hour), 4},
		{"a day later: those that waited are not waited for any more", today.AddDate(0, 0, 1), 1},
		{"years later", today.AddDate(30, 0, 0), 1},
		{"and back", today, 2},
	} {
		clock.set(test.at)
		r := runAt(t, dir, clock)
		if item := r.post(fmt.Sprint("guest ", i+1)); item.Sequence != uint64(i+2) {
			t.Errorf("%s: it is event %d", test.name, item.Sequence)
		}
		if sent := r.delivered(1); sent["delayed"] != false || sent["logsequence"] != float64(i+2) {
			t.Errorf("%s: sent %v", test.name, sent)
		}
		s := r.eventually("the desk knows it", func(s admin.Status) bool { return s.Desk.Open > 0 && s.Forward[0].Pending == 0 })
		if s.Desk.Waiting != test.waiting || len(s.Problems) != 0 {
			t.Errorf("%s: %d wait, want %d; problems %q", test.name, s.Desk.Waiting, test.waiting, s.Problems)
		}
		r.stop()
	}
}
