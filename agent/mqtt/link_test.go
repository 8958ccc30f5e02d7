package mqtt

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// A session made of functions.
type session struct {
	greet func(context.Context, *Conn) error
	serve func(context.Context, *Conn) error
}

func (s session) Greet(ctx context.Context, c *Conn) error {
	if s.greet == nil {
		return nil
	}
	return s.greet(ctx, c)
}

func (s session) Serve(ctx context.Context, c *Conn) error {
	if s.serve == nil {
		return nil
	}
	return s.serve(ctx, c)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// run runs a link to f until stop is called, which waits for everything.
func run(f *mqtttest.Fake, c Config, sessions ...Session) (l *Link, stop func()) {
	if c.Dial == nil {
		c.Dial = f.Dial
	}
	if c.Broker == "" {
		c.Broker = "mqtt://broker.test"
	}
	l = NewLink(c, sessions, quiet(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		<-done
		f.Close()
	}
}

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

func TestALossIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   *mqtttest.Fake
		busy   bool
		within time.Duration
		says   string
	}{
		{name: "within 60 s while idle", fake: &mqtttest.Fake{NoPing: true}, within: 60 * time.Second,
			says: "no PINGRESP for 20s"},
		{name: "within 30 s with a publish in flight", busy: true, within: 30 * time.Second,
			fake: &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }},
			says: "no PUBACK for 20s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conns := make(chan *Conn, 10)
				l, stop := run(tt.fake, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
					if tt.busy {
						if _, err := c.Publish(ctx, Message{Topic: "a", QoS: 1}); err != nil {
							return err
						}
					}
					conns <- c
					<-ctx.Done()
					return nil
				}})
				c := <-conns
				began := time.Now()
				select {
				case <-c.Done():
				case <-time.After(time.Hour):
				}
				if took := time.Since(began); took < ackTimeout || took > tt.within {
					t.Errorf("noticed after %v", took)
				}
				synctest.Wait()
				if s := l.State(); s.Connected || s.LastError != tt.says {
					t.Errorf("state %+v, want %q", s, tt.says)
				}
				stop()
			})
		})
	}
}

func TestAPeerThatReadsNothingIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		stuck := make(chan net.Conn, 10)
		dial := func(ctx context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			go func() { // a broker that accepts the login and then reads nothing
				b := make([]byte, 100)
				if _, err := server.Read(b); err == nil {
					_, _ = server.Write([]byte{0x20, 2, 0, 0})
				}
				stuck <- server
			}()
			return client, nil
		}
		took := make(chan time.Duration, 10)
		_, stop := run(f, Config{Dial: dial}, session{serve: func(ctx context.Context, c *Conn) error {
			began := time.Now()
			for {
				if _, err := c.Publish(ctx, Message{Topic: "a", QoS: 1, Payload: make([]byte, 1000)}); err != nil {
					took <- time.Since(began)
					return err
				}
			}
		}})
		if d := <-took; d > 30*time.Second {
			t.Errorf("a publish was stuck for %v", d)
		}
		stop()
		synctest.Wait()
		close(stuck)
		for c := range stuck {
			_ = c.Close()
		}
	})
}

func TestALostBrokerIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		var mu sync.Mutex
		var tries []time.Time
		away := true
		dial := func(ctx context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			tries = append(tries, time.Now())
			if away {
				return nil, errors.New("away")
			}
			return f.Dial(ctx)
		}
		l, stop := run(f, Config{Dial: dial})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		mu.Lock()
		if d := tries[1].Sub(tries[0]); d > time.Second {
			t.Errorf("second try after %v", d)
		}
		for i := range len(tries) - 1 {
			if d := tries[i+1].Sub(tries[i]); d > 5*time.Second {
				t.Errorf("try %d came %v after the one before", i+2, d)
			}
		}
		if len(tries) > 400 {
			t.Errorf("%d tries in ten minutes", len(tries))
		}
		if s := l.State(); s.Connected || s.LastError != "connect to mqtt://broker.test: away" {
			t.Errorf("state %+v", s)
		}
		away = false
		mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if s := l.State(); !s.Connected || s.LastError != "" {
			t.Errorf("state %+v", s)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		tries = nil
		mu.Unlock()
		lost := time.Now()
		f.Drop()
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(tries) == 0 || tries[0].Sub(lost) > time.Second {
			t.Errorf("tries %v after the loss at %v", tries, lost)
		}
		mu.Unlock()
		stop()
		mu.Lock()
	})
}

func TestSessionsTakeTheirLeaveBeforeTheConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		farewell := make(chan error, 1)
		serving := make(chan struct{})
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			close(serving)
			<-ctx.Done()
			last, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			token, err := c.Publish(last, Message{Topic: "gone", QoS: 1, Retained: true, Payload: []byte("offline")})
			if err == nil {
				<-token.Done()
				err = token.Err()
			}
			farewell <- err
			return nil
		}})
		<-serving
		stop()
		if err := <-farewell; err != nil {
			t.Errorf("farewell: %v", err)
		}
		if f.Leaves() != 1 {
			t.Errorf("%d DISCONNECT packets", f.Leaves())
		}
		if p := f.Publishes(); len(p) != 1 || p[0].Topic != "gone" || !p[0].Retained || p[0].Payload != "offline" {
			t.Errorf("publishes %+v", p)
		}
	})
}

func TestAStopDoesNotWaitLongForSessionsOrTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serving := make(chan struct{})
		f := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			close(serving)
			token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1})
			if err != nil {
				return err
			}
			<-token.Done() // too patient
			return nil
		}})
		<-serving
		began := time.Now()
		stop()
		if d := time.Since(began); d > 4*time.Second {
			t.Errorf("stopped after %v", d)
		}
	})
}

func TestTheLoginSaysWhoWeAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		_, stop := run(f, Config{ClientID: "box", Username: "anna", Password: "secret",
			Will: &Message{Topic: "desk/availability", QoS: 1, Retained: true, Payload: []byte("offline")}})
		synctest.Wait()
		stop()
		want := mqtttest.Login{ClientID: "box", Username: "anna", Password: "secret", Protocol: "MQTT", Level: 4, Clean: true,
			KeepAlive: 20, WillTopic: "desk/availability", WillPayload: "offline", WillQoS: 1, WillRetained: true}
		if got := f.Logins(); len(got) != 1 || got[0] != want {
			t.Errorf("logins %+v", got)
		}
	})
}
