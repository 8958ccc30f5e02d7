package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"deskbell/agent/mqtt/mqtttest"
)

// start runs a broker until the returned stop, which waits for its end.
func start(t *testing.T, b *Broker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func newBroker(t *testing.T, c Config) *Broker {
	t.Helper()
	b, err := New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesGoFromThisProcessToTheNetwork(t *testing.T) {
	b := newBroker(t, Config{Listen: "127.0.0.1:0"})
	start(t, b)
	eventually(t, "it listens", func() bool { return b.Addr() != "" })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outside, stop, err := mqtttest.Subscribe(ctx, b.Addr(), "a/#")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	publish(t, b, "a/b", "hello")
	if !outside.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) == 1 && all[0].Payload == "hello" }) {
		t.Errorf("got %v", outside.Messages())
	}
}

// publish sends one message at QoS 0 over a connection within the process.
func publish(t *testing.T, b *Broker, topic, payload string) {
	t.Helper()
	conn, err := b.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // a pipe has deadlines
	if _, err := conn.Write([]byte("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := conn.Read(answer); err != nil || answer[0] != 0x20 || answer[3] != 0 {
		t.Fatalf("answered % x, %v", answer, err)
	}
	packet := append([]byte{0x30, byte(2 + len(topic) + len(payload)), 0, byte(len(topic))}, topic+payload...)
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
}

func TestATakenPortIsAProblemAndThisProcessIsServedAllTheSame(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBroker(t, Config{Listen: l.Addr().String()})
	start(t, b)
	eventually(t, "the problem is told", func() bool { return strings.Contains(b.Problem(), "set [broker] listen to a free port") })
	conn, err := b.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestSwitchedOffItTakesNobodyAndOnAgainItDoes(t *testing.T) {
	b := newBroker(t, Config{Listen: "127.0.0.1:0"})
	stop := start(t, b)
	conn, err := b.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlived the broker")
	}
	if _, err := b.Dial(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("switched off: %v", err)
	}
	if b.Addr() != "" {
		t.Errorf("it still says that it listens on %s", b.Addr())
	}
	start(t, b)
	eventually(t, "it takes connections again", func() bool {
		conn, err := b.Dial(t.Context())
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

func TestWhoIsLetIn(t *testing.T) {
	open, locked := Config{}, Config{Username: "desk", Password: "geheim"}
	tests := []struct {
		name           string
		config         Config
		way, from      string
		user, password string
		want           bool
	}{
		{"this process", open, inside, "pipe", "", "", true},
		{"this process, although there is a password", locked, inside, "pipe", "", "", true},
		{"this machine", open, network, "127.0.0.1:5000", "", "", true},
		{"this machine over IPv6", open, network, "[::1]:5000", "", "", true},
		{"another machine, without a password set", open, network, "192.168.1.7:5000", "", "", false},
		{"another machine with the password", locked, network, "192.168.1.7:5000", "desk", "geheim", true},
		{"another machine with a wrong password", locked, network, "192.168.1.7:5000", "desk", "falsch", false},
		{"another machine with a wrong user", locked, network, "192.168.1.7:5000", "me", "geheim", false},
		{"this machine without the password that is set", locked, network, "127.0.0.1:5000", "", "", false},
		{"an address that is none", open, network, "", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &doorman{config: tt.config}
			cl := &mqtt.Client{Net: mqtt.ClientConnection{Listener: tt.way, Remote: tt.from}}
			pk := packets.Packet{Connect: packets.ConnectParams{Username: []byte(tt.user), Password: []byte(tt.password)}}
			if got := d.OnConnectAuthenticate(cl, pk); got != tt.want {
				t.Errorf("let in: %v", got)
			}
		})
	}
}
