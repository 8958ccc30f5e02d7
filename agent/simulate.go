package agent

import (
	"fmt"
	"io"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/indicator"
)

// Simulate plays a script of what happens at a desk and writes what the outputs show, without waiting and without touching store,
// pins or network. Where the script says what they are to show, the error names the lines that do not hold; it names a line that
// is not understood, too. The man page describes scripts. c is as Load returned it.
func Simulate(c Config, script io.Reader, out io.Writer) error {
	d, err := event.NewDecoder(c.Events())
	if err != nil {
		return err
	}
	s := indicator.Simulation{Config: c.indication(), Decode: d.EventOf, Press: c.pressed}
	if s.Config.Location, err = c.Location(); err != nil {
		return fmt.Errorf("timezone: %w", err)
	}
	return s.Play(script, out)
}

// pressed is what a press of a button does that lasts d.
func (c Config) pressed(input string, d time.Duration) (indicator.Action, bool) {
	in := c.Input[input]
	does := in.Press
	switch {
	case d < time.Duration(in.MinPress):
		return indicator.Action{}, false
	case in.Hold != "" && d >= time.Duration(in.HoldFor):
		does = in.Hold
	}
	a, err := indicator.ParseAction(does)
	return a, err == nil
}
