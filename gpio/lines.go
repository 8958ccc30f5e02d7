package gpio

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Chip is one gpiochip of this machine.
type Chip struct {
	Name   string `json:"name"`   // "gpiochip0"
	Label  string `json:"label"`  // "pinctrl-bcm2835"
	Header bool   `json:"header"` // it has the 40-pin header: pins are looked for here
	Lines  []Line `json:"lines"`

	links []string // more names of it: on a Pi 5 gpiochip4, as it was called first, is a link to gpiochip0
}

// called reports whether a chip goes by that name, or has that label.
func (c Chip) called(name string) bool {
	return c.Name == name || c.Label == name || slices.Contains(c.links, name)
}

// Line is one line of a chip.
type Line struct {
	Number    int    `json:"number"`
	Name      string `json:"name"`      // "GPIO17"; empty where the board gives none
	Consumer  string `json:"consumer"`  // who holds it; empty when nobody does, or somebody who gives no name
	Used      bool   `json:"used"`      // held by a program or the kernel
	Direction string `json:"direction"` // "input" or "output"
	ActiveLow bool   `json:"active_low"`
}

// Lines lists the gpiochips of this machine with all their lines, the one that has the 40-pin header first. It claims no
// line and changes nothing. [ErrNoChip] where there is no gpiochip; an error that is [fs.ErrPermission] names the devices
// that this user may not open, when there is none that it may.
func Lines() ([]Chip, error) { return listChips() }

// FindLine finds a pin of a configuration among chips as [Lines] gives them: chip is [Config.Chip]. [ErrNoLine] where there is
// none. A [Tone] is looked for by [FindTone].
func FindLine(chips []Chip, chip, pin string) (Chip, Line, error) {
	c, number, err := findLine(chips, chip, pin)
	if err != nil {
		return Chip{}, Line{}, err
	}
	return c, c.Lines[number], nil
}

// headerLabel begins the label of the chip that has the 40-pin header: pinctrl-bcm2835 (Pi 0 to 3), pinctrl-bcm2711 (Pi 4),
// pinctrl-rp1 (Pi 5), by the kernel's drivers of these names. Its number differs: it was gpiochip4 on early Pi 5 kernels.
const headerLabel = "pinctrl-"

// markHeader marks the chip that has the header and puts it first.
func markHeader(chips []Chip) {
	slices.SortStableFunc(chips, func(a, b Chip) int {
		return cmp.Compare(boolInt(strings.HasPrefix(b.Label, headerLabel)), boolInt(strings.HasPrefix(a.Label, headerLabel)))
	})
	chips[0].Header = strings.HasPrefix(chips[0].Label, headerLabel)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// findLine finds a pin among the chips: "gpiochipN:NUMBER" on that chip, a name on the chip that was asked for by name or
// label, else on the one with the header, else, on a machine that has none such, on any.
func findLine(chips []Chip, wanted, pin string) (Chip, int, error) {
	if name, digits, ok := strings.Cut(pin, ":"); ok && strings.HasPrefix(name, "gpiochip") {
		i := slices.IndexFunc(chips, func(c Chip) bool { return c.called(name) })
		if i < 0 {
			return Chip{}, 0, fmt.Errorf("%w: there is no %s, only %s", ErrNoLine, name, chipNames(chips))
		}
		number, err := strconv.Atoi(digits)
		if err != nil || number < 0 || number >= len(chips[i].Lines) {
			return Chip{}, 0, fmt.Errorf("%w: %s has the lines 0 to %d, not %q", ErrNoLine, name, len(chips[i].Lines)-1, digits)
		}
		return chips[i], number, nil
	}
	search := chips
	switch {
	case wanted != "":
		i := slices.IndexFunc(chips, func(c Chip) bool { return c.called(wanted) })
		if i < 0 {
			return Chip{}, 0, fmt.Errorf("%w: there is no chip %q, only %s", ErrNoLine, wanted, chipNames(chips))
		}
		search = chips[i : i+1]
	case len(chips) > 0 && chips[0].Header:
		search = chips[:1]
	}
	if c, number, ok := lineNamed(search, pin); ok {
		return c, number, nil
	}
	err := fmt.Errorf("%w: %q is not on %s", ErrNoLine, pin, chipNames(search))
	if c, number, ok := lineNamed(chips, pin); ok {
		return Chip{}, 0, fmt.Errorf("%w, but on %s: write %s:%d", err, chipNames([]Chip{c}), c.Name, number)
	}
	if near := nearNames(search, pin); len(near) > 0 {
		return Chip{}, 0, fmt.Errorf("%w; did you mean %s", err, strings.Join(near, " or "))
	}
	return Chip{}, 0, fmt.Errorf("%w; deskbell gpio list shows what there is", err)
}

func lineNamed(chips []Chip, name string) (Chip, int, bool) {
	for _, c := range chips {
		for _, l := range c.Lines {
			if l.Name == name && name != "" {
				return c, l.Number, true
			}
		}
	}
	return Chip{}, 0, false
}

func chipNames(chips []Chip) string {
	var names []string
	for _, c := range chips {
		names = append(names, c.Name+" ("+c.Label+")")
	}
	return strings.Join(names, ", ")
}

// nearNames returns up to three line names that somebody who wrote pin may have meant, the likeliest first: those with
// the same digits ("17", "BCM17"), then those that differ in at most two letters.
func nearNames(chips []Chip, pin string) []string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, c := range chips {
		for _, l := range c.Lines {
			if l.Name == "" {
				continue
			}
			d := distance(strings.ToUpper(pin), strings.ToUpper(l.Name))
			if digits(pin) != "" && digits(pin) == digits(l.Name) {
				d = min(d, 1)
			}
			if d <= 2 {
				found = append(found, near{l.Name, d})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, n := range found[:min(len(found), 3)] {
		names = append(names, n.name)
	}
	return names
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// distance is the number of letters to insert, remove or replace that makes b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal + boolInt(a[i] != b[j])
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
