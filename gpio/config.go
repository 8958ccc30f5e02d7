package gpio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of output.
const (
	Light  = "light"
	Relay  = "relay"  // changes at most once in 2 s, but for one pulse of 1 s
	Buzzer = "buzzer" // an active buzzer: on is sound
	Tone   = "tone"   // a passive buzzer: it sounds at the pitch that it is driven with
)

// Sounds says whether an output of that kind is heard, not seen.
func Sounds(kind string) bool { return kind == Buzzer || kind == Tone }

// The drivers of [Config]. State names the one that an output really has: DriverChip or DriverSimulated.
const (
	DriverAuto      = "auto"
	DriverChip      = "chip"
	DriverSimulated = "simulated"
)

// OutputConfig describes one output.
type OutputConfig struct {
	Name      string `toml:"-"`
	Pin       string `toml:"pin"`        // a line's name ("GPIO17"), or "gpiochipN:NUMBER"
	Kind      string `toml:"kind"`       // Light (also when empty), Relay, Buzzer or Tone
	ActiveLow bool   `toml:"active_low"` // the output is on while its pin is at 0 V
}

// Config describes a board.
type Config struct {
	Driver  string         `toml:"driver"` // DriverAuto (also when empty), DriverChip or DriverSimulated
	Chip    string         `toml:"chip"`   // a chip's name or label; empty: the one that has the 40-pin header
	Outputs []OutputConfig `toml:"-"`
	Inputs  []InputConfig  `toml:"-"`

	// SimulatedOutputs has no output ask for its line, whatever the driver: it is that of the inputs alone.
	SimulatedOutputs bool `toml:"-"`

	// Trace, when set, is told of every change of an output's level. It is called with the board locked: it must be
	// quick and must not call the board.
	Trace func(output string, on bool, at time.Time) `toml:"-"`

	// Changed, when set, is called after Problems, a driver or an input's state changed, not when an output's level
	// did. It must not block. It may call the board.
	Changed func() `toml:"-"`

	// Pressed, when set, is told of every press of an input, by Run. As Changed.
	Pressed func(Press) `toml:"-"`

	// Working, when set, is told true by Run when it begins its work on something, false when it waits. It must not block.
	Working func(busy bool) `toml:"-"`
}

// Validate returns every fault of the configuration, each as one error whose text begins with its key, such as
// "output.lamp.pin: …", all joined by [errors.Join]; nil when there is none. It touches no hardware.
func (c Config) Validate() error {
	var faults []error
	fault := func(key, text string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %w", key, fmt.Errorf(text, args...)))
	}
	switch c.Driver {
	case "", DriverAuto, DriverChip, DriverSimulated:
	default:
		fault("gpio.driver", "%q is none of auto, chip, simulated", c.Driver)
	}
	names, pins := map[string]bool{}, map[string]string{}
	for _, o := range c.Outputs {
		key := "output." + o.Name
		if !goodName(o.Name) {
			fault("output", "%q cannot be an output's name: it must be one word without / + #", o.Name)
		}
		if names[o.Name] {
			fault(key, "is there twice")
		}
		names[o.Name] = true
		switch o.Kind {
		case "", Light, Relay, Buzzer, Tone:
		default:
			fault(key+".kind", "%q is none of light, relay, buzzer, tone", o.Kind)
		}
		if err := checkPin(o.Pin); err != nil {
			fault(key+".pin", "%w", err)
			continue
		}
		if other, ok := pins[o.Pin]; ok {
			fault(key+".pin", "%s is taken by %s", o.Pin, other)
		}
		if !c.SimulatedOutputs {
			pins[o.Pin] = key
		}
	}
	names = map[string]bool{}
	for _, in := range c.Inputs {
		key := "input." + in.Name
		if !goodName(in.Name) {
			fault("input", "%q cannot be an input's name: it must be one word without / + #", in.Name)
		}
		if names[in.Name] {
			fault(key, "is there twice")
		}
		names[in.Name] = true
		in.check(fault)
		if err := checkPin(in.Pin); err != nil {
			fault(key+".pin", "%w", err)
			continue
		}
		if other, ok := pins[in.Pin]; ok {
			fault(key+".pin", "%s is taken by %s", in.Pin, other)
		}
		pins[in.Pin] = key
	}
	return errors.Join(faults...)
}

// drivesOutputs says whether the outputs are to have their lines.
func (c Config) drivesOutputs() bool { return c.Driver != DriverSimulated && !c.SimulatedOutputs }

// goodName says whether a name can be part of a topic and of a sentence.
func goodName(name string) bool { return name != "" && !strings.ContainsAny(name, "/+#\x00 \t\r\n") }

// checkPin says whether a pin's name can be one at all.
func checkPin(pin string) error {
	if pin == "" {
		return errors.New("is missing, such as pin = \"GPIO17\"")
	}
	if chip, number, ok := strings.Cut(pin, ":"); ok && strings.HasPrefix(chip, "gpiochip") {
		if _, err := strconv.ParseUint(number, 10, 16); err != nil {
			return fmt.Errorf("%q has no line number after the colon, such as gpiochip0:17", pin)
		}
	}
	if len(pin) > 64 || slices.ContainsFunc([]byte(pin), func(b byte) bool { return b < ' ' || b == 0x7f }) {
		return fmt.Errorf("%q cannot be the name of a line", pin)
	}
	return nil
}
