package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"deskbell/gpio"
)

// lineUser is the name under which deskbell holds its lines.
const lineUser = "deskbell"

// pins looks whether this machine has the pins of outputs and inputs, and
// whether they can be had.
func (d *doctor) pins(context.Context) {
	const name = "gpiochip"
	b := d.config.Board()
	if b.SimulatedOutputs {
		b.Outputs = nil
	}
	if b.Driver == gpio.DriverSimulated {
		d.good(name, "none is needed: lights and sounds are simulated, as configured")
		return
	}
	chips, err := d.lines()
	switch {
	case errors.Is(err, gpio.ErrNoChip) && b.Driver != gpio.DriverChip:
		d.warn(name, "this machine has none: lights and sounds are simulated", "on a Raspberry Pi there is /dev/gpiochip0; elsewhere write gpio.driver = \"simulated\"")
		return
	case errors.Is(err, gpio.ErrNoChip):
		d.fail(name, "this machine has none", "on a Raspberry Pi there is /dev/gpiochip0; elsewhere write gpio.driver = \"simulated\"")
		return
	case errors.Is(err, fs.ErrPermission):
		d.fail(name, err.Error(), "run it as root, or put the user into the group gpio")
		return
	case err != nil || len(chips) == 0:
		d.fail(name, fmt.Sprintf("it cannot be read: %v", err), "see: deskbell gpio list")
		return
	}
	d.good(name, fmt.Sprintf("%s (%s), %d lines", chips[0].Name, chips[0].Label, len(chips[0].Lines)))
	for _, o := range b.Outputs {
		if o.Kind == gpio.Tone {
			d.tonePin("output "+o.Name, o.Pin)
		} else {
			d.pin(chips, b.Chip, "output "+o.Name, "output."+o.Name, o.Pin)
		}
	}
	for _, in := range b.Inputs {
		d.pin(chips, b.Chip, "input "+in.Name, "input."+in.Name, in.Pin)
	}
}

func (d *doctor) tonePin(name, pin string) {
	if err := d.tone(pin); err != nil {
		d.fail(name, err.Error(), "")
		return
	}
	d.good(name, pin+" has a PWM")
}

func (d *doctor) pin(chips []gpio.Chip, chip, name, key, pin string) {
	_, line, err := gpio.FindLine(chips, chip, pin)
	switch ours := line.Consumer == lineUser; {
	case err != nil:
		d.fail(name, err.Error(), "mend "+key+".pin; what there is: deskbell gpio list")
	case !line.Used:
		d.good(name, pin+" is free")
	case ours && d.status != nil:
		d.good(name, pin+" is the running agent's")
	case ours && d.hidden:
		d.warn(name, pin+" is held by deskbell, perhaps by the running agent", "ask it as root: sudo deskbell doctor")
	case ours:
		d.fail(name, pin+" is held by another deskbell", "stop that one: sudo systemctl stop deskbell; or give "+key+".pin another pin")
	case line.Consumer == "":
		d.fail(name, pin+" is held by the kernel or a program that gives no name", "switch off what uses it, such as SPI or I2C, or give "+key+".pin another pin")
	default:
		d.fail(name, fmt.Sprintf("%s is held by %q", pin, line.Consumer), "stop that program, or give "+key+".pin another pin")
	}
}
