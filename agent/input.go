package agent

import (
	"maps"
	"slices"
	"time"

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// Input is one [input.NAME]: a button.
type Input struct {
	Pin       string   `toml:"pin"`
	Pull      string   `toml:"pull"` // up, down or none
	ActiveLow bool     `toml:"active_low"`
	Debounce  Duration `toml:"debounce"`
	MinPress  Duration `toml:"min_press"`
	Press     string   `toml:"press"` // an action; empty: none
	Hold      string   `toml:"hold"`  // likewise
	HoldFor   Duration `toml:"hold_for"`
	Lock      bool     `toml:"lock"`
}

// defaultInput holds the values of the keys that an [input.NAME] leaves out.
func defaultInput() Input {
	return Input{
		Pull: "up", ActiveLow: true, Debounce: Duration(30 * time.Millisecond), MinPress: Duration(80 * time.Millisecond),
		Press: indicator.Acknowledge, HoldFor: Duration(5 * time.Second),
	}
}

// Bounds of a button's times.
const (
	maxDebounce = Duration(time.Second)
	maxHold     = Duration(time.Minute)
)

// validateInputs is told who has which pin.
func (c *Config) validateInputs(f *collector, pins map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(c.Input)) {
		in, key := c.Input[name], join("input", name)
		if !forwardName.MatchString(name) {
			f.add(key, "%q may have letters, digits, - and _ only", name)
		}
		if in.Pin == "" {
			f.missing(key+".pin", "an input needs a pin, such as \"GPIO27\"")
		} else if other := pins[in.Pin]; other != "" {
			f.add(key+".pin", "%s is the pin of %s already", in.Pin, other)
		}
		pins[in.Pin] = "input " + name
		oneOf(f, key+".pull", in.Pull, gpio.PullUp, gpio.PullDown, gpio.PullNone)
		if in.Debounce > maxDebounce {
			f.add(key+".debounce", "must be at most %s", maxDebounce)
		}
		if in.MinPress > maxHold {
			f.add(key+".min_press", "must be at most %s", maxHold)
		}
		if in.Hold != "" && (in.HoldFor <= in.MinPress || in.HoldFor > maxHold) {
			f.add(key+".hold_for", "must be longer than min_press (%s) and at most %s", in.MinPress, maxHold)
		}
		if in.Press == "" && in.Hold == "" {
			f.add(key+".press", "the button does nothing: write press = \"acknowledge\", or a hold")
		}
		for _, action := range []struct{ key, text string }{{".press", in.Press}, {".hold", in.Hold}} {
			if _, err := indicator.ParseAction(action.text); err != nil && action.text != "" {
				f.add(key+action.key, "%v", err)
			}
		}
	}
}
