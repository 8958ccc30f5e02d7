//go:build unix

package hub

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

// TestARealBrokerSaysWhetherWeAreThere loses a connection and then ends one.
func TestARealBrokerSaysWhetherWeAreThere(t *testing.T) {
	m := mqtttest.StartMosquitto(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sub, stopSub, err := mqtttest.Subscribe(ctx, m.Addr, "deskbell/front/availability")
	if err != nil {
		t.Fatal(err)
	}
	defer stopSub()
	conns := make(chan net.Conn, 10)
	h := New("deskbell/front", newDesk(), slog.New(slog.DiscardHandler))
	l := mqtt.NewLink(mqtt.Config{Broker: m.URL(), ClientID: "front", Will: Will("deskbell/front"),
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", m.Addr)
			if err == nil {
				conns <- c
			}
			return c, err
		}}, []mqtt.Session{h}, slog.New(slog.DiscardHandler), nil)
	run, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(run) }()
	told := func(want ...string) {
		t.Helper()
		var got []string
		if !sub.Wait(ctx, func(all []mqtttest.Publish) bool {
			got = nil
			for _, p := range all {
				got = append(got, p.Payload)
			}
			return slices.Equal(got, want)
		}) {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
	told("online")
	_ = (<-conns).Close()
	told("online", "offline", "online")
	stop()
	<-ended
	told("online", "offline", "online", "offline")
}
