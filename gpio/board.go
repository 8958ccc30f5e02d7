package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Board holds the configured outputs and plays a pattern on each, and watches the inputs. Its methods are safe for several callers
// at once.
type Board struct {
	config Config
	log    *slog.Logger
	open   func(Config, OutputConfig, bool) (Pin, error) // the chip's, or a test's
	wake   chan struct{}                                 // holds one: the next edge may have changed, or an input did

	openInput openInput // as open

	mu      sync.Mutex // guards everything below, the outputs included
	outputs []*output
	inputs  []*input  // the list stays as it is
	presses []Press   // to be told once the board is unlocked
	retryAt time.Time // when the simulated ones are tried again; zero: there are none to try
	stopped bool      // Run has ended, or Close was called
	closed  bool
	changed bool // Config.Changed is to be called once the board is unlocked
}

// output is one output and where it stands in its pattern.
type output struct {
	config  OutputConfig
	pin     Pin
	driver  string
	problem string // why it is simulated; empty when it is not, or was meant to be
	fault   string // the same as one of the Faults
	pattern Pattern
	steps   []Step    // of the pattern as this kind shows it, with a gap before it where one is needed
	pitches []float64 // of the steps, in Hz, where a tone plays a tune; else empty
	step    int
	began   time.Time // of the step
	on      bool
	hz      float64 // what a tone sounds at; 0: at its own pitch
	relay   relay
}

// State is what an output shows now.
type State struct {
	Name    string
	Pin     string
	Kind    string // Light, Relay, Buzzer or Tone
	Driver  string // DriverChip or DriverSimulated: what it really is
	On      bool   // the level of this moment, on or off, not the voltage
	Pattern string // the name of the pattern; "off" once one that does not repeat is over
	Problem string // why it is simulated though a pin was asked for; empty when all is well
	Fault   string // the same in a word for programs: one of FaultBusy and the like; empty when all is well
}

// Open claims the lines of all outputs, each at its off level, and of all inputs. The configuration's faults are an error, see
// [Config.Validate]; the hardware's never are: what has no line is simulated, with a line in Problems,
// and Run tries it again every 5 s. The board needs Run to move and Close to give the lines back.
func Open(c Config, log *slog.Logger) (*Board, error) {
	return open(c, log, openOutput, openChipInput)
}

func open(c Config, log *slog.Logger, openPin func(Config, OutputConfig, bool) (Pin, error), openInput openInput) (*Board, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("open gpio: %w", err)
	}
	if c.Working == nil {
		c.Working = func(bool) {}
	}
	b := &Board{config: c, log: log, open: openPin, openInput: openInput, wake: make(chan struct{}, 1)}
	off := Steady(false)
	for _, oc := range c.Outputs {
		if oc.Kind == "" {
			oc.Kind = Light
		}
		o := &output{config: oc, pattern: off, steps: off.Steps, driver: DriverSimulated}
		o.pin = newSimulatedPin(oc, false)
		b.outputs = append(b.outputs, o)
		if c.drivesOutputs() {
			pin, err := openPin(c, oc, false)
			b.settle(o, pin, err)
		}
	}
	b.openInputs()
	b.changed = false // nobody has read anything yet
	return b, nil
}

// Run plays the patterns and tells presses until ctx ends and then turns every output off. It is one goroutine with one timer, set to the
// next edge of any output: while all are steady and no line is to be tried again, nothing wakes it. One caller at a time. The
// error is always nil.
func (b *Board) Run(ctx context.Context) error {
	b.mu.Lock()
	b.stopped = b.closed
	b.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer b.config.Working(false)
	for ctx.Err() == nil {
		b.config.Working(true)
		if b.retryDue(time.Now()) {
			b.retry()
			b.retryInputs()
		}
		if next := b.advance(time.Now()); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		b.config.Working(false)
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer.C:
		}
	}
	b.halt()
	return nil
}

// Show plays a pattern on an output in place of what it shows; the level is set before Show returns. What repeats counts from
// since, so that outputs with one since blink in step, and one that showed something else for a while comes back in step; zero,
// or a time to come, is now. What repeats, or is steady, and is shown already goes on as it is, whatever its since. A pattern
// that does not repeat is played whole and from now, each time: where the output happens to be on, a gap of 80 ms comes before
// it, so that its first flash can be seen. An error of the hardware is not an error here but in Problems. [ErrUnknownOutput];
// [ErrStopped] after Run has ended.
func (b *Board) Show(output string, p Pattern, since time.Time) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("show %q on %s: %w", p.Name, output, err)
	}
	b.mu.Lock()
	defer b.unlock()
	o := b.find(output)
	if o == nil {
		return fmt.Errorf("%w: %s", ErrUnknownOutput, output)
	}
	if b.stopped {
		return fmt.Errorf("show %q on %s: %w", p.Name, output, ErrStopped)
	}
	once := p.once()
	if !once && o.pattern.Equal(p) {
		return nil
	}
	now := time.Now()
	o.play(p, now)
	switch {
	case o.config.Kind == Relay:
		o.steps = o.relay.steps(p, o.on, now)
	case once && o.on && p.Steps[0].On:
		o.steps = slices.Concat([]Step{{On: false, For: gap}}, o.steps)
		if o.pitches != nil {
			o.pitches = slices.Concat([]float64{0}, o.pitches)
		}
	case p.Repeat && !since.IsZero():
		step, ago := p.at(now.Sub(since))
		o.step, o.began = step, now.Add(-ago)
	}
	b.set(o, o.steps[o.step].On, now)
	b.awake()
	return nil
}

// gap is the pause before a pattern on an output that is on: without it a short pulse would be swallowed, because it
// would write the level that is there already.
const gap = 80 * time.Millisecond

// State returns what an output shows now; the zero State when there is no such output.
func (b *Board) State(output string) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.find(output); o != nil {
		return o.state()
	}
	return State{}
}

// Outputs returns the state of every output in the order of the configuration.
func (b *Board) Outputs() []State {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := make([]State, 0, len(b.outputs))
	for _, o := range b.outputs {
		states = append(states, o.state())
	}
	return states
}

// Problems says in words what is wrong with outputs and inputs and what helps, one line for each that is not as configured.
func (b *Board) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var problems []string
	for _, o := range b.outputs {
		if o.problem != "" {
			problems = append(problems, o.problem)
		}
	}
	for _, in := range b.inputs {
		if p := in.trouble(); p != "" {
			problems = append(problems, p)
		}
	}
	return problems
}

// Close turns every output off and gives the lines back. Call it after Run has returned; a second call does nothing.
func (b *Board) Close() error {
	b.halt()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	var faults []error
	for _, o := range b.outputs {
		if err := o.pin.Close(); err != nil {
			faults = append(faults, err)
		}
	}
	for _, in := range b.inputs {
		if err := in.line.Close(); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// advance plays the edges that are due and returns the time of the next thing to do; zero when there is none.
func (b *Board) advance(now time.Time) time.Time {
	b.mu.Lock()
	defer b.unlock()
	next := b.retryAt
	for _, o := range b.outputs {
		if edge, ok := o.edge(); ok && !edge.After(now) {
			on := o.move(now, edge)
			b.set(o, on, now)
		}
		if edge, ok := o.edge(); ok && (next.IsZero() || edge.Before(next)) {
			next = edge
		}
	}
	return b.advanceInputs(now, next)
}

// play begins a pattern.
func (o *output) play(p Pattern, now time.Time) {
	o.pattern, o.steps, o.pitches, o.step, o.began = p, p.Steps, nil, 0, now
	if o.config.Kind == Tone && p.Tune != nil {
		o.pitches = p.Tune.pitches()
	}
}

// edge returns when the step ends.
func (o *output) edge() (time.Time, bool) {
	length := o.steps[o.step].For
	return o.began.Add(length), length > 0
}

// move goes to the next step and returns its level. The step counts from the edge that was due, so that a pattern keeps
// its time; but when that is past by more than half the step, it counts from now: a program that was held up shows the
// rest later rather than shorter, and no flash is lost.
func (o *output) move(now, due time.Time) bool {
	o.step++
	if o.step == len(o.steps) {
		o.step = 0
		if o.pattern.once() {
			o.play(Steady(false), now)
		}
	}
	o.began = due
	if step := o.steps[o.step]; now.Sub(due) > step.For/2 {
		o.began = now
	}
	return o.steps[o.step].On
}

// set drives an output to a level, and a tone to the pitch of its step. A pin that fails is replaced by a simulated one, to be
// tried again. The board is locked.
func (b *Board) set(o *output, on bool, now time.Time) {
	hz := 0.0
	if on && o.step < len(o.pitches) {
		hz = o.pitches[o.step]
	}
	if o.on == on && o.hz == hz {
		return
	}
	changes := o.on != on
	o.on, o.hz = on, hz
	if changes && o.config.Kind == Relay {
		o.relay.changed(on, o.pattern.once(), now)
	}
	if err := o.drive(o.pin); err != nil {
		b.lose(o, err)
	}
	if changes && b.config.Trace != nil {
		b.config.Trace(o.config.Name, on, now)
	}
}

// drive brings a pin to what the output shows.
func (o *output) drive(p Pin) error {
	if o.on && o.hz > 0 {
		return p.PWM(periph.DutyHalf, physic.Frequency(o.hz*float64(physic.Hertz)))
	}
	return p.Out(level(o.on))
}

// halt turns every output off and refuses further patterns.
func (b *Board) halt() {
	b.mu.Lock()
	defer b.unlock()
	if b.closed {
		return
	}
	b.stopped = true
	for _, o := range b.outputs {
		o.play(Steady(false), time.Now())
		b.set(o, false, time.Now())
		if err := o.pin.Halt(); err != nil {
			b.lose(o, err)
		}
	}
}

// unlock unlocks the board and tells of a change of the problems, and of presses.
func (b *Board) unlock() {
	changed, presses := b.changed, b.presses
	b.changed, b.presses = false, nil
	b.mu.Unlock()
	if b.config.Pressed != nil {
		for _, p := range presses {
			b.config.Pressed(p)
		}
	}
	if changed && b.config.Changed != nil {
		b.config.Changed()
	}
}

func (b *Board) awake() {
	select {
	case b.wake <- struct{}{}:
	default: // one is waiting already
	}
}

func (b *Board) find(name string) *output {
	for _, o := range b.outputs {
		if o.config.Name == name {
			return o
		}
	}
	return nil
}

func (o *output) state() State {
	return State{Name: o.config.Name, Pin: o.config.Pin, Kind: o.config.Kind, Driver: o.driver, On: o.on,
		Pattern: o.pattern.Name, Problem: o.problem, Fault: o.fault}
}
