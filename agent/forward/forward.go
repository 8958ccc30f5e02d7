// Package forward sends the events of the log to one broker, in order and at
// least once. Its place in the log is a cursor, which moves only over events
// that the broker has acknowledged on the connection they were sent on.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
	"deskbell/storage"
)

const (
	// batch is how many events are read at once.
	batch = 64
	// farewell is how long a clean stop waits for what is in flight.
	farewell = 2 * time.Second
	// late is how old an event may be when it leaves, before it is marked as
	// delayed.
	late = 30 * time.Second
	// strikes is how many connections an event may end before it is set aside.
	strikes = 3
	// clarifyWait is how long an event may have to wait for what is sent before
	// the events, such as the availability.
	clarifyWait = 2 * time.Second
	// commitWait bounds the commit that sets an event aside.
	commitWait = 5 * time.Second
)

// Log is what a Forwarder reads; *storage.Log is one.
type Log interface {
	Next(ctx context.Context, after uint64, max int) ([]storage.Record, error)
	Read(after uint64, max int) ([]storage.Record, error)
	Get(sequence uint64) (storage.Record, error)
	Forgets() uint64
	StartSequence() uint64
	Elapsed() time.Duration
	Stats() storage.Stats
}

// Cursor is a Forwarder's place in the log; *storage.Cursor is one.
type Cursor interface {
	Position() uint64
	Pending() int
	Save(u storage.Update)
	Commit(ctx context.Context, u storage.Update) error
	Held() []uint64
	Entries() (map[string][]byte, error)
}

// eventDecoder is what is used of event.Decoder.
type eventDecoder interface {
	Kind(element []byte) event.Kind
	EventOf(id [16]byte, element []byte) event.Event
}

// Stats is what a Forwarder has done.
type Stats struct {
	Acked    uint64 // the sequence up to which all is delivered, not wanted or set aside
	Pending  int    // events after that
	SetAside int    // events that the broker would not take, and Unsent
	Unsent   int    // those of which no message could be made
}

// A Forwarder is the mqtt.Session that sends events. Serve and Run have one
// caller each; everything else may be called at once from several goroutines.
type Forwarder struct {
	config    Config
	topic     template
	wanted    func(event.Kind) bool
	log       Log
	cursor    Cursor
	decoder   eventDecoder
	delivered func(time.Duration)
	changed   func()
	logger    *slog.Logger

	acked  atomic.Uint64 // the cursor's position, as far as it was given to Save
	sent   atomic.Uint64 // the newest event published on the connection there is
	unsent unsent
	trace  sync.Once // of the first fault of this program

	// turn is held by the one of Serve and Run that may move the cursor, and
	// guards what follows.
	turn chan struct{}
	lost bool // the connection before was lost
	suspicion
	replays replays

	mu        sync.Mutex
	serving   bool               // Serve has the turn, or waits for it
	interrupt context.CancelFunc // asks Run to give up its turn
	free      chan struct{}      // tells Run that Serve has returned
}

var _ mqtt.Session = (*Forwarder)(nil)

// New returns a Forwarder that goes on where cur is. delivered is called after
// each acknowledgement with the time since the event was accepted, changed
// when Stats change; neither may block, both may be nil. log is expected to name
// the forward. The error joins what is wrong with c.
func New(c Config, l Log, cur Cursor, d *event.Decoder, delivered func(time.Duration), changed func(), log *slog.Logger) (*Forwarder, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("forward %s: %w", c.Name, err)
	}
	c = c.withDefaults()
	t, err := parseTemplate(c.Topic)
	if err != nil {
		return nil, fmt.Errorf("forward %s: topic: %w", c.Name, err)
	}
	if delivered == nil {
		delivered = func(time.Duration) {}
	}
	if changed == nil {
		changed = func() {}
	}
	f := &Forwarder{
		config:    c,
		topic:     t,
		wanted:    c.filter(),
		log:       l,
		cursor:    cur,
		decoder:   d,
		delivered: delivered,
		changed:   changed,
		logger:    log,
		interrupt: func() {},
		turn:      make(chan struct{}, 1),
		free:      make(chan struct{}, 1),
	}
	f.acked.Store(cur.Position())
	entries, err := cur.Entries()
	if err != nil {
		return nil, fmt.Errorf("forward %s: %w", c.Name, err)
	}
	f.replays.restore(entries[replayEntry])
	f.unsent.restore(cur, entries)
	return f, nil
}

// Stats returns what was done so far. It does not block.
func (f *Forwarder) Stats() Stats {
	held := f.cursor.Held()
	return Stats{
		Acked: max(f.acked.Load(), f.cursor.Position()), Pending: f.cursor.Pending(),
		SetAside: len(held), Unsent: f.unsent.count(held),
	}
}

// Held returns the sequences of what is set aside, ascending. It does not
// block.
func (f *Forwarder) Held() []uint64 { return f.cursor.Held() }

// Serve sends events on c until ctx ends or the connection is lost. At a clean
// stop it waits up to 2 s for what is in flight.
func (f *Forwarder) Serve(ctx context.Context, c *mqtt.Conn) error {
	if !f.takeTurn(ctx) {
		return nil
	}
	defer f.giveTurn()
	if err := errors.Join(f.judge(ctx), f.judgeReplay(ctx)); err != nil {
		return err
	}
	d := &delivery{
		Forwarder: f,
		conn:      c,
		window:    newWindow(f.lost, f.config.Window),
		flights:   make(chan flight, f.config.Window),
		replaying: replaying{begun: make(chan struct{})},
	}
	defer f.sent.Store(0)
	f.clarify(ctx, c)
	err := d.run(ctx)
	if c.Err() == nil || errors.Is(context.Cause(ctx), mqtt.ErrLeft) {
		return err
	}
	f.lost = true
	f.accuse(c, d.first, d.alone)
	f.replays.flying = d.replaying.of
	f.replays.accuse(c, d.replaying.first, d.replaying.alone)
	return errors.Join(f.judge(ctx), f.judgeReplay(ctx))
}

// A suspicion is about the events on which connections have ended.
type suspicion struct {
	suspect uint64 // the event that was alone in flight when the last one was lost
	strikes int    // connections that ended on the suspect
	unclear uint64 // the event that was the first in flight, but not proven to be the cause
	losses  int    // connections that ended on that one
}

// accuse notes on which event a connection ended, 0 for none: the first in
// flight. It is the cause if it was the only publish in flight and the broker
// had shown before that it acknowledges what it takes.
func (s *suspicion) accuse(c *mqtt.Conn, first uint64, alone bool) {
	if first == 0 || errors.Is(c.Err(), mqtt.ErrSession) {
		return
	}
	who, times := &s.suspect, &s.strikes
	if !alone || c.Acked() == 0 {
		who, times = &s.unclear, &s.losses
	}
	if *who != first {
		*who, *times = first, 0
	}
	*times++
}

// clarify is called before events are sent. A broker that is slow to
// acknowledge and quick to refuse ends each connection before it can be told
// why. So when the same event was there several times, it waits a moment for
// what was sent before it.
func (f *Forwarder) clarify(ctx context.Context, c *mqtt.Conn) {
	again := f.replays.flying > 0 && f.replays.losses >= strikes
	if !again && (f.losses < strikes || f.unclear <= f.acked.Load()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clarifyWait)
	defer cancel()
	c.Settle(ctx)
}

// judge sets the suspect aside when it has ended enough connections.
func (f *Forwarder) judge(ctx context.Context) error {
	if f.strikes < strikes || f.suspect <= f.acked.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWait)
	defer cancel()
	if err := f.cursor.Commit(ctx, storage.Update{Position: f.suspect, Hold: []uint64{f.suspect}}); err != nil {
		return fmt.Errorf("set event %d aside: %w", f.suspect, err)
	}
	f.logger.Warn("event set aside: the broker ends the connection on it", "sequence", f.suspect, "connections", f.strikes)
	f.acked.Store(f.suspect)
	f.suspect, f.strikes = 0, 0
	f.changed()
	return nil
}
