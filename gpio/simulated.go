package gpio

import (
	"fmt"
	"sync"
	"time"

	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// simulatedPin is an output without hardware. It stands in wherever a line cannot be had and behaves as one that can: the
// same conformance test runs against both.
type simulatedPin struct {
	outputPin
	tone   bool
	mu     sync.Mutex
	level  periph.Level
	closed bool
}

func newSimulatedPin(o OutputConfig, on bool) *simulatedPin {
	return &simulatedPin{outputPin: outputPin{name: o.Pin, number: -1}, tone: o.Kind == Tone, level: level(on)}
}

func (p *simulatedPin) Out(l periph.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("set %s: %w", p.name, errClosed)
	}
	p.level = l
	return nil
}

// PWM is for tones; nothing sounds.
func (p *simulatedPin) PWM(d periph.Duty, f physic.Frequency) error {
	if !p.tone {
		return p.outputPin.PWM(d, f)
	}
	return p.Out(d > 0)
}

func (p *simulatedPin) Read() periph.Level {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.level
}

func (p *simulatedPin) Halt() error { return p.Out(periph.Low) }

func (p *simulatedPin) Close() error {
	err := p.Halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return err
}

// simulatedInput is a button without hardware. Its contact does not bounce, but what is told of it is treated as if it did.
type simulatedInput struct {
	changed func(pressed bool, at time.Time)
	mu      sync.Mutex
	pressed bool
}

func (p *simulatedInput) set(pressed bool, at time.Time) {
	p.mu.Lock()
	was := p.pressed
	p.pressed = pressed
	p.mu.Unlock()
	if was != pressed {
		p.changed(pressed, at)
	}
}

func (p *simulatedInput) Pressed() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pressed, nil
}

func (p *simulatedInput) Bounces() bool { return true }
func (p *simulatedInput) Close() error  { return nil }
