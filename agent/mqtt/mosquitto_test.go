//go:build unix

package mqtt

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// start runs a link until stop is called; changes come over the channel.
func start(c Config, sessions ...Session) (l *Link, changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	l = NewLink(c, sessions, quiet(), func() {
		select {
		case ch <- struct{}{}:
		default:
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	return l, ch, sync.OnceFunc(func() { cancel(); <-done })
}

// await waits until the state is as wanted.
func await(t *testing.T, l *Link, changed <-chan struct{}, what string, ok func(State) bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok(l.State()) {
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("never %s: %+v", what, l.State())
		}
	}
}

func TestARealBrokerAcknowledges(t *testing.T) {
	m := mqtttest.StartMosquitto(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sub, done, err := mqtttest.Subscribe(ctx, m.Addr, "desk/#")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	const n = 500
	good := make(chan int, 1)
	_, _, stop := start(Config{Broker: m.URL(), ClientID: "test"}, session{serve: func(ctx context.Context, c *Conn) error {
		var tokens []*Token
		for i := range n {
			token, err := c.Publish(ctx, Message{Topic: "desk/event", QoS: 1, Payload: fmt.Append(nil, i)})
			if err != nil {
				return err
			}
			tokens = append(tokens, token)
		}
		count := 0
		for _, token := range tokens {
			<-token.Done()
			if token.Err() == nil {
				count++
			}
		}
		good <- count
		return nil
	}})
	defer stop()
	if got := <-good; got != n {
		t.Fatalf("%d of %d acknowledged", got, n)
	}
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) == n }) {
		t.Fatalf("%d messages arrived", len(sub.Messages()))
	}
	for i, p := range sub.Messages() {
		if p.Payload != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, p.Payload)
		}
	}
}

func TestTheTopicsThatARealBrokerRefusesAreNeverSent(t *testing.T) {
	m := mqtttest.StartMosquitto(t)
	var values []string
	for r := range rune(0x100) {
		values = append(values, "v"+string(r))
	}
	values = append(values, "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "日本", "\u2028", "a/../b", "$SYS")
	type result struct {
		value string
		err   error
	}
	results := make(chan result, len(values))
	_, _, stop := start(Config{Broker: m.URL(), ClientID: "test"}, session{serve: func(ctx context.Context, c *Conn) error {
		for _, v := range values {
			token, err := c.Publish(ctx, Message{Topic: "desk/" + TopicLevel(v), QoS: 1})
			if err == nil {
				<-token.Done()
				err = token.Err()
			}
			results <- result{v, err}
		}
		return nil
	}})
	defer stop()
	for range values {
		if r := <-results; r.err != nil {
			t.Errorf("%q: %v", r.value, r.err)
		}
	}
}

func TestAFrozenBrokerLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 25 s")
	}
	t.Parallel()
	m := mqtttest.StartMosquitto(t)
	began, ended := make(chan struct{}), make(chan error, 10)
	first := true
	l, changed, stop := start(Config{Broker: m.URL(), ClientID: "test"}, session{serve: func(ctx context.Context, c *Conn) error {
		if !first {
			return nil
		}
		first = false
		m.Freeze()
		close(began)
		token, err := c.Publish(ctx, Message{Topic: "desk/event", QoS: 1})
		if err != nil {
			return err
		}
		<-token.Done()
		ended <- token.Err()
		return nil
	}})
	defer stop()
	<-began
	if err := <-ended; err == nil {
		t.Error("a publish succeeded without a PUBACK")
	}
	m.Thaw()
	await(t, l, changed, "connected again", func(s State) bool { return s.Connected })
}

func TestNothingIsLeftOfManyForcedDrops(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	var count int
	var mu sync.Mutex
	f := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if count++; count%23 == 0 {
			return mqtttest.Drop
		}
		return mqtttest.Ack
	}}
	go f.Serve(listener)
	const rounds = 60
	var served, good, bad int
	enough := make(chan struct{})
	l := NewLink(Config{Broker: "mqtt://" + listener.Addr().String(), ClientID: "test"}, []Session{session{serve: func(ctx context.Context, c *Conn) error {
		if served++; served == rounds {
			close(enough)
		}
		tokens := make(chan *Token, 32)
		var wg sync.WaitGroup
		wg.Go(func() {
			for token := range tokens {
				<-token.Done()
				if token.Err() == nil {
					good++
				} else {
					bad++
				}
			}
		})
		defer wg.Wait()
		defer close(tokens)
		for {
			token, err := c.Publish(ctx, Message{Topic: "desk/event", QoS: 1, Payload: make([]byte, 1000)})
			if err != nil {
				return nil
			}
			tokens <- token
		}
	}}}, quiet(), nil)
	l.backoff.impatient = true
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	select {
	case <-enough:
	case <-time.After(2 * time.Minute):
		t.Error("too slow")
	}
	stop()
	<-done
	_ = listener.Close()
	f.Close()
	if good == 0 || bad == 0 {
		t.Errorf("%d publishes acknowledged, %d not", good, bad)
	}
	deadline := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
	}
	t.Logf("%d connections, %d publishes acknowledged, %d not", served, good, bad)
}

func TestProbeSaysWhatIsWrong(t *testing.T) {
	broker := mqtttest.StartMosquitto(t, "allow_anonymous false")
	for _, tt := range []struct{ name, broker, want string }{
		{"login refused", broker.URL(), "refused the login"},
		{"address", "http://broker.test", "broker address: want mqtt://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Probe(t.Context(), Config{Broker: tt.broker, ClientID: "probe", Password: "geheim", Username: "desk"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
