//go:build unix

package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

// TestAStopIsOverInTimeWhateverHangs has a broker that reads nothing any more,
// with more under way than its socket takes, a platform that never finishes its
// post, and a browser that does not read what it asked for.
func TestAStopIsOverInTimeWhateverHangs(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	dir := t.TempDir()
	c, err := Load(fmt.Appendf(nil, "device = 'lobby'\ndata_dir = '%s'\nwebhook = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n"+
		"[[forward]]\nname = 'hub'\nbroker = '%s'\n[[forward]]\nname = 'gone'\nbroker = 'mqtt://127.0.0.1:1'", dir, broker.URL()), testMachine)
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
	until(t, a, "the broker is there", func() bool { return a.Status().Forward[0].Connected })
	broker.Freeze()
	defer broker.Thaw() // else it cannot be stopped
	event := `{"event":{"type":"message"},"payload":"` + strings.Repeat("x", 900<<10) + `"}`
	for i := range 8 {
		resp, err := http.Post("http://"+a.WebhookAddr()+"/webhook", "application/json", strings.NewReader(fmt.Sprintf(`{"events":[%s,{"n":%d}]}`, event, i)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for address, request := range map[string]string{
		a.WebhookAddr(): "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
		a.AdminAddr():   "POST /api/mute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopped after %v", took)
	}
	r, err := storage.OpenReader(dir)
	if err != nil {
		t.Fatalf("the store was not closed: %v", err)
	}
	r.Close()
}
