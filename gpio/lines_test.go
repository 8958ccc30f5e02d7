package gpio

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// pi is what the kernel shows of a Raspberry Pi 3: an expander and the chip that has the header.
func pi(t *testing.T) []Chip {
	t.Helper()
	expander := Chip{Name: "gpiochip1", Label: "raspberrypi-exp-gpio"}
	for i, name := range []string{"BT_ON", "WL_ON", "PWR_LED_R", "LAN_RUN", "", "CAM_GPIO0", "CAM_GPIO1", ""} {
		expander.Lines = append(expander.Lines, Line{Number: i, Name: name})
	}
	header := Chip{Name: "gpiochip0", Label: "pinctrl-bcm2835"}
	for i := range 54 {
		name := fmt.Sprintf("GPIO%d", i)
		if i == 0 || i == 1 {
			name = []string{"ID_SDA", "ID_SCL"}[i]
		}
		if i > 27 {
			name = ""
		}
		header.Lines = append(header.Lines, Line{Number: i, Name: name})
	}
	chips := []Chip{expander, header}
	markHeader(chips)
	if !chips[0].Header || chips[0].Name != "gpiochip0" || chips[1].Header {
		t.Fatalf("the header was seen on the wrong chip: %s", chipNames(chips))
	}
	return chips
}

func TestFindLine(t *testing.T) {
	plain := []Chip{{Name: "gpiochip0", Label: "a", Lines: []Line{{0, "X", "", false, "input", false}}},
		{Name: "gpiochip1", Label: "b", Lines: []Line{{0, "", "", false, "input", false}, {1, "Y", "", false, "input", false}}}}
	for name, c := range map[string]struct {
		chips     []Chip
		chip, pin string
		want      string // "gpiochip0 17", or "!" and what the error says
	}{
		"a pin by its name":                                   {pi(t), "", "GPIO17", "gpiochip0 17"},
		"a pin by chip and number":                            {pi(t), "", "gpiochip1:4", "gpiochip1 4"},
		"chip and number do not care which chip is asked for": {pi(t), "pinctrl-bcm2835", "gpiochip1:4", "gpiochip1 4"},
		"a chip by its label":                                 {pi(t), "raspberrypi-exp-gpio", "BT_ON", "gpiochip1 0"},
		"a chip by its name":                                  {pi(t), "gpiochip1", "WL_ON", "gpiochip1 1"},
		"without a header any chip will do":                   {plain, "", "Y", "gpiochip1 1"},
		"a pin that only looks alike":                         {pi(t), "", "GPIO28", `!no such line: "GPIO28" is not on gpiochip0 (pinctrl-bcm2835); did you mean GPIO2 or GPIO8 or GPIO18`},
		"only the number":                                     {pi(t), "", "17", "!did you mean GPIO17"},
		"another board's way of writing":                      {pi(t), "", "BCM_27", "!did you mean GPIO27"},
		"lower case":                                          {pi(t), "", "gpio5", "!did you mean GPIO5"},
		"nothing near":                                        {pi(t), "", "lantern", "!is not on gpiochip0 (pinctrl-bcm2835); deskbell gpio list"},
		"a pin of another chip":                               {pi(t), "", "BT_ON", "!but on gpiochip1 (raspberrypi-exp-gpio): write gpiochip1:0"},
		"a pin that the asked chip does not have":             {pi(t), "gpiochip1", "GPIO17", "!but on gpiochip0 (pinctrl-bcm2835): write gpiochip0:17"},
		"a chip that is not there":                            {pi(t), "gpiochip9", "GPIO17", `!there is no chip "gpiochip9", only gpiochip0 (pinctrl-bcm2835), gpiochip1 (raspberrypi-exp-gpio)`},
		"chip and number of a chip that is not there":         {pi(t), "", "gpiochip9:1", "!there is no gpiochip9"},
		"a number past the end":                               {pi(t), "", "gpiochip1:8", `!gpiochip1 has the lines 0 to 7, not "8"`},
		"a number below the beginning":                        {pi(t), "", "gpiochip1:-1", "!has the lines 0 to 7"},
		"an empty name is not the first line without one":     {pi(t), "", "", "!no such line"},
	} {
		t.Run(name, func(t *testing.T) {
			chip, number, err := findLine(c.chips, c.chip, c.pin)
			if want, bad := strings.CutPrefix(c.want, "!"); bad {
				if !errors.Is(err, ErrNoLine) || !strings.Contains(err.Error(), want) {
					t.Errorf("got %s %d and the error %v, want one that says %s", chip.Name, number, err, want)
				}
			} else if got := fmt.Sprintf("%s %d", chip.Name, number); err != nil || got != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}
