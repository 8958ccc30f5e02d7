package indicator

import (
	"fmt"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/gpio"
)

// core is the indicator without its surroundings: it is told of events, commands and the time, and says what each output is to
// show. It is pure: it reads no clock, no log and no disk, and starts nothing. It has one user at a time.
type core struct {
	desk   *desk.Desk
	engine *engine
	locks  locks
	last   time.Duration // when the last event came
	facts  []desk.Facts  // by group
	why    *recorder
}

// newCore makes the desk and the engine of a configuration, or returns its faults.
func newCore(c Config) (*core, []error) {
	e, faults := newEngine(c)
	if len(faults) > 0 {
		return nil, faults
	}
	if g := e.groups; len(g.list) > 1 || g.only != nil {
		c.Desk.Classify = g.mask
	}
	k := &core{desk: desk.New(c.Desk), engine: e, locks: newLocks(c.Inputs)}
	k.why = newRecorder(k, c)
	return k, nil
}

// restore takes over what entries gave out in an earlier life; the last event came at last. Each error says which part of it is
// lost.
func (c *core) restore(entries map[string][]byte, last, now time.Duration) []error {
	c.last = last
	return []error{c.desk.Restore(entries), c.engine.restore(entries, now), c.locks.restore(entries), c.why.restore(entries)}
}

// entries is what changed since the last call, to be kept; nil: nothing. A nil value deletes an entry.
func (c *core) entries() map[string][]byte {
	return c.why.entries(c.locks.entries(c.engine.entries(c.desk.Dirty())))
}

// take applies one event to desk and rules, and reports whether it changed a number or made a signal. live is whether it came
// since the start.
func (c *core) take(e event.Event, s desk.Stamp, now time.Duration, live bool) bool {
	before := c.desk.Facts()
	c.last = max(c.last, s.At)
	c.why.begin()
	signal := c.note(c.desk.Apply(e, s), &e, s.At, now, live)
	did := signal || c.desk.Facts() != before
	c.why.end(s.Sequence, did)
	return did
}

// tick lets happen at the desk what time brings, and reports whether there was anything to do.
func (c *core) tick(now time.Duration) bool {
	if at, ok := c.desk.Deadline(); !ok || at > now {
		return false
	}
	c.note(c.desk.Tick(now), nil, now, now, true)
	return true
}

// note gives what happened to the rules, each with the assignee of its own conversation: first what time has brought to others,
// then the event, if there is one, with the moments it made. Whoever begins to wait ends what was set by hand.
func (c *core) note(list []desk.Happening, e *event.Event, received, now time.Duration, live bool) (signal bool) {
	var own []string
	key := ""
	if e != nil {
		own, key = append(own, string(e.Kind)), desk.Key(e.Conversation)
	}
	for n := range list {
		h := &list[n]
		if h.Moment == desk.WaitBegan {
			for o := range c.engine.outputs {
				c.engine.take(o)
			}
		}
		if e != nil && h.View.Key == key {
			own = append(own, string(h.Moment))
		} else if names := []string{string(h.Moment)}; c.engine.listens(names) {
			c.why.timed = &h.Sequence
			signal = c.engine.happen(happening{names: names, view: &h.View, groups: h.Groups, received: received, live: live}, now) || signal
		}
	}
	c.why.timed = nil
	if e != nil && c.engine.listens(own) {
		view, groups, known := c.desk.View(e.Conversation)
		if !known { // it names none
			view = desk.View{Account: e.Account, Bot: e.Bot, Assignee: event.Actor{Kind: event.ActorUnknown}}
			groups = c.engine.groups.mask(&view)
		}
		signal = c.engine.happen(happening{names: own, event: e, view: &view, groups: groups, received: received, live: live}, now) || signal
	}
	return signal
}

// group is how the desk calls a group: the first is all conversations where the desk cares about all.
func (c *core) group(n int) int {
	if n == 0 && c.engine.groups.only == nil {
		return desk.All
	}
	return n
}

// decide says what each output is to show now, and when there is something to do next.
func (c *core) decide(cond Conditions, now time.Duration) ([]shown, deadline) {
	v := view{Conditions: cond, lastEvent: c.last, now: now}
	c.facts = c.facts[:0]
	for n := range c.engine.groups.list {
		c.facts = append(c.facts, c.desk.FactsOf(c.group(n)))
	}
	v.groups = c.facts
	v.oldest = func(group int, of desk.Class) (time.Duration, bool) {
		since, _, _, ok := c.desk.Oldest(c.group(group), of)
		return since, ok
	}
	list, next := c.engine.decide(v)
	c.why.settle(list, now)
	if at, ok := c.desk.Deadline(); ok {
		next.by(at)
	}
	return list, next
}

// set has an output show a pattern above all rules, see Indicator.Set.
func (c *core) set(output string, s Setting) (do func(now time.Duration), err error) {
	o := c.engine.output(output)
	if o < 0 {
		return nil, fmt.Errorf("set: %w %q", ErrUnknownOutput, output)
	}
	if s.Auto {
		return func(time.Duration) { c.engine.take(o) }, nil
	}
	p, ok := c.engine.byHand(o, s.Pattern, s.For > 0)
	if !ok {
		return nil, fmt.Errorf("set: %w %q", ErrUnknownPattern, s.Pattern)
	}
	if err := usable(s.For); err != nil {
		return nil, fmt.Errorf("set: %w", err)
	}
	return func(now time.Duration) {
		until := time.Duration(0)
		switch {
		case s.For > 0:
			until = now + s.For
		case (c.engine.outputs[o].sounds() || c.engine.outputs[o].Kind == gpio.Relay) && !p.Repeat && p.Period() > 0:
			until = now + onceTakes(p)
		}
		c.engine.setUntil(o, p, now, until)
	}, nil
}

// test shows a pattern on an output above everything, see Indicator.Test.
func (c *core) test(output, pattern string, d, now time.Duration) error {
	e := c.engine
	o := e.output(output)
	if o < 0 {
		return fmt.Errorf("test: %w %q", ErrUnknownOutput, output)
	}
	if pattern == "" {
		pattern = "blink"
		if e.outputs[o].sounds() {
			pattern = "chirp"
		}
	}
	p, ok := e.byHand(o, pattern, d > 0)
	if !ok {
		return fmt.Errorf("test: %w %q", ErrUnknownPattern, pattern)
	}
	if err := usable(d); err != nil {
		return fmt.Errorf("test: %w", err)
	}
	if d == 0 {
		d = DefaultTest
	}
	e.test[o] = standing{pattern: p, from: now, until: now + d}
	return nil
}

// mute silences the sounding outputs for a time, DefaultMute when d is 0, see Indicator.Mute.
func (c *core) mute(d time.Duration) (do func(now time.Duration), err error) {
	if d == 0 {
		d = DefaultMute
	}
	if err := usable(d); err != nil {
		return nil, fmt.Errorf("mute: %w", err)
	}
	return func(now time.Duration) { c.engine.muteUntil(now, now+d) }, nil
}

func usable(d time.Duration) error {
	if d < 0 || d > MaxDuration {
		return fmt.Errorf("%w: %v", ErrBadDuration, d)
	}
	return nil
}

// isQuiet says whether there are quiet hours now.
func (e *engine) isQuiet() bool { return e.quiet.active }
