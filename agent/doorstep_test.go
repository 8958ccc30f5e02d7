package agent

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"deskbell/storage"
)

// TestNothingIsTakenWhileTheStoreIsBeingChecked posts while the check of a store
// that is there goes on: a 200 would promise what nobody keeps, a 503 would make a
// refusal of every restart.
func TestNothingIsTakenWhileTheStoreIsBeingChecked(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "", nil).stop()
	c, err := Load([]byte("data_dir = '"+dir+"'\nwebhook = { listen = '127.0.0.1:0' }\nbroker = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	checking, goOn, ready := make(chan struct{}), make(chan struct{}), make(chan struct{})
	a, err := New(c, Options{
		Log:   slog.New(slog.DiscardHandler),
		Ready: func() { close(ready) },
		CheckStore: func(context.Context, string, func()) error {
			close(checking)
			<-goOn
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-checking
	ask := func(method, path string) (code int, text string, header http.Header) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+a.WebhookAddr()+path, strings.NewReader(`{"events":[{"event":{"type":"message"}}]}`))
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(body), resp.Header
	}
	early := make(chan int, 1)
	go func() {
		code, _, _ := ask("POST", "/webhook")
		early <- code
	}()
	if code, text, _ := ask("GET", "/readyz"); code != 503 || !strings.Contains(text, "the store is being checked") {
		t.Errorf("readyz is answered %d %s", code, text)
	}
	if code, _, _ := ask("GET", "/healthz"); code != 200 {
		t.Errorf("healthz is answered %d", code)
	}
	if s := a.Status(); s.Ready || len(s.Problems) != 1 {
		t.Errorf("status %+v", s)
	}
	select {
	case code := <-early:
		t.Errorf("an event is answered %d before the store is open", code)
	default:
	}
	close(goOn)
	<-ready
	if code := <-early; code != 200 {
		t.Errorf("an event that came before is answered %d", code)
	}
	for path, method := range map[string]string{"/webhook": "POST", "/readyz": "GET"} {
		if code, text, _ := ask(method, path); code != 200 {
			t.Errorf("%s is answered %d %s once it is open", path, code, text)
		}
	}
	if s := a.Status(); s.Storage.Records != 1 { // the same twice
		t.Errorf("%d events in the store", s.Storage.Records)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNobodyWaitsForAStoreThatThereIsNoRoomFor: it will take long.
func TestNobodyWaitsForAStoreThatThereIsNoRoomFor(t *testing.T) {
	d := &doorstep{soon: make(chan struct{})}
	select {
	case <-d.Opened():
		t.Error("nobody waits while it is being checked")
	default:
	}
	d.waits(storage.ErrNoSpace)
	d.waits(storage.ErrNoSpace)
	<-d.Opened()
	d.opened(new(storage.Log))
	if d.Opened() != nil {
		t.Error("it is open")
	}
}
