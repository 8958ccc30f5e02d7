//go:build linux

package gpio

import (
	"errors"
	"fmt"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
)

// chipInput is an input on a line of a gpiochip. The kernel inverts an active-low line and, from 5.10 on, leaves the bounces of
// the contact out. Each has a request of its own, and with it a goroutine of the library that Close waits for: in a common one
// a line that is busy would take the others with it.
type chipInput struct {
	pin     string
	line    *gpiocdev.Line
	bounces bool
}

func openChipInput(c Config, in InputConfig, changed func(pressed bool, at time.Time)) (inputLine, error) {
	line, err := claimInput(c, in, changed, 0)
	if incompatible := (gpiocdev.ErrUapiIncompatibility{}); errors.As(err, &incompatible) {
		return claimInput(c, in, changed, 1)
	}
	return line, err
}

// claimInput claims a line by a version of the kernel's interface: 0 is the newest there is, 1 that before Linux 5.10, which
// does not debounce.
func claimInput(c Config, in InputConfig, changed func(pressed bool, at time.Time), version int) (inputLine, error) {
	chips, err := listChips()
	if err != nil {
		return nil, err
	}
	chip, number, err := findLine(chips, c.Chip, in.Pin)
	if err != nil {
		return nil, err
	}
	options := []gpiocdev.LineReqOption{
		gpiocdev.WithConsumer(consumer), gpiocdev.LevelOption(in.ActiveLow), gpiocdev.AsInput, gpiocdev.WithBothEdges, pull(in.Pull),
		gpiocdev.WithEventHandler(func(e gpiocdev.LineEvent) { changed(e.Type == gpiocdev.LineEventRisingEdge, since(e.Timestamp)) }),
	}
	if version != 0 {
		options = append(options, gpiocdev.ABIVersionOption(version))
	} else if in.Debounce > 0 {
		options = append(options, gpiocdev.WithDebounce(in.Debounce))
	}
	line, err := gpiocdev.RequestLine(chip.Name, number, options...)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s is held by %s: %w", in.Pin, holder(chip.Name, number), ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("claim %s (%s line %d): %w", in.Pin, chip.Name, number, err)
	}
	return &chipInput{in.Pin, line, version != 0}, nil
}

func pull(name string) gpiocdev.LineReqOption {
	switch name {
	case PullDown:
		return gpiocdev.WithPullDown
	case PullNone:
		return gpiocdev.WithBiasDisabled
	}
	return gpiocdev.WithPullUp
}

// since is the time of an edge by this program's clock. The kernel stamps it by the monotonic one; before Linux 5.7 by the
// wall clock, which says nothing here: then it is now.
func since(stamp time.Duration) time.Time {
	now := time.Now()
	var mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return now
	}
	return now.Add(-max(0, time.Duration(mono.Nano())-stamp))
}

func (p *chipInput) Pressed() (bool, error) {
	value, err := p.line.Value()
	if err != nil {
		return false, fmt.Errorf("read %s: %w", p.pin, err)
	}
	return value != 0, nil
}

func (p *chipInput) Bounces() bool { return p.bounces }

func (p *chipInput) Close() error {
	if err := p.line.Close(); err != nil {
		return fmt.Errorf("release %s: %w", p.pin, err)
	}
	return nil
}
