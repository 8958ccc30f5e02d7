package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"deskbell/agent/hub"
	"deskbell/agent/indicator"
	"deskbell/gpio"
)

const (
	pressQueue = 8               // presses that wait while the disk is at one
	pressTells = 8               // presses that brokers can still be told of
	pressFresh = 2 * time.Second // a press that is older is not done: who pressed knew nothing of what has come since
)

// buttons does what presses of the inputs ask for, one after the other. The board, which finds the presses, must go on blinking
// while the disk is at one of them.
type buttons struct {
	press, hold map[string]indicator.Action // by input; not there: nothing
	log         *slog.Logger
	changed     func()
	queue       chan gpio.Press

	mu     sync.Mutex
	last   map[string]string // by input: what its last press did
	done   map[string]int    // by input: how many presses were done, or not
	told   []hub.Press       // the last ones
	number uint64            // of the newest of them
}

func newButtons(c Config, log *slog.Logger, changed func()) *buttons {
	b := &buttons{
		press: map[string]indicator.Action{}, hold: map[string]indicator.Action{}, log: log, changed: changed,
		queue: make(chan gpio.Press, pressQueue), last: map[string]string{}, done: map[string]int{},
	}
	for name, in := range c.Input {
		if a, err := indicator.ParseAction(in.Press); err == nil { // Load has looked at what cannot be read
			b.press[name] = a
		}
		if a, err := indicator.ParseAction(in.Hold); err == nil {
			b.hold[name] = a
		}
	}
	return b
}

// pressed takes a press from the board. It does not block: what is too much is told and not done.
func (b *buttons) pressed(p gpio.Press) {
	select {
	case b.queue <- p:
	default:
		b.note(p, "", "too many presses at once")
	}
}

// presser is what is used of indicator.Indicator.
type presser interface {
	Input(ctx context.Context, name string, a indicator.Action) error
}

// run does presses until ctx ends.
func (b *buttons) run(ctx context.Context, desk presser) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-b.queue:
			b.do(ctx, desk, p)
		}
	}
}

func (b *buttons) do(ctx context.Context, desk presser, p gpio.Press) {
	actions := b.press
	if p.Held {
		actions = b.hold
	}
	a, ok := actions[p.Input]
	switch {
	case p.Short:
		b.note(p, "", "too short ("+p.For.Round(time.Millisecond).String()+")")
		return
	case !ok:
		b.note(p, "", "nothing to do")
		return
	case time.Since(p.At) > pressFresh:
		b.note(p, "", "too late")
		return
	}
	switch err := desk.Input(ctx, p.Input, a); {
	case errors.Is(err, indicator.ErrLocked):
		b.note(p, "", "locked")
	case errors.Is(err, indicator.ErrTooLate):
		b.note(p, "", "too late")
	case err != nil:
		b.log.Warn("what a button did may not outlive a restart", "input", p.Input, "did", a.String(), "error", err)
		b.note(p, a.String(), "not written yet")
	default:
		b.note(p, a.String(), "")
	}
}

// note keeps what became of a press, and tells the brokers. One that was too short is not told there: a loose wire would never
// end.
func (b *buttons) note(p gpio.Press, did, reason string) {
	doc := struct {
		Press  string `json:"press"` // short or long
		Did    string `json:"did"`   // an action, or nothing
		Reason string `json:"reason,omitempty"`
	}{"short", did, reason}
	if p.Held {
		doc.Press = "long"
	}
	words := did
	if did == "" {
		doc.Did, words = "nothing", reason
	}
	b.mu.Lock()
	b.last[p.Input] = words
	b.done[p.Input]++
	if !p.Short {
		b.number++
		b.told = append(b.told, hub.Press{Number: b.number, Input: p.Input, Payload: mustJSON(doc)})
		b.told = b.told[max(0, len(b.told)-pressTells):]
	}
	b.mu.Unlock()
	b.changed()
}

// since returns the presses after a number, and the newest number. Those of long ago are left out.
func (b *buttons) since(number uint64) (list []hub.Press, newest uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.told {
		if p.Number > number {
			list = append(list, p)
		}
	}
	return list, b.number
}

// of returns what the last press of an input did, and how many there were.
func (b *buttons) of(input string) (last string, done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[input], b.done[input]
}
