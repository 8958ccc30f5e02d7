//go:build linux

package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/warthog618/go-gpiocdev"
)

// chipSet is what /dev has: a chip's label by its name; "-> NAME" for a link, "!" for one that this user may not open.
type chipSet map[string]string

func (s chipSet) list(names ...string) ([]Chip, error) {
	return list(names, func(name string) (Chip, error) {
		label := s[name]
		switch {
		case label == "":
			return Chip{}, fs.ErrNotExist
		case label == "!":
			return Chip{}, fs.ErrPermission
		case label[0] == '-':
			return Chip{}, gpiocdev.ErrNotCharacterDevice
		}
		c := Chip{Name: name, Label: label}
		for i := range 54 {
			line := Line{Number: i}
			if label == "pinctrl-bcm2835" || label == "pinctrl-bcm2711" || label == "pinctrl-rp1" {
				line.Name = fmt.Sprintf("GPIO%d", i)
			}
			c.Lines = append(c.Lines, line)
		}
		return c, nil
	}, func(name string) string { return s[name][len("-> "):] })
}

// TestTheHeaderIsFoundOnEveryPi has the chips of each model as its kernels show them.
func TestTheHeaderIsFoundOnEveryPi(t *testing.T) {
	const brcmstb = "gpio-brcmstb@107d508500"
	for name, c := range map[string]struct {
		chips chipSet
		names []string
		want  string
		also  map[string]string // what else is a name of a pin
	}{
		"Pi 0, 1 and 2":            {chipSet{"gpiochip0": "pinctrl-bcm2835"}, []string{"gpiochip0"}, "gpiochip0", nil},
		"Pi 3":                     {chipSet{"gpiochip0": "pinctrl-bcm2835", "gpiochip1": "brcmvirt-gpio", "gpiochip2": "raspberrypi-exp-gpio"}, []string{"gpiochip0", "gpiochip1", "gpiochip2"}, "gpiochip0", map[string]string{"gpiochip0:17": "gpiochip0"}},
		"Pi 3, the expander first": {chipSet{"gpiochip0": "raspberrypi-exp-gpio", "gpiochip1": "pinctrl-bcm2835"}, []string{"gpiochip0", "gpiochip1"}, "gpiochip1", nil},
		"Pi 4":                     {chipSet{"gpiochip0": "pinctrl-bcm2711", "gpiochip1": "raspberrypi-exp-gpio"}, []string{"gpiochip0", "gpiochip1"}, "gpiochip0", nil},
		"Pi 5, early kernels": {chipSet{"gpiochip0": brcmstb, "gpiochip1": brcmstb, "gpiochip2": brcmstb, "gpiochip3": brcmstb, "gpiochip4": "pinctrl-rp1"},
			[]string{"gpiochip0", "gpiochip1", "gpiochip2", "gpiochip3", "gpiochip4"}, "gpiochip4", map[string]string{"gpiochip4:17": "gpiochip4"}},
		"Pi 5, with the link for programs of that time": {chipSet{"gpiochip0": "pinctrl-rp1", "gpiochip4": "-> gpiochip0", "gpiochip10": brcmstb, "gpiochip11": brcmstb},
			[]string{"gpiochip0", "gpiochip4", "gpiochip10", "gpiochip11"}, "gpiochip0", map[string]string{"gpiochip4:17": "gpiochip0", "gpiochip0:17": "gpiochip0"}},
		"Pi 5, where only the header is permitted": {chipSet{"gpiochip0": "pinctrl-rp1", "gpiochip10": "!"}, []string{"gpiochip0", "gpiochip10"}, "gpiochip0", nil},
		"one that went away meanwhile":             {chipSet{"gpiochip1": "pinctrl-bcm2835"}, []string{"gpiochip0", "gpiochip1"}, "gpiochip1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			chips, err := c.chips.list(c.names...)
			if err != nil || !chips[0].Header {
				t.Fatalf("got %s, %v", chipNames(chips), err)
			}
			pins := map[string]string{"GPIO17": c.want}
			for pin, chip := range c.also {
				pins[pin] = chip
			}
			for pin, want := range pins {
				if chip, number, err := findLine(chips, "", pin); err != nil || chip.Name != want || number != 17 {
					t.Errorf("%s is line %d of %s, %v, want 17 of %s", pin, number, chip.Name, err, want)
				}
			}
			for _, asked := range append(chips[0].links, chips[0].Name, chips[0].Label) {
				if chip, _, err := findLine(chips, asked, "GPIO17"); err != nil || chip.Name != c.want {
					t.Errorf("asked for %s, GPIO17 is on %s, %v", asked, chip.Name, err)
				}
			}
		})
	}
	if _, err := (chipSet{"gpiochip0": "!"}).list("gpiochip0"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want that it is not permitted", err)
	}
	if _, err := (chipSet{}).list(); !errors.Is(err, ErrNoChip) {
		t.Errorf("got %v, want that there is none", err)
	}
}
