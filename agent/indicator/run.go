package indicator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/gpio"
	"deskbell/storage"
)

const (
	batch     = 256              // records that are taken at once, between two looks at the clock
	saveEvery = time.Second      // the cursor is given what changed at most that often
	pollEvery = 10 * time.Second // of the conditions, while something is not delivered or not reachable
)

// Run reads the log and shows what the rules ask for until ctx ends; then it returns nil. One caller at a time. The outputs
// stay as they are when it returns: the board turns them off. It may be called again after an error, which comes from reading
// the log. Nothing wakes it but records, commands and the next moment at which something begins or ends.
func (i *Indicator) Run(ctx context.Context) error {
	i.mu.Lock()
	after := i.position
	clear(i.played) // the board may have shown something else meanwhile
	i.mu.Unlock()

	reading, stop := context.WithCancel(ctx)
	read := make(chan []storage.Record)
	ended := make(chan error, 1)
	go func() {
		ended <- i.read(reading, after, read)
		close(ended)
	}()
	defer func() {
		stop()
		for range ended { // until the reader is gone
		}
	}()

	timer := time.NewTimer(0)
	defer timer.Stop()
	defer i.works(false)
	for {
		var records []storage.Record
		i.works(false)
		select {
		case <-ctx.Done():
			i.save(true)
			return nil
		case err := <-ended:
			i.save(true)
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read the log: %w", err)
		case records = <-read:
		case <-i.wake:
		case <-timer.C:
		}
		i.works(true)
		if next := i.step(records); next.set {
			timer.Reset(next.at - i.source.Elapsed())
		} else {
			timer.Stop()
		}
	}
}

// read hands the records over, one batch ahead of the loop, until ctx ends.
func (i *Indicator) read(ctx context.Context, after uint64, to chan<- []storage.Record) error {
	for {
		records, err := i.source.Next(ctx, after, batch)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		after = records[len(records)-1].Sequence
		select {
		case to <- records:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// step takes records, lets happen what time brings, and shows the result. It returns when there is something to do next.
func (i *Indicator) step(records []storage.Record) deadline {
	i.mu.Lock()
	deskChanged := false
	var mover *storage.Record // the first event that did something
	now := i.source.Elapsed()
	for n := range records {
		r := &records[n]
		if r.Sequence <= i.position {
			continue
		}
		if i.take(r, now) && mover == nil && r.Sequence > i.source.StartSequence() {
			mover = r
		}
		i.position, i.unsaved, i.listed, deskChanged = r.Sequence, true, nil, true
	}
	now = i.source.Elapsed()
	if i.core.tick(now) {
		i.unsaved, i.listed, deskChanged = true, nil, true
	}
	changed, next := i.decide(now)
	moved := i.play()
	i.mu.Unlock()

	if moved && mover != nil {
		i.shown(i.source.Elapsed() - mover.Elapsed)
	}
	if changed || deskChanged {
		i.changed()
	}
	if at, later := i.save(false); later {
		next.by(at)
	}
	return next
}

// take applies one record to desk and rules, and reports whether it changed a number or made a signal. A fault of this program
// in one event must not end it: after each start the event would come again. The caller holds mu.
func (i *Indicator) take(r *storage.Record, now time.Duration) (did bool) {
	defer func() {
		if fault := recover(); fault != nil {
			i.faulty(r.Sequence, fault)
			did = true // as far as it came
		}
	}()
	e := i.decoder.EventOf(r.ID, r.Data)
	if i.leaves(e, r.Sequence) {
		return false
	}
	s := desk.Stamp{At: r.Elapsed, Wall: r.Received, Sequence: r.Sequence, ID: r.ID}
	if e.Kind == event.Message {
		s.Summary = i.summary(r.Data)
	}
	i.seen(e)
	return i.core.take(e, s, now, r.Sequence > i.source.StartSequence())
}

// leaves says whether an event is left out, for whom it belongs to was forgotten after it came.
func (i *Indicator) leaves(e event.Event, sequence uint64) bool {
	i.leftOut = slices.DeleteFunc(i.leftOut, func(f forgotten) bool { return f.until < sequence })
	return slices.ContainsFunc(i.leftOut, func(f forgotten) bool { return f.whose(e) })
}

// largeRecord is the size of a record that is not kept for its summary, in bytes.
const largeRecord = 16 << 10

// summary makes the line of a message when it is asked for: of those that come in a burst few are.
func (i *Indicator) summary(data []byte) func() string {
	line := func() (line string) {
		defer func() {
			if recover() != nil {
				line = "" // asked for by whoever looks at the desk, who cannot help it
			}
		}()
		return i.decoder.Summary(data)
	}
	if len(data) > largeRecord {
		made := line()
		return func() string { return made }
	}
	return line
}

// decide asks the rules anew and reports whether an output's pattern or reason changed. The caller holds mu.
func (i *Indicator) decide(now time.Duration) (changed bool, next deadline) {
	cond := i.cond()
	list, next := i.core.decide(cond, now)
	for o, s := range list {
		changed = changed || s.pattern != i.wanted[o].pattern || s.reason != i.wanted[o].reason
	}
	i.wanted = list
	i.unsaved = i.unsaved || len(i.core.engine.dirty) > 0 || i.core.why.unsaved
	if cond.ForwardPending > 0 || cond.Undelivered > 0 || cond.Unreachable || cond.StoreRefuses || cond.StoreFills {
		next.by(now + pollEvery)
	}
	return changed, next
}

// play tells the board what is new and reports whether anything was. The caller holds mu.
func (i *Indicator) play() bool {
	moved := false
	for o, s := range i.wanted {
		old := i.played[o]
		i.played[o] = s
		if !s.replaces(old) {
			continue
		}
		moved = true
		since := time.Now().Add(s.from - i.source.Elapsed())
		if err := i.board.Show(i.core.engine.outputs[o].Name, s.play, since); err != nil && !errors.Is(err, gpio.ErrStopped) {
			i.log.Warn("an output does not show what it should", "output", i.core.engine.outputs[o].Name, "error", err)
		}
	}
	return moved
}

// save gives the cursor what is new, unless that was done less than a second ago and it does not have to be now: then it
// returns when to come again.
func (i *Indicator) save(must bool) (at time.Duration, later bool) {
	if must {
		i.saving <- struct{}{}
	} else {
		select {
		case i.saving <- struct{}{}:
		default:
			return 0, false // a command is at it, and wakes the loop when it is done
		}
	}
	defer func() { <-i.saving }()
	i.mu.Lock()
	now := i.source.Elapsed()
	if !i.unsaved || !must && now < i.savedAt+saveEvery {
		at, later = i.savedAt+saveEvery, i.unsaved
		i.mu.Unlock()
		return at, later
	}
	u := i.update(now)
	i.mu.Unlock()
	i.cursor.Save(u)
	return 0, false
}

// update is all that the cursor has not been given. The caller holds mu, and saving until it has given it.
func (i *Indicator) update(now time.Duration) storage.Update {
	i.unsaved, i.savedAt = false, now
	return storage.Update{Position: i.position, Put: i.core.entries()}
}
