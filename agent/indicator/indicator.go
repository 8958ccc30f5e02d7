// Package indicator turns what happens at the desk into lights and sounds.
//
// Rules look at events and at the state of the desk and ask for patterns; the earliest rule that asks wins an output.
// [Indicator] reads the log, keeps the desk and the rules' memory with its cursor, so that each event counts exactly once,
// and plays the result on the board.
package indicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/gpio"
	"deskbell/storage"
)

// The errors a caller tells apart.
var (
	// ErrUnknownOutput: no output of that name is configured.
	ErrUnknownOutput = errors.New("unknown output")
	// ErrUnknownPattern: there is no pattern of that name.
	ErrUnknownPattern = errors.New("unknown pattern")
	// ErrBadDuration: a time that is negative, or longer than MaxDuration.
	ErrBadDuration = errors.New("not a usable time")
)

// How long a command lasts when no time is given, and the longest time that may be given.
const (
	DefaultMute = 30 * time.Minute
	DefaultTest = 3 * time.Second
	MaxDuration = 31 * 24 * time.Hour
)

// Indicator is the loop and the one door for commands. Its methods are safe for several callers at once.
type Indicator struct {
	source  source
	cursor  cursor
	decoder decoder
	board   board
	cond    func() Conditions
	changed func()
	shown   func(time.Duration)
	seen    func(event.Event)
	works   func(busy bool)
	now     func() time.Time
	log     *slog.Logger

	wake   chan struct{} // holds one: look again, a command or a condition changed something
	saving chan struct{} // holds one: who has it may give updates to the cursor, so that they keep their order

	mu       sync.Mutex // guards everything below
	core     *core
	position uint64         // the last event that core knows
	unsaved  bool           // the cursor has not been given all that it knows
	savedAt  time.Duration  // when it was given something last
	wanted   []shown        // by output: what the rules ask for
	played   []shown        // by output: what the board was told; empty: it is not known
	leftOut  []forgotten    // whose events are not taken; they may be read still
	listed   *desk.Snapshot // of the desk as it is; nil: to be made
	until    wallTime
	faults   int    // events that were left out
	fault    uint64 // the last of them
}

// forgotten says whose events are left out, up to a sequence.
type forgotten struct {
	until uint64
	whose func(event.Event) bool
}

// source is what is used of storage.Log.
type source interface {
	Next(ctx context.Context, after uint64, max int) ([]storage.Record, error)
	StartSequence() uint64
	Elapsed() time.Duration
	Idle() time.Duration
}

// cursor is what is used of storage.Cursor.
type cursor interface {
	Position() uint64
	Entries() (map[string][]byte, error)
	Save(storage.Update)
	Commit(context.Context, storage.Update) error
}

// decoder is what is used of event.Decoder.
type decoder interface {
	EventOf(id [16]byte, element []byte) event.Event
	Summary(element []byte) string
}

// board is what is used of gpio.Board.
type board interface {
	Show(output string, p gpio.Pattern, since time.Time) error
	State(output string) gpio.State
}

// New reads what the cursor holds and shows nothing yet. The error joins the faults of the rules, or comes from reading the
// entries.
func New(c Config, l *storage.Log, cur *storage.Cursor, d *event.Decoder, b *gpio.Board) (*Indicator, error) {
	return create(c, l, cur, d, b)
}

func create(c Config, s source, cur cursor, d decoder, b board) (*Indicator, error) {
	i := &Indicator{
		source: s, cursor: cur, decoder: d, board: b,
		cond: c.Conditions, changed: c.Changed, shown: c.Shown, seen: c.Seen, now: c.Now, log: c.Log,
		wake: make(chan struct{}, 1), saving: make(chan struct{}, 1),
	}
	if i.cond == nil {
		i.cond = func() Conditions { return Conditions{} }
	}
	if i.changed == nil {
		i.changed = func() {}
	}
	if i.shown == nil {
		i.shown = func(time.Duration) {}
	}
	if i.log == nil {
		i.log = slog.Default()
	}
	if i.seen == nil {
		i.seen = func(event.Event) {}
	}
	i.works = c.Working
	if i.works == nil {
		i.works = func(bool) {}
	}
	if i.now == nil {
		i.now = time.Now
	}
	var faults []error
	if i.core, faults = newCore(c); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	i.core.why.driver = i.driver
	i.position = i.cursor.Position()
	entries, err := i.cursor.Entries()
	if err != nil {
		return nil, fmt.Errorf("read the state of the desk: %w", err)
	}
	i.savedAt = i.source.Elapsed() - saveEvery
	for _, err := range i.core.restore(entries, i.source.Elapsed()-i.source.Idle(), i.source.Elapsed()) {
		if err != nil {
			i.log.Warn("a part of the desk's memory is lost", "error", err)
		}
	}
	i.wanted, i.played = make([]shown, len(c.Outputs)), make([]shown, len(c.Outputs))
	i.decide(i.source.Elapsed())
	return i, nil
}

// Poke has the rules looked at again after something changed of which no event tells, such as Conditions.Unreachable. It
// does not block.
func (i *Indicator) Poke() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}
