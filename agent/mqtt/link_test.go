package mqtt

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
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
