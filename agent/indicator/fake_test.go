package indicator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"deskbell/agent/event"
	"deskbell/gpio"
	"deskbell/storage"
)

// fakeLog is a log in memory. Its clock begins at began when the log is made.
type fakeLog struct {
	made    time.Time
	mu      sync.Mutex
	records []storage.Record
	more    chan struct{}
	err     error
	before  uint64        // records up to here came before the start
	clock   time.Duration // reading when the log was made
	nexts   int
}

func newFakeLog() *fakeLog {
	return &fakeLog{made: time.Now(), more: make(chan struct{}), clock: began}
}

func (l *fakeLog) Elapsed() time.Duration { return l.clock + time.Since(l.made) }
func (l *fakeLog) StartSequence() uint64  { return l.before }

func (l *fakeLog) Idle() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) == 0 {
		return l.Elapsed()
	}
	return l.Elapsed() - l.records[len(l.records)-1].Elapsed
}

func (l *fakeLog) add(events ...event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.records = append(l.records, recordOf(l, e))
	}
	close(l.more)
	l.more = make(chan struct{})
}

// recordOf is the next record of the log.
func recordOf(l *fakeLog, e event.Event) storage.Record {
	n := uint64(len(l.records) + 1)
	data, _ := json.Marshal(e)
	r := storage.Record{Sequence: n, Received: time.Now().UTC(), Elapsed: l.Elapsed(), Data: data}
	copy(r.ID[:], fmt.Sprintf("%08d", n))
	return r
}

func (l *fakeLog) fail(err error) {
	l.mu.Lock()
	l.err = err
	close(l.more)
	l.more = make(chan struct{})
	l.mu.Unlock()
}

func (l *fakeLog) Next(ctx context.Context, after uint64, most int) ([]storage.Record, error) {
	for {
		l.mu.Lock()
		l.nexts++
		var list []storage.Record
		if after < uint64(len(l.records)) {
			list = l.records[after:]
			list = list[:min(len(list), most)]
		}
		more, err := l.more, l.err
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			return list, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// fakeCursor keeps each update it is given, so that a crash after any of them can be played.
type fakeCursor struct {
	mu      sync.Mutex
	from    kept // what was there at the start
	updates []storage.Update
	commits int
	err     error
}

// kept is what a cursor holds.
type kept struct {
	position uint64
	entries  map[string][]byte
}

// after is what is kept when a crash comes after n updates.
func (c *fakeCursor) after(n int) kept {
	k := kept{position: c.from.position, entries: maps.Clone(c.from.entries)}
	if k.entries == nil {
		k.entries = map[string][]byte{}
	}
	for _, u := range c.updates[:n] {
		k.position = max(k.position, u.Position)
		for name, data := range u.Put {
			if data == nil {
				delete(k.entries, name)
			} else {
				k.entries[name] = data
			}
		}
	}
	return k
}

func (c *fakeCursor) now() kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after(len(c.updates))
}

func (c *fakeCursor) Position() uint64                    { return c.now().position }
func (c *fakeCursor) Entries() (map[string][]byte, error) { return c.now().entries, nil }

func (c *fakeCursor) Save(u storage.Update) {
	c.mu.Lock()
	c.updates = append(c.updates, u)
	c.mu.Unlock()
}

func (c *fakeCursor) Commit(_ context.Context, u storage.Update) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commits++
	if c.err != nil {
		return c.err
	}
	c.updates = append(c.updates, u)
	return nil
}

func (c *fakeCursor) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.updates)
}

// fakeDecoder reads what fakeLog.add wrote. It panics where an event asks for
// that.
type fakeDecoder struct{}

const (
	panics        = "panics"
	panicsInWords = "panics in words"
)

func (fakeDecoder) EventOf(_ [16]byte, data []byte) (e event.Event) {
	_ = json.Unmarshal(data, &e)
	if e.Type == panics {
		panic("quoting " + e.Conversation)
	}
	return e
}

func (d fakeDecoder) Summary(data []byte) string {
	if d.EventOf([16]byte{}, data).Type == panicsInWords {
		panic("quoting it")
	}
	return "visitor: Hi"
}

// fakeBoard writes down what it is told.
type fakeBoard struct {
	mu    sync.Mutex
	made  time.Time
	lines []string
	now   map[string]string
	since map[string]time.Duration // when what it shows counts from, since it was made
}

func newFakeBoard() *fakeBoard {
	return &fakeBoard{made: time.Now(), now: map[string]string{}, since: map[string]time.Duration{}}
}

func (b *fakeBoard) Show(output string, p gpio.Pattern, since time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since[output] = since.Sub(b.made)
	b.lines = append(b.lines, fmt.Sprintf("%v %s %s", time.Since(b.made).Round(time.Millisecond), output, p.Name))
	b.now[output] = p.Name
	return nil
}

func (b *fakeBoard) State(output string) gpio.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return gpio.State{Name: output, Driver: gpio.DriverSimulated, On: b.now[output] != "off"}
}

func (b *fakeBoard) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// Events of a guest, at the time it is.

func guest(kind event.Kind) event.Event {
	return event.Event{Kind: kind, Conversation: "guest", Time: time.Now().UTC()}
}

func created(assignee string) event.Event {
	e := passed(assignee)
	e.Kind, e.Status = event.ConversationCreate, event.Open
	return e
}

func passed(assignee string) event.Event {
	e := guest(event.AssigneeChange)
	e.Assignee = &event.Actor{Kind: assignee, ID: "id of " + assignee}
	return e
}

func asks() event.Event {
	e := guest(event.Message)
	e.MessageType, e.Author = "text", event.Actor{Kind: event.ActorVisitor}
	return e
}

func answers() event.Event {
	e := guest(event.Message)
	e.MessageType, e.Author = "text", event.Actor{Kind: event.ActorUser, ID: "anna"}
	return e
}

func closes() event.Event {
	e := guest(event.StatusChange)
	e.Status = event.Closed
	return e
}

func of(key string, e event.Event) event.Event {
	e.Conversation = key
	return e
}
