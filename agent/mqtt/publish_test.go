package mqtt

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// publishing sends one message and gives its token away.
func publishing(m Message, tokens chan<- *Token) Session {
	return session{serve: func(ctx context.Context, c *Conn) error {
		t, err := c.Publish(ctx, m)
		if err != nil {
			return err
		}
		tokens <- t
		<-ctx.Done()
		return nil
	}}
}

func TestAPublishCountsOnlyByItsPuback(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reply  mqtttest.Reply
		answer func(mqtttest.Publish) []byte
		good   bool
	}{
		{name: "acknowledged", good: true},
		{name: "never acknowledged", reply: mqtttest.Ignore},
		{name: "the connection is dropped", reply: mqtttest.Drop},
		{name: "the acknowledgement of another publish", answer: func(p mqtttest.Publish) []byte {
			return []byte{0x40, 2, 0x77, byte(p.ID)}
		}},
		{name: "the answer to a publish of QoS 2", answer: func(p mqtttest.Publish) []byte {
			return []byte{0x70, 2, byte(p.ID >> 8), byte(p.ID)}
		}},
		{name: "the answer to a subscription", answer: func(p mqtttest.Publish) []byte {
			return []byte{0x90, 3, byte(p.ID >> 8), byte(p.ID), 0}
		}},
		{name: "the answer to the end of a subscription", answer: func(p mqtttest.Publish) []byte {
			return []byte{0xb0, 2, byte(p.ID >> 8), byte(p.ID)}
		}},
		{name: "half an acknowledgement", answer: func(p mqtttest.Publish) []byte { return []byte{0x40, 2, 0} }},
		{name: "nonsense", answer: func(p mqtttest.Publish) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &mqtttest.Fake{Answer: tt.answer, OnPublish: func(mqtttest.Publish) mqtttest.Reply { return tt.reply }}
				tokens := make(chan *Token, 1000)
				_, stop := run(f, Config{}, publishing(Message{Topic: "a", QoS: 1}, tokens))
				token := <-tokens
				<-token.Done()
				if got := token.Err() == nil; got != tt.good {
					t.Errorf("token ended with %v", token.Err())
				}
				if acked := token.conn.Acked() == 1; acked != tt.good {
					t.Errorf("counted %d as acknowledged", token.conn.Acked())
				}
				if left := token.conn.Unacked() == 0; left != tt.good {
					t.Errorf("counted %d as unacknowledged", token.conn.Unacked())
				}
				stop()
			})
		})
	}
}

func TestEveryPublishInFlightFailsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		f := &mqtttest.Fake{}
		f.OnPublish = func(mqtttest.Publish) mqtttest.Reply {
			if len(f.Publishes()) == n {
				return mqtttest.Drop
			}
			return mqtttest.Ignore
		}
		tokens := make(chan *Token, 10*n)
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			for range n {
				token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1})
				if err != nil {
					return err
				}
				tokens <- token
			}
			<-ctx.Done()
			return nil
		}})
		for range n {
			token := <-tokens
			<-token.Done()
			if token.Err() == nil {
				t.Fatal("a token succeeded without a PUBACK")
			}
		}
		synctest.Wait()
		if s := l.State(); !strings.Contains(s.LastError, "broker closed the connection with 50 publishes unacknowledged") {
			t.Errorf("last error %q", s.LastError)
		}
		stop()
	})
}

func TestWhatTheNetworkDidNotTakeIsToldFromWhatTheBrokerHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		f.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
			f.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
			time.Sleep(time.Second) // and reads nothing meanwhile
			return mqtttest.Drop
		}
		tokens := make(chan *Token, 100)
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			for range 4 {
				token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1})
				if err != nil {
					return err
				}
				tokens <- token
				time.Sleep(time.Millisecond)
			}
			<-ctx.Done()
			return nil
		}})
		var got []error
		for range 4 {
			token := <-tokens
			<-token.Done()
			got = append(got, token.Err())
			if len(got) == 4 && (token.conn.Acked() != 1 || token.conn.Unacked() != 1) {
				t.Errorf("%d acknowledged, %d not", token.conn.Acked(), token.conn.Unacked())
			}
		}
		if got[0] != nil || !errors.Is(got[1], errNotAcknowledged) || !errors.Is(got[2], ErrNotSent) || !errors.Is(got[3], ErrNotSent) {
			t.Errorf("the publishes ended with %v", got)
		}
		stop()
	})
}

func TestAPublishWithoutAcknowledgementIsDoneWhenItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		tokens := make(chan *Token, 100)
		_, stop := run(f, Config{}, publishing(Message{Topic: "a", Payload: make([]byte, 2*maxQueued)}, tokens))
		token := <-tokens
		<-token.Done()
		synctest.Wait()
		if p := f.Publishes(); token.Err() != nil || len(p) != 1 || p[0].QoS != 0 || len(p[0].Payload) != 2*maxQueued {
			t.Errorf("%v, the broker has %d", token.Err(), len(p))
		}
		stop()
	})
}

func TestAPublishCountsFromItsFirstByteAndIsDueFromItsLast(t *testing.T) {
	f := newFlights()
	w := &wire{ended: make(chan struct{}), cause: errors.New("over")}
	c := &Conn{wire: w, flights: f}
	large, _ := f.put(c, Message{Topic: "a", QoS: 1, Payload: make([]byte, 2*writePiece)})
	small, _ := f.put(c, Message{Topic: "a", QoS: 1})
	all := len(f.take())
	waits := func(when string, want int, due bool) {
		t.Helper()
		if _, n := f.counts(); n != want || f.dueSince().IsZero() == due {
			t.Errorf("%s: %d unacknowledged, want %d; due since %v", when, n, want, f.dueSince())
		}
	}
	waits("before", 0, false)
	f.progress(writePiece, 0)
	waits("when the large one has begun", 1, false)
	f.progress(all-1, writePiece)
	waits("before its last byte", 2, false)
	f.progress(all, all-1)
	waits("with its last byte", 2, true)
	f.ack(large.id)
	waits("when it was acknowledged and the small one is on its way", 1, false)
	f.progress(all, all)
	waits("when that was handed over", 1, true)
	late, _ := f.put(c, Message{Topic: "a", QoS: 1})
	f.end()
	f.ack(small.id)
	waits("at the end", 1, true)
	close(w.ended)
	f.fail()
	for i, want := range []error{nil, errNotAcknowledged, ErrNotSent} {
		token := []*Token{large, small, late}[i]
		if <-token.Done(); !errors.Is(token.Err(), want) {
			t.Errorf("publish %d ended with %v, want %v", i+1, token.Err(), want)
		}
	}
}

func TestPacketIDsAreTakenInTurnsAndNeverTwice(t *testing.T) {
	f := newFlights()
	stuck := inFlight(f)
	for n := range 150_000 {
		token := inFlight(f)
		if token.id == stuck.id || token.id < firstID {
			t.Fatalf("publish %d has id %d, while %d waits", n, token.id, stuck.id)
		}
		f.ack(token.id)
	}
	if acked, waiting := f.counts(); acked != 150_000 || waiting != 1 {
		t.Errorf("%d acknowledged, %d not", acked, waiting)
	}
}
