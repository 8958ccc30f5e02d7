package gpio

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The pulls of an input: the resistor of the chip that gives an open line its level.
const (
	PullUp   = "up"
	PullDown = "down"
	PullNone = "none"
)

// Bounds of an input's times.
const (
	maxDebounce = time.Second
	maxHold     = time.Minute
)

// InputConfig describes one button.
type InputConfig struct {
	Name      string
	Pin       string        // as of an output
	Pull      string        // PullUp (also when empty), PullDown or PullNone
	ActiveLow bool          // it is pressed while its pin is at 0 V
	Debounce  time.Duration // a level counts when it has lasted so long; up to a second
	MinPress  time.Duration // what is shorter is no press
	Hold      bool          // a press of HoldFor is told as held, once it has lasted so long; other presses when they are over
	HoldFor   time.Duration // up to a minute
}

// InputState is a button as it is now.
type InputState struct {
	Name    string
	Pin     string
	Driver  string // DriverChip or DriverSimulated: what it really is
	Pressed bool
	Problem string // what a person should look at; empty when all is well
}

// inputLine is one claimed line of an input. It tells the changes to who opened it, from a goroutine of its own that ends with
// Close.
type inputLine interface {
	// Pressed reads the line. An error means that it is gone.
	Pressed() (bool, error)
	// Bounces says that the changes are told with the bounces of the contact.
	Bounces() bool
	Close() error
}

// openInput claims a line. changed is told each change and when it was; it must not block.
type openInput func(c Config, in InputConfig, changed func(pressed bool, at time.Time)) (inputLine, error)

// input is one button of a board. The board's mutex guards it, but for the changes that wait.
type input struct {
	config   InputConfig
	line     inputLine
	driver   string
	problem  string // why it is simulated; empty when it is not, or was meant to be
	button   button
	released time.Time // when a simulated press ends; zero: none is under way

	mu      sync.Mutex
	waiting []change // not seen by Run yet; the oldest are dropped
}

type change struct {
	pressed bool
	at      time.Time
}

// maxWaiting is how many changes wait for Run. A line that changes without end, as a loose wire does, loses some.
const maxWaiting = 64

// took adds a change to those that wait. It never waits for the board, which may be closing the line meanwhile.
func (in *input) took(pressed bool, at time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.waiting) == maxWaiting {
		in.waiting = slices.Delete(in.waiting, 0, 1)
	}
	in.waiting = append(in.waiting, change{pressed, at})
}

func (in *input) changes() []change {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.waiting
	in.waiting = nil
	return list
}

// reads is the line as it is now.
func (in *input) reads() bool {
	pressed, err := in.line.Pressed()
	return err == nil && pressed
}

// Press presses a simulated input for so long: it is let go by Run, and Press returns at once. One that is pressed already is
// held for so much longer. [ErrUnknownInput]; [ErrNotSimulated]; [ErrStopped] after Run has ended.
func (b *Board) Press(name string, d time.Duration) error {
	b.mu.Lock()
	defer b.unlock()
	in := b.findInput(name)
	switch {
	case in == nil:
		return fmt.Errorf("press: %w: %s", ErrUnknownInput, name)
	case in.driver != DriverSimulated:
		return fmt.Errorf("press %s: %w", name, ErrNotSimulated)
	case b.stopped:
		return fmt.Errorf("press %s: %w", name, ErrStopped)
	}
	now := time.Now()
	in.released = now.Add(d)
	in.line.(*simulatedInput).set(true, now)
	return nil
}

// Inputs returns the state of every input in the order of the configuration.
func (b *Board) Inputs() []InputState {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := make([]InputState, 0, len(b.inputs))
	for _, in := range b.inputs {
		states = append(states, InputState{Name: in.config.Name, Pin: in.config.Pin, Driver: in.driver,
			Pressed: in.button.pressed, Problem: in.trouble()})
	}
	return states
}

// trouble is what is wrong with an input, in words and with what helps. The board is locked.
func (in *input) trouble() string {
	if in.problem == "" && in.button.stuck {
		return fmt.Sprintf("%s has been pressed for more than %d min: is the button stuck, or active_low not as it is wired?",
			in.config.Name, stuckAfter/time.Minute)
	}
	return in.problem
}

// openInputs claims the lines of all inputs.
func (b *Board) openInputs() {
	for _, c := range b.config.Inputs {
		in := &input{config: c}
		b.inputs = append(b.inputs, in)
		b.simulate(in)
		if b.config.Driver != DriverSimulated {
			line, err := b.openInput(b.config, c, b.watch(in))
			b.settleInput(in, line, err)
		}
	}
}

// watch is what the line of an input tells its changes to.
func (b *Board) watch(in *input) func(pressed bool, at time.Time) {
	return func(pressed bool, at time.Time) {
		in.took(pressed, at)
		b.awake()
	}
}

// simulate gives an input a line without hardware.
func (b *Board) simulate(in *input) {
	b.take(in, &simulatedInput{changed: b.watch(in)}, DriverSimulated)
}

// take begins with a line that was just claimed. The changes of the one before it are dropped.
func (b *Board) take(in *input, line inputLine, driver string) {
	in.line, in.driver, in.released = line, driver, time.Time{}
	in.button = button{config: in.config}
	if line.Bounces() {
		in.button.debounce = in.config.Debounce
	}
	in.button.claim(in.reads(), time.Now())
}

// settleInput gives an input the line that was opened for it, or notes why there is none. The board is locked.
func (b *Board) settleInput(in *input, line inputLine, err error) {
	problem := ""
	if err == nil {
		in.changes() // of the simulated line, or from before the look at the level that is to come
		b.take(in, line, DriverChip)
		b.log.Info("input claimed", "input", in.config.Name, "pin", in.config.Pin)
		if line.Bounces() && in.config.Debounce > 0 {
			b.log.Info("the kernel does not debounce; deskbell does", "input", in.config.Name)
		}
	} else {
		problem = explain(OutputConfig{Name: in.config.Name}, err)
		b.retryAt = time.Now().Add(retryAfter)
		if problem != in.problem {
			b.log.Warn("input simulated", "input", in.config.Name, "pin", in.config.Pin, "error", err)
		}
	}
	b.changed = b.changed || problem != in.problem
	in.problem = problem
}

// advanceInputs takes the changes that came and what is due, and returns the time of the next thing to do: next, or sooner.
// The board is locked.
func (b *Board) advanceInputs(now, next time.Time) time.Time {
	for _, in := range b.inputs {
		if !in.released.IsZero() && !now.Before(in.released) {
			in.line.(*simulatedInput).set(false, in.released)
			in.released = time.Time{}
		}
		pressed, stuck := in.button.pressed, in.button.stuck
		for _, c := range in.changes() {
			if p, ok := in.button.change(c.pressed, c.at); ok {
				b.presses = append(b.presses, p)
			}
			b.changed = b.changed || in.button.pressed != pressed
		}
		if p, ok := in.button.advance(now, in.reads); ok {
			b.presses = append(b.presses, p)
		}
		b.changed = b.changed || in.button.pressed != pressed || in.button.stuck != stuck
		for _, at := range []time.Time{in.button.next(), in.released} {
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// retryInputs asks again for the lines that could not be had. Only Run calls it.
func (b *Board) retryInputs() {
	for _, in := range b.inputs { // the list is never changed
		b.mu.Lock()
		simulated := in.problem != ""
		b.mu.Unlock()
		if !simulated {
			continue
		}
		line, err := b.openInput(b.config, in.config, b.watch(in))
		b.mu.Lock()
		if err == nil && b.closed {
			_ = line.Close() // nobody is there to use it
		} else if !b.closed {
			b.settleInput(in, line, err)
		}
		b.unlock()
	}
}

func (b *Board) findInput(name string) *input {
	for _, in := range b.inputs {
		if in.config.Name == name {
			return in
		}
	}
	return nil
}

// check tells what is wrong with an input, each as its key and a text.
func (in InputConfig) check(fault func(key, text string, args ...any)) {
	key := "input." + in.Name
	switch in.Pull {
	case "", PullUp, PullDown, PullNone:
	default:
		fault(key+".pull", "%q is none of up, down, none", in.Pull)
	}
	if in.Debounce < 0 || in.Debounce > maxDebounce {
		fault(key+".debounce", "must be at most %v", maxDebounce)
	}
	if in.MinPress < 0 || in.MinPress > maxHold {
		fault(key+".min_press", "must be at most %v", maxHold)
	}
	if in.Hold && (in.HoldFor <= in.MinPress || in.HoldFor > maxHold) {
		fault(key+".hold_for", "must be longer than min_press, which is %v, and at most %v", in.MinPress, maxHold)
	}
}

// Errors of the inputs, to be tested with [errors.Is].
var (
	// ErrUnknownInput: no input of that name is configured.
	ErrUnknownInput = errors.New("unknown input")
	// ErrNotSimulated: the input is on a chip, where only a finger presses it.
	ErrNotSimulated = errors.New("the input is not simulated")
)
