package gpio

import (
	"errors"
	"fmt"
	"io"
	"time"

	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Pin is one claimed output: periph's PinIO, to be given back with Close.
//
// Its levels are logical: High is on, Low is off, whatever the wiring; an active-low output is inverted below. Out sets the
// level and returns when it is set. Read returns the level and changes nothing. Halt sets it to off and keeps the line
// claimed, so that it stays at that level; Close does the same and gives the line back. After Close, Out is an error. PWM is for a
// tone: it sounds at a pitch until Out or Halt, where Out sounds at a pitch of its own. In, edges, and PWM of any other output are
// not for outputs: they answer an error or nothing. A Pin is safe for several callers at once.
type Pin interface {
	periph.PinIO
	io.Closer
}

// openPin claims the line of one output at its off level, without a glitch: the line is never driven at another level. A
// [Board] opens its own. With [DriverSimulated] the pin is a simulated one, else it is the chip's or an error: [ErrNoChip], [ErrNoLine], [ErrBusy], [ErrNoPWM], [fs.ErrPermission].
func openPin(c Config, o OutputConfig) (Pin, error) {
	if !c.drivesOutputs() {
		return newSimulatedPin(o, false), nil
	}
	return openOutput(c, o, false)
}

// openOutput claims what an output is wired to: a tone, which is claimed silent whatever on says, or a line.
func openOutput(c Config, o OutputConfig, on bool) (Pin, error) {
	if o.Kind == Tone {
		p, err := openTonePin(o)
		if err != nil || !on {
			return p, err
		}
		return p, p.Out(periph.High)
	}
	return openChipPin(c, o, on)
}

// Errors of this package, to be tested with [errors.Is].
var (
	// ErrNoChip: the system has no gpiochip at all; it is no Pi, or not Linux.
	ErrNoChip = errors.New("no gpiochip on this system")
	// ErrNoLine: no chip has a line of that name or number. The text names some that are near.
	ErrNoLine = errors.New("no such line")
	// ErrBusy: another program, or the kernel, holds the line. The text names it where it gives a name.
	ErrBusy = errors.New("line is busy")
	// ErrNoPWM: a tone's pin has no PWM, or the system's is not switched on. The text says what to do.
	ErrNoPWM = errors.New("no pwm")
	// ErrUnknownOutput: no output of that name is configured.
	ErrUnknownOutput = errors.New("unknown output")
	// ErrStopped: the board was closed, or its Run has ended and left everything off.
	ErrStopped = errors.New("the board is stopped")

	errOutput = errors.New("the pin is an output")
	errClosed = errors.New("the pin is closed")
)

func level(on bool) periph.Level { return periph.Level(on) }

// outputPin is the half of periph's PinIO that both drivers answer alike.
type outputPin struct {
	name   string
	number int
}

func (p outputPin) String() string               { return p.name }
func (p outputPin) Name() string                 { return p.name }
func (p outputPin) Number() int                  { return p.number }
func (outputPin) Function() string               { return "Out" }
func (outputPin) Pull() periph.Pull              { return periph.PullNoChange }
func (outputPin) DefaultPull() periph.Pull       { return periph.PullNoChange }
func (outputPin) WaitForEdge(time.Duration) bool { return false }
func (p outputPin) In(periph.Pull, periph.Edge) error {
	return fmt.Errorf("read %s: %w", p.name, errOutput)
}

func (p outputPin) PWM(periph.Duty, physic.Frequency) error {
	return fmt.Errorf("modulate %s: %w", p.name, errors.ErrUnsupported)
}
