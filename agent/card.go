package agent

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// Card is the sheet that lies at the desk: what the lights and sounds of a
// configuration mean, in words.
type Card struct {
	Device  string        `json:"device"`
	Outputs []CardOutputs `json:"outputs"`
	Lights  []CardLine    `json:"lights"` // what all lights show beside that
	Buttons []CardButton  `json:"buttons"`
	Quiet   []string      `json:"quiet"` // a sentence each
}

// CardOutputs are outputs that show the same.
type CardOutputs struct {
	Names []string   `json:"names"`
	Kind  string     `json:"kind"`
	Only  []string   `json:"only"`  // whose conversations count; empty: all
	Lines []CardLine `json:"lines"` // an earlier one goes before a later one
}

// CardLine is one thing that an output shows.
type CardLine struct {
	Rule    string `json:"rule"`
	Pattern string `json:"pattern"`
	Looks   string `json:"looks"` // "Slow pulse"; of a sound, how it sounds
	Means   string `json:"means"`
}

// CardButton is one input.
type CardButton struct {
	Name  string `json:"name"`
	Press string `json:"press,omitempty"` // what a short press is for: "to say that …"; empty: nothing
	Hold  string `json:"hold,omitempty"`  // likewise of a long one: "for 5 seconds to …"
	Lock  bool   `json:"lock"`            // it does nothing until it is unlocked
}

// Card makes the sheet from the rules and outputs in force.
func (c Config) Card() Card {
	card := Card{Device: c.Device, Outputs: []CardOutputs{}, Lights: c.ownLines(), Buttons: []CardButton{}, Quiet: []string{}}
	outputs, _ := c.outputs()
	names := slices.SortedFunc(maps.Keys(outputs), func(a, b string) int { // lights first
		return cmp.Or(cmp.Compare(rank(outputs[a].Kind), rank(outputs[b].Kind)), cmp.Compare(a, b))
	})
	for _, name := range names {
		o := outputs[name]
		one := CardOutputs{Names: []string{name}, Kind: o.Kind, Only: append([]string{}, o.Only...), Lines: c.cardLines(name, o.Kind)}
		at := slices.IndexFunc(card.Outputs, func(other CardOutputs) bool {
			return other.Kind == one.Kind && slices.Equal(other.Only, one.Only) && slices.Equal(other.Lines, one.Lines)
		})
		if at >= 0 {
			card.Outputs[at].Names = append(card.Outputs[at].Names, name)
		} else {
			card.Outputs = append(card.Outputs, one)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Input)) {
		in := c.Input[name]
		b := CardButton{Name: name, Press: doesWords(in.Press), Lock: in.Lock}
		if in.Hold != "" {
			b.Hold = fmt.Sprintf("for %s %s", inWords(time.Duration(in.HoldFor)), doesWords(in.Hold))
		}
		card.Buttons = append(card.Buttons, b)
	}
	chirps := false
	for _, q := range c.Quiet {
		card.Quiet = append(card.Quiet, quietWords(q))
		for name, o := range outputs {
			chirps = chirps || gpio.Sounds(o.Kind) && slices.ContainsFunc(q.Silence, func(s string) bool {
				return s == indicator.Sounds || s == indicator.AllOutputs || s == name
			})
		}
	}
	if chirps {
		card.Quiet = append(card.Quiet, "One chirp when they end: somebody has waited meanwhile")
	}
	return card
}

func rank(kind string) int {
	return slices.Index([]string{gpio.Light, gpio.Relay, gpio.Buzzer, gpio.Tone}, kind)
}

// cardLines are the lines of one output.
func (c Config) cardLines(output, kind string) []CardLine {
	group := indicator.Lights
	if gpio.Sounds(kind) {
		group = indicator.Sounds
	}
	patterns, lines := c.patterns(nil), []CardLine{}
	add := func(r indicator.Rule, show map[string]string, means string) {
		name, ok := show[output]
		if !ok {
			name, ok = show[group]
		}
		if !ok {
			return
		}
		p, own := patterns[name]
		if !own {
			p, _ = gpio.Builtin(name)
		}
		p.Name = name
		if r.Critical {
			means += "; in quiet hours and when muted too"
		}
		lines = append(lines, CardLine{r.Name, name, looks(p, kind, r), means})
	}
	for _, r := range c.rules() {
		means := meaning(r)
		for _, e := range slices.Backward(bySteps(r.Escalate)) { // a later step goes before an earlier one
			step := indicator.Rule{Name: r.Name, Every: e.Repeat, Critical: r.Critical}
			add(step, e.Show, fmt.Sprintf("%s, for %s or longer", means, inWords(e.After)))
		}
		add(r, r.Show, means)
	}
	return lines
}

// ownLines are what each light shows of the box itself, whatever the rules are.
func (c Config) ownLines() []CardLine {
	lights, sounds := false, false
	outputs, _ := c.outputs()
	for _, o := range outputs {
		lights = lights || o.Kind == gpio.Light
		sounds = sounds || gpio.Sounds(o.Kind)
	}
	if !lights {
		return []CardLine{}
	}
	lines := []CardLine{}
	for _, r := range indicator.Health() {
		p := gpio.Pattern{Name: r.Show[indicator.Lights], Steps: []gpio.Step{{On: true, For: time.Second}}, Repeat: true}
		lines = append(lines, CardLine{r.Name, p.Name, looks(p, gpio.Light, r), r.Name + "; look at the page"})
	}
	lines = append(lines, CardLine{indicator.Starting.Name, indicator.Starting.Name, "A short flash each second", "it is starting"})
	if sounds {
		lines = append(lines, CardLine{"muted", "", "A flash every 30 seconds amid the rest", "the sounds are muted"})
	}
	if len(c.Input) > 0 {
		lines = append(lines, CardLine{"pressed", "", "One flash", "a button was pressed"})
	}
	return lines
}

func bySteps(list []indicator.Escalation) []indicator.Escalation {
	return slices.SortedStableFunc(slices.Values(list), func(a, b indicator.Escalation) int { return cmp.Compare(a.After, b.After) })
}

// Print writes the sheet.
func (c Card) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "What the lights and sounds of %s mean. An upper line goes before a lower one.\n", c.Device)
	for _, o := range c.Outputs {
		kind := o.Kind
		if len(o.Names) > 1 {
			kind += "s"
		}
		fmt.Fprintf(&b, "\n%s (%s)", listed(o.Names), kind)
		if len(o.Only) > 0 {
			fmt.Fprintf(&b, ", for conversations of %s alone", listed(o.Only))
		}
		b.WriteString("\n")
		if len(o.Lines) == 0 {
			b.WriteString("  It shows nothing: no rule names it.\n")
		}
		for _, l := range o.Lines {
			fmt.Fprintf(&b, "  %s: %s\n", l.Looks, l.Means)
		}
	}
	if len(c.Lights) > 0 {
		b.WriteString("\nany light, beside that\n")
	}
	for _, l := range c.Lights {
		fmt.Fprintf(&b, "  %s: %s\n", l.Looks, l.Means)
	}
	for _, in := range c.Buttons {
		fmt.Fprintf(&b, "\nbutton %s\n", in.Name)
		if in.Press != "" {
			fmt.Fprintf(&b, "  Press it %s\n", in.Press)
		}
		if in.Hold != "" {
			fmt.Fprintf(&b, "  Hold it %s\n", in.Hold)
		}
		if in.Lock {
			b.WriteString("  It is locked: until it is unlocked it does nothing.\n")
		}
	}
	if len(c.Quiet) > 0 {
		b.WriteString("\nquiet hours\n")
	}
	for _, q := range c.Quiet {
		fmt.Fprintf(&b, "  %s\n", q)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
