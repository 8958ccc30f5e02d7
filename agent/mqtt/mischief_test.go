package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// publisher sends messages of a size and gives their tokens away.
func publisher(sizes []int, tokens chan<- *Token) Session {
	return session{serve: func(ctx context.Context, c *Conn) error {
		for _, size := range sizes {
			token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1, Payload: make([]byte, size)})
			if err != nil {
				return err
			}
			tokens <- token
		}
		<-ctx.Done()
		return nil
	}}
}

func slowLine(bytesPerSecond int) func(net.Conn) net.Conn {
	return func(c net.Conn) net.Conn { return mqtttest.Trickle(c, bytesPerSecond/10, 100*time.Millisecond) }
}

func TestASlowLineIsNotADeadOne(t *testing.T) {
	for _, tt := range []struct {
		name  string
		speed int
		sizes []int
	}{
		{"one large message that takes longer than a PUBACK may", 20_000, []int{1 << 20}},
		{"a large one behind small ones", 20_000, []int{100, 1 << 20, 100}},
		{"several", 50_000, []int{1 << 20, 1 << 20}},
		{"a kilobyte a second", 1_000, []int{30_000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &mqtttest.Fake{Over: slowLine(tt.speed)}
				tokens := make(chan *Token, 100)
				l, stop := run(f, Config{}, publisher(tt.sizes, tokens))
				for range tt.sizes {
					token := <-tokens
					<-token.Done()
					if err := token.Err(); err != nil {
						t.Fatal(err)
					}
				}
				if n := f.Connections(); n != 1 || !l.State().Connected {
					t.Errorf("%d connections, %+v", n, l.State())
				}
				stop()
			})
		})
	}
}

func TestOnASlowLineAMissingPubackIsNoticedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{Over: slowLine(20_000), OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		tokens := make(chan *Token, 100)
		_, stop := run(f, Config{}, publisher([]int{100, 10 << 20}, tokens))
		token := <-tokens
		began := time.Now()
		<-token.Done()
		if took := time.Since(began); token.Err() == nil || took > 30*time.Second {
			t.Errorf("noticed after %v: %v", took, token.Err())
		}
		stop()
	})
}

func TestABrokerThatTakesAByteASecondIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Stall }}
		tokens := make(chan *Token, 100)
		l, stop := run(f, Config{}, publisher([]int{10, 10_000}, tokens))
		token := <-tokens
		began := time.Now()
		<-token.Done()
		synctest.Wait()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("noticed after %v", took)
		}
		if s := l.State(); s.Connected || s.LastError != errStuck.Error() {
			t.Errorf("state %+v", s)
		}
		stop()
	})
}

func TestAMessageThatIsTooLargeDoesNotEndTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		handled := make(chan string, 10)
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			return c.Subscribe(ctx, "in", func(m Message) { handled <- string(m.Payload) })
		}})
		synctest.Wait()
		f.Send("in", strings.Repeat("x", 3<<20), 7, true)
		f.Send("in", "small", 8, false)
		if got := <-handled; got != "small" {
			t.Errorf("handled a message of %d bytes", len(got))
		}
		synctest.Wait()
		if s := l.State(); !s.Connected || f.Connections() != 1 {
			t.Errorf("state %+v after %d connections", s, f.Connections())
		}
		if got := f.Acked(); len(got) != 2 {
			t.Errorf("acknowledged %v, want 7 and 8", got)
		}
		stop()
	})
}

func TestTheMemoryOfWaitingMessagesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		release, handled := make(chan struct{}), 0
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			return c.Subscribe(ctx, "in", func(Message) { handled++; <-release })
		}})
		synctest.Wait()
		const n = 50
		for i := range uint16(n) {
			f.Send("in", strings.Repeat("x", 1<<19), i+1, false)
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		if most := maxWaitingBytes>>19 + 1; handled > most || handled < 2 {
			t.Errorf("%d of them were kept, want %d at most", handled, most)
		}
		if got := len(f.Acked()); got != n {
			t.Errorf("%d acknowledged, want %d", got, n)
		}
		f.Send("in", "later", n+1, false)
		synctest.Wait()
		if got := len(f.Acked()); got != n+1 {
			t.Error("nothing is taken afterwards")
		}
		stop()
	})
}

// busy publishes for ever, so that there is always something unacknowledged.
var busy = session{serve: func(ctx context.Context, c *Conn) error {
	for {
		if _, err := c.Publish(ctx, Message{Topic: "a", QoS: 1}); err != nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}}

func TestASecondClientOfTheSameIDIsNamedAndNoStorm(t *testing.T) {
	for _, tt := range []struct {
		name string
		late time.Duration // of the broker's acknowledgements
		back time.Duration // after which the other comes again
		says string
	}{
		{"that comes back soon", 3 * time.Millisecond, time.Second, "another client uses the id deskbell-front: a second box of this name?"},
		{"that takes its time", 3 * time.Millisecond, 3 * time.Second, "another client uses the id deskbell-front: a second box of this name?"},
		{"when something is always in flight", time.Second, time.Second, "it refuses one of them, or another client uses the id deskbell-front"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &mqtttest.Fake{Late: tt.late}
				var log bytes.Buffer
				l := NewLink(Config{Broker: "mqtt://broker.test", Dial: f.Dial, ClientID: "deskbell-front"}, []Session{busy},
					slog.New(slog.NewTextHandler(&log, nil)), nil)
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan struct{})
				go func() { defer close(ended); _ = l.Run(ctx) }()
				began := time.Now()
				for time.Since(began) < 10*time.Minute {
					if f.Live() > 0 {
						time.Sleep(tt.back + 500*time.Microsecond)
						f.Drop()
					}
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
					if s := l.State(); time.Since(began) > time.Minute && !strings.Contains(s.LastError, tt.says) {
						t.Fatalf("last error %q", s.LastError)
					}
				}
				if n := f.Connections(); n < 60 || n > 150 {
					t.Errorf("%d connections in ten minutes", n)
				}
				if n := strings.Count(log.String(), "\n"); n > 10 {
					t.Errorf("%d lines in the log, the last %s", n, log.String()[log.Len()-300:])
				}
				cancel()
				<-ended
				f.Close()
			})
		})
	}
}

func TestABrokerThatTakesSomeAndDropsIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := 0
		f := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if seen++; seen%5 == 0 {
				return mqtttest.Drop
			}
			return mqtttest.Ack
		}}
		_, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			for {
				token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1})
				if err != nil {
					return nil
				}
				<-token.Done()
				if token.Err() == nil {
					c.Useful()
				}
			}
		}})
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if n := f.Connections(); n < 50 || n > 150 {
			t.Errorf("%d connections in a minute", n)
		}
	})
}

func TestALossIsToldThoughAHandlerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		release := make(chan struct{})
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			return c.Subscribe(ctx, "in", func(Message) { <-release })
		}})
		synctest.Wait()
		f.Send("in", "x", 1, false)
		synctest.Wait()
		f.Drop()
		synctest.Wait()
		if s := l.State(); s.Connected || s.LastError == "" {
			t.Errorf("state %+v", s)
		}
		close(release)
		stop()
	})
}

func TestABrokerThatCannotBeReachedIsTriedEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		_, stop := run(&mqtttest.Fake{}, Config{Dial: func(ctx context.Context) (net.Conn, error) {
			tries = append(tries, time.Now())
			<-ctx.Done() // a network that swallows everything
			return nil, fmt.Errorf("dial: %w", ctx.Err())
		}})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stop()
		for i := range len(tries) - 1 {
			if d := tries[i+1].Sub(tries[i]); d > 6*time.Second {
				t.Errorf("try %d came %v after the one before", i+2, d)
			}
		}
	})
}

func TestABrokerThatAcknowledgesNothingIsNamedWhileItIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		reply := mqtttest.Ignore
		f := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply {
			mu.Lock()
			defer mu.Unlock()
			return reply
		}}
		l, stop := run(f, Config{}, session{serve: func(ctx context.Context, c *Conn) error {
			for ctx.Err() == nil {
				token, err := c.Publish(ctx, Message{Topic: "a", QoS: 1})
				if err != nil {
					return err
				}
				select {
				case <-token.Done():
				case <-ctx.Done():
				}
				if token.Err() == nil {
					c.Useful()
				}
				time.Sleep(time.Second)
			}
			return nil
		}})
		time.Sleep(30 * time.Second)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if s := l.State(); s.LastError != "no PUBACK for 20s" || !s.Doubtful {
				t.Fatalf("state %+v", s)
			}
		}
		mu.Lock()
		reply = mqtttest.Ack
		mu.Unlock()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s := l.State(); !s.Connected || s.LastError != "" || s.Doubtful {
			t.Errorf("when it acknowledges: %+v", s)
		}
		stop()
	})
}
