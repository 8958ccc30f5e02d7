package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// busyPoll is how often Off asks again for a line that somebody holds.
const busyPoll = 50 * time.Millisecond

// Off drives every configured output to its off level, holds it there for that long and gives the lines back; it is what
// runs after a crash, because a Raspberry Pi's kernel keeps a line as it was when its program died. A line that somebody
// holds is waited for up to that long, while those that can be had are off already. It blocks until then, or until ctx
// ends. The error joins one for each output that could not be driven. With [DriverSimulated], or [DriverAuto] where there is
// no gpiochip, or for a tone no PWM, there is nothing to do.
func Off(ctx context.Context, c Config, hold time.Duration) error {
	if !c.drivesOutputs() {
		return nil
	}
	return off(ctx, c, hold, openPin)
}

func off(ctx context.Context, c Config, hold time.Duration, open func(Config, OutputConfig) (Pin, error)) error {
	start := time.Now()
	poll := time.NewTicker(busyPoll)
	defer poll.Stop()
	var faults []error
	var held []Pin
	for missing := c.Outputs; len(missing) > 0; {
		var busy []OutputConfig
		var why []error
		for _, o := range missing {
			pin, err := open(c, o)
			switch {
			case err == nil:
				held = append(held, pin)
			case errors.Is(err, ErrBusy):
				busy, why = append(busy, o), append(why, fmt.Errorf("turn off %s: %w", o.Name, err))
			case (errors.Is(err, ErrNoChip) || errors.Is(err, ErrNoPWM)) && c.Driver != DriverChip:
			default:
				faults = append(faults, fmt.Errorf("turn off %s: %w", o.Name, err))
			}
		}
		missing = busy
		if len(busy) == 0 {
			break
		}
		if time.Since(start) >= hold {
			faults = append(faults, why...)
			break
		}
		select {
		case <-ctx.Done():
			faults = append(faults, append(why, ctx.Err())...)
			missing = nil
		case <-poll.C:
		}
	}
	if len(held) > 0 && ctx.Err() == nil {
		timer := time.NewTimer(hold)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			faults = append(faults, ctx.Err())
		case <-timer.C:
		}
	}
	for _, pin := range held {
		if err := pin.Close(); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
