package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt/mqtttest"
)

// running is an agent that runs in a test, on free ports.
type running struct {
	*Agent
	t      *testing.T
	sub    *mqtttest.Subscriber // of all events
	events int                  // posted so far
	stop   func()
}

// run runs an agent on a data folder, with more tables in its configuration and
// a wall clock, and more keys of the webhook. Stop it before the next one on the same folder; it is stopped at
// the end of the test.
func run(t *testing.T, dir, tables string, now func() time.Time, keys ...string) *running {
	t.Helper()
	c, err := Load([]byte("device = 'lobby'\ndata_dir = '"+dir+"'\nwebhook = { "+strings.Join(append(keys, "listen = '127.0.0.1:0'"), ", ")+" }\nbroker = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n"+tables), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{Agent: a, t: t}
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
