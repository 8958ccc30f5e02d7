//go:build unix

package forward

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"deskbell/agent/broker"
	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

const cursorName = "forward/test"

// openStore opens a store whose one cursor is ours, and runs it until the end
// of the test or close.
func openStore(t *testing.T, dir string) (l *storage.Log, closeStore func()) {
	t.Helper()
	l, err := storage.Open(t.Context(), dir, storage.Options{MaxSize: 64 << 20, Keep: time.Hour, Log: quiet(),
		Cursors: []storage.CursorSpec{{Name: cursorName, Delivers: true}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	closeStore = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closeStore)
	return l, closeStore
}

// appendEvents stores the events from to to, n at a time, and returns when all
// are durable.
func appendEvents(ctx context.Context, l *storage.Log, from, to, n int) error {
	for ; from < to; from += n {
		var entries []storage.Entry
		for i := from; i < min(from+n, to); i++ {
			var id storage.ID
			binary.BigEndian.PutUint64(id[:], uint64(i)+1)
			entries = append(entries, storage.Entry{ID: id, Data: fmt.Appendf(nil, `{"event":{"type":"message"},"number":%d}`, i)})
		}
		if _, err := l.Append(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}

// deliver forwards what is in l until stop is called.
func deliver(t *testing.T, l *storage.Log, c mqtt.Config) (f *Forwarder, stop func()) {
	t.Helper()
	cursor, err := l.Cursor(cursorName)
	if err != nil {
		t.Fatal(err)
	}
	f, err = New(Config{Name: "test", Device: "desk", Format: CloudEvents}, l, cursor, decoder(t), nil, nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	link := mqtt.NewLink(c, []mqtt.Session{online{}, f}, quiet(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = link.Run(ctx) }()
	return f, sync.OnceFunc(func() { cancel(); <-done })
}

// firsts returns the sequences of what arrived, in the order of their first
// copies.
func firsts(all []mqtttest.Publish) []uint64 {
	seen := map[uint64]bool{}
	var order []uint64
	for _, m := range all {
		var n uint64
		for i := range len(m.Payload) {
			if _, err := fmt.Sscanf(m.Payload[i:], `"logsequence":%d,`, &n); err == nil {
				break
			}
		}
		if n > 0 && !seen[n] {
			seen[n] = true
			order = append(order, n)
		}
	}
	return order
}

// complete waits until n events have arrived and says what is wrong with them.
func complete(ctx context.Context, t *testing.T, sub *mqtttest.Subscriber, n int) {
	t.Helper()
	if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) >= n && len(firsts(all)) >= n }) {
		t.Fatalf("%d of %d arrived", len(firsts(sub.Messages())), n)
	}
	order := firsts(sub.Messages())
	if !slices.Equal(order, upTo(uint64(n))) {
		for i, s := range order {
			if s != uint64(i)+1 {
				t.Fatalf("%d arrived; number %d is event %d", len(order), i+1, s)
			}
		}
	}
	t.Logf("%d events, %d messages", n, len(sub.Messages()))
}

func TestABrokerThatStopsAndStartsUnderLoadMissesNothing(t *testing.T) {
	const n, rounds = 6000, 5
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	m := mqtttest.StartMosquitto(t)
	sub, stopSub, err := mqtttest.Subscribe(ctx, m.Addr, "deskbell/desk/event/#")
	if err != nil {
		t.Fatal(err)
	}
	defer stopSub()
	dir := t.TempDir()
	store, closeStore := openStore(t, dir)
	f, stop := deliver(t, store, mqtt.Config{Broker: m.URL(), ClientID: "test"})
	for round := range rounds {
		from := round * n / rounds
		stored := make(chan error, 1)
		go func() { stored <- appendEvents(ctx, store, from, from+n/rounds, 3) }()
		if !sub.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) > from+n/rounds/3 }) {
			t.Fatal("too slow")
		}
		if round%2 == 0 { // the broker goes
			m.Stop()
			if err := <-stored; err != nil {
				t.Fatal(err)
			}
			m.Start()
			continue
		}
		stop() // we go
		if err := <-stored; err != nil {
			t.Fatal(err)
		}
		closeStore()
		store, closeStore = openStore(t, dir)
		f, stop = deliver(t, store, mqtt.Config{Broker: m.URL(), ClientID: "test"})
	}
	complete(ctx, t, sub, n)
	stop()
	if s := f.Stats(); s != (Stats{Acked: n}) {
		t.Errorf("%+v", s)
	}
}

// A cutter is a way to a broker that breaks after a number of bytes.
func cutter(dial func(context.Context) (net.Conn, error), after int) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &cut{Conn: c, left: after}, nil
	}
}

type cut struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.left -= len(p)
	broken := c.left < 0
	c.mu.Unlock()
	if broken {
		_ = c.Close()
	}
	return c.Conn.Write(p)
}

func TestALineThatBreaksUnderLoadMissesNothing(t *testing.T) {
	const n = 2000
	m := mqtttest.StartMosquitto(t)
	b, err := broker.New(broker.Config{Listen: "127.0.0.1:0"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(running) }()
	defer func() { end(); <-ended }()
	overTCP := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", m.Addr) }
	for _, tt := range []struct {
		name string
		dial func(context.Context) (net.Conn, error)
	}{
		{"to mosquitto", overTCP},
		{"to the built-in broker", b.Dial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			sub, stopSub, err := mqtttest.SubscribeOver(ctx, tt.dial, "deskbell/desk/event/#")
			if err != nil {
				t.Fatal(err)
			}
			defer stopSub()
			store, _ := openStore(t, t.TempDir())
			f, stop := deliver(t, store, mqtt.Config{Broker: "test", ClientID: "test", Dial: cutter(tt.dial, 200_000)})
			defer stop()
			if err := appendEvents(ctx, store, 0, n, 7); err != nil {
				t.Fatal(err)
			}
			complete(ctx, t, sub, n)
			stop()
			if s := f.Stats(); s.Acked < n-DefaultWindow || s.SetAside != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
