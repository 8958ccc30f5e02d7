package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"
)

// retryAfter is how long an output stays simulated before its line is asked for again.
const retryAfter = 5 * time.Second

// lose replaces a pin that failed. The board is locked.
func (b *Board) lose(o *output, err error) {
	_ = o.pin.Close() // it failed already: the line is given back if it can be
	o.pin, o.driver = newSimulatedPin(o.config, o.on), DriverSimulated
	b.settle(o, nil, err)
}

// settle gives an output the pin that was opened for it, or notes why there is none. The board is locked.
func (b *Board) settle(o *output, pin Pin, err error) {
	problem, fault := "", ""
	if err == nil {
		o.pin, o.driver = pin, DriverChip // in place of a simulated one, which holds nothing
		b.log.Info("output claimed", "output", o.config.Name, "pin", o.config.Pin)
	} else {
		if pin != nil {
			_ = pin.Close() // it was claimed and cannot be driven
		}
		problem, fault = explain(o.config, err), faultOf(err)
		b.retryAt = time.Now().Add(retryAfter)
		if problem != o.problem {
			b.log.Warn("output simulated", "output", o.config.Name, "pin", o.config.Pin, "error", err)
		}
	}
	b.changed = b.changed || problem != o.problem
	o.problem, o.fault = problem, fault
}

// The faults of [State]: why an output is simulated though a pin was asked for.
const (
	FaultBusy      = "busy"      // somebody holds the line
	FaultMissing   = "missing"   // there is no such line, or it went away
	FaultForbidden = "forbidden" // this user may not drive it
	FaultNoChip    = "no chip"   // the system has no gpiochip at all
	FaultNoPWM     = "no pwm"    // a tone's pin cannot play one, or not yet
)

// What the package has for tones, and where.
const (
	examples   = "/usr/share/doc/deskbell/examples"
	pwmService = "pwm.conf"
	pwmRules   = "61-deskbell-pwm.rules"
)

// faultOf says in a word why something is simulated.
func faultOf(err error) string {
	switch {
	case errors.Is(err, ErrNoChip):
		return FaultNoChip
	case errors.Is(err, ErrBusy):
		return FaultBusy
	case errors.Is(err, ErrNoPWM):
		return FaultNoPWM
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS): // the service sees /sys read-only
		return FaultForbidden
	}
	return FaultMissing
}

// explain says in words why an output is simulated and what helps.
func explain(o OutputConfig, err error) string {
	why := err.Error()
	switch faultOf(err) {
	case FaultNoChip:
		why = "no gpiochip"
	case FaultBusy:
		why = fmt.Sprintf("%v; end that program, it is tried again every %d s", err, retryAfter/time.Second)
	case FaultNoPWM:
		why = fmt.Sprintf("%v; see %s/%s", err, examples, pwmService)
	case FaultForbidden:
		if o.Kind == Tone {
			why = fmt.Sprintf("%v; a tone needs %s and %s of %s", err, pwmService, pwmRules, examples)
			break
		}
		why = fmt.Sprintf("%v; the user must be in the device's group, mostly gpio", err)
	}
	return o.Name + " is simulated: " + why
}

func (b *Board) retryDue(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.retryAt.IsZero() && !now.Before(b.retryAt)
}

// retry asks again for the lines that could not be had. Only Run calls it. The chips are asked without the lock, so that
// Show does not wait for them.
func (b *Board) retry() {
	b.mu.Lock()
	b.retryAt = time.Time{}
	outputs := slices.Clone(b.outputs)
	b.mu.Unlock()
	for _, o := range outputs {
		b.mu.Lock()
		simulated, on := o.problem != "", o.on
		b.mu.Unlock()
		if !simulated {
			continue
		}
		pin, err := b.open(b.config, o.config, on)
		b.mu.Lock()
		if err == nil && b.closed {
			_ = pin.Close() // nobody is there to use it
		} else if !b.closed {
			if err == nil && (o.on != on || o.hz > 0) { // it changed while the line was claimed, or has a pitch
				err = o.drive(pin)
			}
			b.settle(o, pin, err)
		}
		b.unlock()
	}
}
