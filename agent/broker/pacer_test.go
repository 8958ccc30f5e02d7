package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	link "deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

// A publisher sends n numbered messages over a connection within the process,
// with a window of 64, and closes done when all are acknowledged.
type publisher struct {
	n    int
	next int // the first that is not acknowledged
	done chan struct{}
}

func (p *publisher) Serve(ctx context.Context, c *link.Conn) error {
	type flight struct {
		number int
		token  *link.Token
	}
	var flights []flight
	for number := p.next; ; {
		for len(flights) < 64 && number < p.n {
			token, err := c.Publish(ctx, link.Message{Topic: "load/event", QoS: 1, Payload: fmt.Append(nil, number)})
			if err != nil {
				return err
			}
			flights = append(flights, flight{number, token})
			number++
		}
		if len(flights) == 0 {
			close(p.done)
			<-ctx.Done()
			return nil
		}
		<-flights[0].token.Done()
		if err := flights[0].token.Err(); err != nil {
			return err
		}
		p.next = flights[0].number + 1
		flights = flights[1:]
	}
}

// publishing runs a publisher until stop is called.
func publishing(b *Broker, n int) (p *publisher, stop func()) {
	p = &publisher{n: n, done: make(chan struct{})}
	l := link.NewLink(link.Config{Broker: "embedded", Dial: b.Dial, ClientID: "publisher"}, []link.Session{p}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }()
	return p, func() { cancel(); <-ended }
}

func TestASubscriberThatCannotFollowLosesNothing(t *testing.T) {
	const n = 20000 // more than the library keeps for a client
	b := newBroker(t, Config{Listen: "127.0.0.1:0"})
	start(t, b)
	eventually(t, "it listens", func() bool { return b.Addr() != "" })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	gate := make(chan struct{})
	sub, stopSub, err := mqtttest.SubscribeOver(ctx, func(ctx context.Context) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", b.Addr())
		return &gated{Conn: c, gate: gate}, err
	}, "load/#")
	if err != nil {
		t.Fatal(err)
	}
	defer stopSub()
	p, stop := publishing(b, n)
	defer stop()
	same, before := 0, 0
	eventually(t, "the publisher waits", func() bool {
		now := owed(b)
		if now != before || now == 0 {
			same = 0
		}
		same, before = same+1, now
		return same == 50
	})
	close(gate)
	<-p.done
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) >= n }) {
		t.Fatalf("%d of %d arrived", len(sub.Messages()), n)
	}
	for i, m := range sub.Messages() {
		if m.Payload != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, m.Payload)
		}
	}
}

// gated reads the answers to login and subscription, and the rest only when
// the gate is open.
type gated struct {
	net.Conn
	gate <-chan struct{}
	read int
}

func (g *gated) Read(p []byte) (int, error) {
	if g.read == 9 {
		<-g.gate
	} else if left := 9 - g.read; left > 0 {
		p = p[:min(len(p), left)]
	}
	n, err := g.Conn.Read(p)
	g.read += n
	return n, err
}

// owed counts the messages that the broker waits to be acknowledged.
func owed(b *Broker) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, cl := range b.run.server.Clients.GetAll() {
		n += cl.State.Inflight.Len()
	}
	return n
}

func TestASubscriberThatTakesNothingIsLeftBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reads bool // it reads, and acknowledges nothing
	}{
		{"that reads nothing", false},
		{"that acknowledges nothing", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, Config{Listen: "127.0.0.1:0"})
			start(t, b)
			eventually(t, "it listens", func() bool { return b.Addr() != "" })
			c, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			// CONNECT without a keep-alive, SUBSCRIBE load/#
			if _, err := io.WriteString(c, "\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03bad\x82\x0b\x00\x01\x00\x06load/#\x01"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 9)); err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			if tt.reads {
				go func() {
					defer close(gone)
					_, _ = io.Copy(io.Discard, bufio.NewReader(c))
				}()
			} else {
				close(gone)
			}
			p, stop := publishing(b, 40000)
			defer stop()
			<-p.done
			_ = c.Close()
			<-gone
		})
	}
}

func TestTheLoginIsBounded(t *testing.T) {
	b := newBroker(t, Config{Listen: "127.0.0.1:0"})
	start(t, b)
	eventually(t, "it listens", func() bool { return b.Addr() != "" })
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// A CONNECT of 1 MiB, most of it in a will: allowed for a message.
	if _, err := io.WriteString(c, "\x10\x80\x80\x40\x00\x04MQTT"+strings.Repeat("x", loginSize+1000)); err != nil {
		return // cut already
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it was answered")
	}
}

func TestListeningToOthersWithoutAPasswordIsAProblem(t *testing.T) {
	b := newBroker(t, Config{Listen: ":0"})
	start(t, b)
	eventually(t, "it listens", func() bool { return b.Addr() != "" })
	if p := b.Problem(); !strings.Contains(p, "set [broker] username and password") {
		t.Errorf("problem %q", p)
	}
}

func TestWhatIsRetainedStaysForEver(t *testing.T) {
	b := newBroker(t, Config{Listen: "127.0.0.1:0"})
	start(t, b)
	eventually(t, "it runs", func() bool { return b.Addr() != "" })
	b.mu.Lock()
	capabilities := b.run.server.Options.Capabilities
	b.mu.Unlock()
	if capabilities.MaximumMessageExpiryInterval != 0 {
		t.Error("retained messages expire")
	}
	if capabilities.MaximumPacketSize == 0 {
		t.Error("a packet may have any size")
	}
}
