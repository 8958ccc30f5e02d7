package gpio

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	lamp := OutputConfig{Name: "lamp", Pin: "GPIO17"}
	for name, c := range map[string]struct {
		config Config
		want   []string
	}{
		"an empty configuration is good":     {Config{}, nil},
		"a lamp and a buzzer are good":       {Config{Driver: "chip", Outputs: []OutputConfig{lamp, {Name: "buzzer", Pin: "gpiochip1:5", Kind: "buzzer"}}}, nil},
		"a driver that is not known":         {Config{Driver: "Chip"}, []string{`gpio.driver: "Chip" is none of auto, chip, simulated`}},
		"a kind that is not known":           {Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "GPIO17", Kind: "laser"}}}, []string{`output.lamp.kind: "laser" is none of light, relay, buzzer, tone`}},
		"a pin that is missing":              {Config{Outputs: []OutputConfig{{Name: "lamp"}}}, []string{`output.lamp.pin: is missing, such as pin = "GPIO17"`}},
		"a chip without a line's number":     {Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "gpiochip0:x"}}}, []string{`output.lamp.pin: "gpiochip0:x" has no line number after the colon, such as gpiochip0:17`}},
		"a pin of strange bytes":             {Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "GPIO\n17"}}}, []string{`output.lamp.pin: "GPIO\n17" cannot be the name of a line`}},
		"two outputs on one pin":             {Config{Outputs: []OutputConfig{lamp, {Name: "light", Pin: "GPIO17"}}}, []string{"output.light.pin: GPIO17 is taken by output.lamp"}},
		"two outputs of one name":            {Config{Outputs: []OutputConfig{lamp, {Name: "lamp", Pin: "GPIO18"}}}, []string{"output.lamp: is there twice"}},
		"a name that cannot be in a topic":   {Config{Outputs: []OutputConfig{{Name: "a/b", Pin: "GPIO18"}}}, []string{`output: "a/b" cannot be an output's name: it must be one word without / + #`}},
		"a percent sign in a name is a name": {Config{Outputs: []OutputConfig{{Name: "50%d", Pin: ""}}}, []string{`output.50%d.pin: is missing, such as pin = "GPIO17"`}},
		"a button is good":                   {Config{Outputs: []OutputConfig{lamp}, Inputs: []InputConfig{{Name: "lamp", Pin: "GPIO27", Pull: PullUp, Hold: true, HoldFor: 1}}}, nil},
		"an output and an input on one pin":  {Config{Outputs: []OutputConfig{lamp}, Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17"}}}, []string{"input.ack.pin: GPIO17 is taken by output.lamp"}},
		"two inputs on one pin":              {Config{Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17"}, {Name: "bell", Pin: "GPIO17"}}}, []string{"input.bell.pin: GPIO17 is taken by input.ack"}},
		"two inputs of one name":             {Config{Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17"}, {Name: "ack", Pin: "GPIO27"}}}, []string{"input.ack: is there twice"}},
		"an input whose name is no topic":    {Config{Inputs: []InputConfig{{Name: "a+b", Pin: "GPIO17"}}}, []string{`input: "a+b" cannot be an input's name: it must be one word without / + #`}},
		"an input without a pin":             {Config{Inputs: []InputConfig{{Name: "ack"}}}, []string{`input.ack.pin: is missing, such as pin = "GPIO17"`}},
		"a pull that is not known":           {Config{Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17", Pull: "Up"}}}, []string{`input.ack.pull: "Up" is none of up, down, none`}},
		"an input whose times make no sense": {Config{Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17", Debounce: 2 * time.Second, MinPress: -1, Hold: true, HoldFor: time.Hour}}}, []string{
			"input.ack.debounce: must be at most 1s", "input.ack.min_press: must be at most 1m0s", "input.ack.hold_for: must be longer than min_press, which is -1ns, and at most 1m0s"}},
		"a hold no longer than a press": {Config{Inputs: []InputConfig{{Name: "ack", Pin: "GPIO17", MinPress: time.Second, Hold: true, HoldFor: time.Second}}}, []string{
			"input.ack.hold_for: must be longer than min_press, which is 1s, and at most 1m0s"}},
		"every fault is told at once": {Config{Driver: "x", Outputs: []OutputConfig{{Name: "lamp", Kind: "y"}}}, []string{
			`gpio.driver: "x" is none of auto, chip, simulated`, `output.lamp.kind: "y" is none of light, relay, buzzer, tone`, `output.lamp.pin: is missing, such as pin = "GPIO17"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			if err := c.config.Validate(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
