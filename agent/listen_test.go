package agent

import (
	"context"
	"log/slog"
	"net"
	"testing"
)

// TestListenerThatWasKept: what a service manager has kept is used, not bound
// again.
func TestListenerThatWasKept(t *testing.T) {
	kept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var bound net.Listener
	c, err := Load([]byte("data_dir = '"+t.TempDir()+"'\nwebhook = { listen = '192.0.2.1:1', tokens = ['x'] }\nbroker = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Listener: kept, Bound: func(l net.Listener) bool { bound = l; return true }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	a.options.Ready = stop
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if bound != kept || a.WebhookAddr() != kept.Addr().String() {
		t.Errorf("takes webhooks at %s, told %v, given %v", a.WebhookAddr(), bound, kept)
	}
	if _, err := kept.Accept(); err == nil {
		t.Error("not closed")
	}
}
