package mqtt

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

func TestAMessageIsAcknowledgedAfterItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		handling, finish := make(chan Message), make(chan struct{})
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			return c.Subscribe(ctx, "desk/command/+", func(m Message) {
				handling <- m
				<-finish
			})
		}})
		synctest.Wait()
		if got := f.Filters(); len(got) != 1 || got[0] != "desk/command/+" {
			t.Fatalf("filters %q", got)
		}
		f.Send("desk/command/ack", "PRESS", 7, true)
		m := <-handling
		if m.Topic != "desk/command/ack" || string(m.Payload) != "PRESS" || m.QoS != 1 || !m.Retained {
			t.Errorf("message %+v", m)
		}
		synctest.Wait()
		if got := f.Acked(); len(got) != 0 {
			t.Errorf("acknowledged before the handler returned: %v", got)
		}
		finish <- struct{}{}
		synctest.Wait()
		if got := f.Acked(); len(got) != 1 || got[0] != 7 {
			t.Errorf("acknowledged %v, want 7", got)
		}
		stop()
	})
}

func TestAReceivedMessageIsNoPublishOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		conns := make(chan *Conn, 10)
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			conns <- c
			return c.Subscribe(ctx, "in", func(Message) {})
		}})
		c := <-conns
		synctest.Wait()
		for id := range uint16(5) {
			f.Send("in", "x", id+1, false)
		}
		synctest.Wait()
		if n := c.Unacked(); n != 0 {
			t.Errorf("%d publishes unacknowledged", n)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if s := l.State(); !s.Connected || f.Connections() != 1 {
			t.Errorf("%+v after %d connections", s, f.Connections())
		}
		stop()
	})
}

func TestASlowHandlerDoesNotStopPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		release := make(chan struct{})
		handled := 0
		tokens := make(chan *Token, 1)
		_, stop := run(f, Config{},
			session{serve: func(ctx context.Context, c *Conn) error {
				return c.Subscribe(ctx, "in", func(Message) { handled++; <-release })
			}},
			session{serve: func(ctx context.Context, c *Conn) error {
				time.Sleep(time.Second)
				token, err := c.Publish(ctx, Message{Topic: "out", QoS: 1})
				tokens <- token
				return err
			}})
		synctest.Wait()
		const n = 2 * maxWaiting // more than will be kept
		for i := range n {
			f.Send("in", "x", uint16(i+1), false)
		}
		token := <-tokens
		<-token.Done()
		if err := token.Err(); err != nil {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		if got := len(f.Acked()); got != n {
			t.Errorf("%d messages acknowledged, want %d, handled or not", got, n)
		}
		if handled != maxWaiting+1 {
			t.Errorf("%d messages handled, want %d", handled, maxWaiting+1)
		}
		stop()
	})
}

// A leisurely connection lets others come in between two writes.
type leisurely struct{ net.Conn }

func (l leisurely) Write(p []byte) (int, error) {
	defer time.Sleep(time.Millisecond)
	return l.Conn.Write(p)
}

func TestAnAcknowledgementIsNotSentInTheMiddleOfAPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		large := strings.Repeat("x", 3*writePiece)
		f := &mqtttest.Fake{}
		dial := func(ctx context.Context) (net.Conn, error) {
			c, err := f.Dial(ctx)
			return leisurely{c}, err
		}
		_, stop := run(f, Config{Dial: dial},
			session{serve: func(ctx context.Context, c *Conn) error {
				return c.Subscribe(ctx, "in", func(Message) {})
			}},
			session{serve: func(ctx context.Context, c *Conn) error {
				time.Sleep(time.Second)
				for range n {
					if _, err := c.Publish(ctx, Message{Topic: "out", QoS: 1, Payload: []byte(large)}); err != nil {
						return err
					}
				}
				return nil
			}})
		time.Sleep(time.Second)
		for i := range n {
			f.Send("in", "x", uint16(i+1), false)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(f.Acked()); got != n {
			t.Errorf("%d messages acknowledged, want %d", got, n)
		}
		whole := 0
		for _, p := range f.Publishes() {
			if p.Payload == large {
				whole++
			}
		}
		if whole != n || f.Connections() != 1 {
			t.Errorf("%d of %d publishes came whole, on %d connections", whole, n, f.Connections())
		}
		stop()
	})
}

func TestARefusedSubscriptionLeavesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{RefuseSubscriptions: true}
		refused := make(chan error, 1)
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			refused <- c.Subscribe(ctx, "in", func(Message) {})
			return nil
		}})
		if err := <-refused; !errors.Is(err, ErrRefused) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if !l.State().Connected {
			t.Error("the connection has ended")
		}
		stop()
	})
}

func TestAMessageThatNoBrokerTakesIsNotSent(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    Message
	}{
		{"no topic", Message{}},
		{"a wildcard in the topic", Message{Topic: "a/+/b"}},
		{"a wildcard at the end", Message{Topic: "a/#"}},
		{"NUL", Message{Topic: "a\x00b"}},
		{"a control character", Message{Topic: "a\tb"}},
		{"no Unicode", Message{Topic: "a\xff"}},
		{"too long a topic", Message{Topic: strings.Repeat("a", 65536)}},
		{"QoS 2", Message{Topic: "a", QoS: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &mqtttest.Fake{}
				l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
					if _, err := c.Publish(ctx, tt.m); !errors.Is(err, ErrBadMessage) {
						t.Errorf("error %v", err)
					}
					return nil
				}})
				synctest.Wait()
				if !l.State().Connected || len(f.Publishes()) != 0 {
					t.Error("it was sent, or ended the connection")
				}
				stop()
			})
		})
	}
}
