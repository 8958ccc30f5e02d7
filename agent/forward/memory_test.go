package forward

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

// A memory is a log and its one cursor, without a disk.
type memory struct {
	mu       sync.Mutex
	records  []storage.Record
	start    uint64
	began    time.Time
	position uint64
	held     []uint64
	entries  map[string][]byte
	forgets  uint64
	gone     []uint64      // what Read does not have any more
	late     time.Duration // how long Next takes
	commits  int
	broken   error
	more     chan struct{}
}

func newMemory() *memory {
	return &memory{began: time.Now(), more: make(chan struct{}), entries: map[string][]byte{}}
}

// add stores events of a type of the platform and returns the last sequence.
func (m *memory) add(types ...string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, typ := range types {
		n := uint64(len(m.records) + 1)
		m.records = append(m.records, storage.Record{
			Sequence: n, ID: storage.ID{15: byte(n)}, Elapsed: time.Since(m.began), Received: time.Unix(1_800_000_000, 0),
			Data: fmt.Appendf(nil, `{"event":{"type":%q},"n":%d}`, typ, n),
		})
	}
	close(m.more)
	m.more = make(chan struct{})
	return uint64(len(m.records))
}

func (m *memory) Next(ctx context.Context, after uint64, n int) ([]storage.Record, error) {
	time.Sleep(m.late)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.mu.Lock()
		rest, more := m.records[min(after, uint64(len(m.records))):], m.more
		m.mu.Unlock()
		if len(rest) > 0 {
			return slices.Clone(rest[:min(n, len(rest))]), nil
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
}

func (m *memory) Read(after uint64, n int) ([]storage.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var some []storage.Record
	for _, r := range m.records[min(after, uint64(len(m.records))):] {
		if len(some) == n {
			break
		}
		if !slices.Contains(m.gone, r.Sequence) {
			some = append(some, r)
		}
	}
	return some, nil
}

// Get does not have what is forgotten.
func (m *memory) Get(seq uint64) (storage.Record, error) {
	if rs, _ := m.Read(seq-1, 1); len(rs) > 0 && rs[0].Sequence == seq {
		return rs[0], nil
	}
	return storage.Record{}, storage.ErrNotFound
}

func (m *memory) Forgets() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forgets
}

// forget removes events, but not from what Next has given out.
func (m *memory) forget(seqs ...uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = append(m.gone, seqs...)
	m.forgets++
}

func (m *memory) StartSequence() uint64  { return m.start }
func (m *memory) Elapsed() time.Duration { return time.Since(m.began) }

func (m *memory) Stats() storage.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return storage.Stats{LastSequence: uint64(len(m.records))}
}

func (m *memory) Position() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

func (m *memory) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, r := range m.records {
		if r.Sequence > m.position {
			n++
		}
	}
	return n
}

func (m *memory) Save(u storage.Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.position = max(m.position, u.Position)
	for _, seq := range u.Hold {
		if !slices.Contains(m.held, seq) {
			m.held = append(m.held, seq)
		}
	}
	m.held = slices.DeleteFunc(m.held, func(seq uint64) bool { return slices.Contains(u.Release, seq) })
	for k, v := range u.Put {
		if m.entries[k] = v; v == nil {
			delete(m.entries, k)
		}
	}
}

func (m *memory) Commit(_ context.Context, u storage.Update) error {
	m.mu.Lock()
	broken := m.broken
	if broken == nil {
		m.commits++
	}
	m.mu.Unlock()
	if broken == nil {
		m.Save(u)
	}
	return broken
}

func (m *memory) setBroken(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

func (m *memory) Held() []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.held)
}

func (m *memory) Entries() (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.entries), nil
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func decoder(t testing.TB) *event.Decoder {
	t.Helper()
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// forwarder returns one over m, with the rest of c as by default.
func forwarder(t testing.TB, c Config, m *memory) *Forwarder {
	t.Helper()
	c.Name, c.Device = "test", "desk"
	f, err := New(c, m, m, decoder(t), nil, nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// An online session says that we are there, as the hub does, before any event.
type online struct{}

func (online) Greet(ctx context.Context, c *mqtt.Conn) error {
	_, err := c.Publish(ctx, mqtt.Message{Topic: "deskbell/desk/availability", QoS: 1, Retained: true, Payload: []byte("online")})
	return err
}

func (online) Serve(context.Context, *mqtt.Conn) error { return nil }

// connect serves sessions at fake until stop is called, which waits.
func connect(fake *mqtttest.Fake, sessions ...mqtt.Session) (l *mqtt.Link, stop func()) {
	l = mqtt.NewLink(mqtt.Config{Broker: "mqtt://broker.test", Dial: fake.Dial, ClientID: "test"}, sessions, quiet(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	return l, func() {
		cancel()
		<-done
		fake.Close()
	}
}

// events returns the numbers of the events that fake received, in order.
func events(fake *mqtttest.Fake) []uint64 {
	var got []uint64
	for _, p := range fake.Publishes() {
		if n := number(p.Payload); n > 0 {
			got = append(got, n)
		}
	}
	return got
}

// number reads the event's number out of a payload; 0: there is none.
func number(payload string) uint64 {
	var n uint64
	for i := range len(payload) {
		if _, err := fmt.Sscanf(payload[i:], `"n":%d}`, &n); err == nil {
			return n
		}
	}
	return 0
}
