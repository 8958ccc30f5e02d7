package agent

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/storage"
)

// wired is an agent on an open store of its own that does not run.
func wired(t *testing.T, doc string) (*Agent, *rooms) {
	t.Helper()
	c, err := Load([]byte("data_dir = '"+t.TempDir()+"'\n"+doc), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Open(t.Context(), c.DataDir, a.storageOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := a.wire(store)
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

// until waits for something of which a change of the status tells.
func until(t *testing.T, a *Agent, what string, ok func() bool) {
	t.Helper()
	over := time.After(30 * time.Second)
	for changed := a.Changed(); !ok(); changed = a.Changed() {
		select {
		case <-changed:
		case <-over:
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

func TestWhatRunsFollowsFromTheConfiguration(t *testing.T) {
	tests := []struct {
		name, doc string
		want      []string
	}{
		{"an empty file", "", []string{"admin", "control socket", "indicator", "forward local", "filter of local", "broker", "store"}},
		{"a button", "input.ack = { pin = 'GPIO27' }", []string{"admin", "control socket", "buttons", "indicator", "forward local", "filter of local", "broker", "store"}},
		{
			"an address that the platform was given", "webhook.public_url='https://desk.example.org/webhook'",
			[]string{"admin", "control socket", "reach", "indicator", "forward local", "filter of local", "broker", "store"},
		},
		{"a broker elsewhere", "[[forward]]\nname='hub'\nbroker='mqtt://a'", []string{"admin", "control socket", "indicator", "forward hub", "filter of hub", "store"}},
		{
			"two brokers, one of them the built-in one",
			"[[forward]]\nname='hub'\nbroker='mqtt://a'\n[[forward]]\nname='here'\nbroker='embedded'",
			[]string{"admin", "control socket", "indicator", "forward hub", "filter of hub", "forward here", "filter of here", "broker", "store"},
		},
		{"a built-in broker that no forward uses", "[[forward]]\nname='hub'\nbroker='mqtt://a'\n[broker]", []string{"admin", "control socket", "indicator", "forward hub", "filter of hub", "broker", "store"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, r := wired(t, tt.doc)
			var got []string
			for _, stage := range a.stages(r) {
				for _, task := range stage.tasks {
					got = append(got, task.String())
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("runs %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAnAgentStartsAndStopsInATest(t *testing.T) {
	c, err := Load([]byte("data_dir = '"+t.TempDir()+"'\nwebhook = { listen = '127.0.0.1:0' }\nbroker = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-ready
	resp, err := http.Post("http://"+a.WebhookAddr()+"/webhook", "application/json", strings.NewReader(`{"events":[{"event":{"type":"message"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if s := a.Status(); resp.StatusCode != 200 || s.Webhook.Accepted != 1 || s.Storage.Records != 1 || !s.Ready {
		t.Errorf("answered %s, status %+v", resp.Status, s)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSettingsOverMQTT(t *testing.T) {
	tests := map[string]struct {
		pattern string
		lasts   time.Duration
		auto    bool
		bad     bool
	}{
		"ON":                              {pattern: "on"},
		" off ":                           {pattern: "off"},
		"AUTO":                            {auto: true},
		`{"pattern":"alarm","for":"5s"}`:  {pattern: "alarm", lasts: 5 * time.Second},
		`{"pattern":"blink"}`:             {pattern: "blink"},
		`{"pattern":"blink","for":"-5s"}`: {bad: true},
		`{"for":"5s"}`:                    {bad: true},
		"":                                {bad: true},
		"TOGGLE":                          {bad: true},
	}
	for payload, want := range tests {
		s, err := setting([]byte(payload))
		if (err != nil) != want.bad || s.Pattern != want.pattern || s.For != want.lasts || s.Auto != want.auto {
			t.Errorf("%q: got %+v, %v", payload, s, err)
		}
	}
}
