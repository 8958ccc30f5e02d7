package gpio

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Step is one part of a pattern: a level and how long it lasts. A step that lasts 0 lasts for ever.
type Step struct {
	On  bool
	For time.Duration
}

// Pattern is a sequence of levels. One that repeats begins again after its last step; one that does not is over then, and
// its output is off: there is no need to show "off" after it. A pattern is a value; its steps are not to be changed once it
// was shown.
type Pattern struct {
	Name   string // for people, see State; ParsePattern leaves it empty
	Steps  []Step
	Repeat bool
	Tune   *Tune // what an output that can sings instead of one pitch, its notes being the steps: see Tune.Pattern; mostly nil
}

// Bounds of a pattern that ParsePattern accepts. They keep it visible and audible, and the timer that plays it idle.
const (
	minStep  = 10 * time.Millisecond
	maxStep  = time.Hour
	maxSteps = 64
)

// Steady is "on" or "off" for ever.
func Steady(on bool) Pattern {
	name := "off"
	if on {
		name = "on"
	}
	return Pattern{Name: name, Steps: []Step{{On: on}}}
}

// Patterns returns the names of the built-in patterns.
func Patterns() []string {
	return []string{"off", "on", "blink", "fast", "pulse", "double", "triple", "chirp", "alarm"}
}

// Builtin returns the built-in pattern of that name, as it is shown on a light. On a buzzer only "alarm" is meant to go on
// without being told how long: see [Pattern.Once].
func Builtin(name string) (Pattern, bool) {
	const ms = time.Millisecond
	p := Pattern{Name: name, Repeat: true}
	switch name {
	case "off", "on":
		return Steady(name == "on"), true
	case "blink":
		p.Steps = []Step{{true, 500 * ms}, {false, 500 * ms}}
	case "fast":
		p.Steps = []Step{{true, 125 * ms}, {false, 125 * ms}}
	case "pulse":
		p.Steps = []Step{{true, 1000 * ms}, {false, 1000 * ms}}
	case "double":
		p.Steps = []Step{{true, 150 * ms}, {false, 150 * ms}, {true, 150 * ms}, {false, 1550 * ms}}
	case "triple":
		p.Steps = []Step{{true, 150 * ms}, {false, 150 * ms}, {true, 150 * ms}, {false, 150 * ms}, {true, 150 * ms}, {false, 2250 * ms}}
	case "chirp":
		p.Steps, p.Repeat = []Step{{true, 80 * ms}}, false
	case "alarm":
		p.Steps = []Step{{true, 400 * ms}, {false, 200 * ms}}
	default:
		return Pattern{}, false
	}
	return p, true
}

// onceOn is how long a steady "on" lasts when it is to sound once.
const onceOn = time.Second

// Once returns the pattern as it is on a buzzer that was not told how long: one period, then off. "alarm" stays as it is,
// because an alarm goes on until it is ended; a steady "on" becomes one second.
func (p Pattern) Once() Pattern {
	if p.Name == "alarm" {
		return p
	}
	if p.steady() && p.Steps[0].On {
		p.Steps = []Step{{On: true, For: onceOn}}
	}
	p.Repeat = false
	return p
}

// Period is how long the steps last together; 0 for a steady pattern.
func (p Pattern) Period() time.Duration {
	var sum time.Duration
	for _, s := range p.Steps {
		sum += s.For
	}
	return sum
}

// at returns the step of a pattern that repeats which is played that long after its beginning, and for how long it was already.
func (p Pattern) at(into time.Duration) (step int, ago time.Duration) {
	period := p.Period()
	if into <= 0 || period == 0 {
		return 0, 0
	}
	into %= period
	for into >= p.Steps[step].For {
		into -= p.Steps[step].For
		step++
	}
	return step, into
}

// Equal reports whether both show the same under the same name.
func (p Pattern) Equal(q Pattern) bool {
	return p.Name == q.Name && p.Repeat == q.Repeat && slices.Equal(p.Steps, q.Steps) && p.Tune.equal(q.Tune)
}

// String is the form that ParsePattern reads, such as "100ms on, 100ms off, repeat"; "on" or "off" for a steady one. For a tune
// it is the form that ParseTune reads.
func (p Pattern) String() string {
	if p.Tune != nil {
		return p.Tune.String()
	}
	if p.steady() {
		return Steady(p.Steps[0].On).Name
	}
	var parts []string
	for _, s := range p.Steps {
		parts = append(parts, s.For.String()+" "+Steady(s.On).Name)
	}
	if p.Repeat {
		parts = append(parts, "repeat")
	}
	return strings.Join(parts, ", ")
}

// ParsePattern reads a pattern written as steps: "100ms on, 100ms off, repeat". Without "repeat" it is shown once. A step
// lasts 10ms to 1h; there are at most 64, and one of them is on: what is never on would be a signal that nobody sees. What
// repeats and is never off is "on". "on" and "off" alone are steady; the names of the other built-in patterns are not read here:
// see Builtin.
func ParsePattern(s string) (Pattern, error) {
	var p Pattern
	if word := strings.TrimSpace(s); word == "on" || word == "off" {
		p.Steps = Steady(word == "on").Steps
		return p, nil
	}
	parts := strings.Split(s, ",")
	for i, part := range parts {
		words := strings.Fields(part)
		if len(words) == 1 && words[0] == "repeat" && i == len(parts)-1 && i > 0 {
			p.Repeat = true
			continue
		}
		if len(words) != 2 || words[1] != "on" && words[1] != "off" {
			return Pattern{}, fmt.Errorf("%q is not a step such as \"100ms on\"", strings.TrimSpace(part))
		}
		d, err := time.ParseDuration(words[0])
		if err != nil {
			return Pattern{}, fmt.Errorf("%q is not a duration such as \"100ms\"", words[0])
		}
		if d < minStep || d > maxStep {
			return Pattern{}, fmt.Errorf("%q is not between %v and %v", words[0], minStep, maxStep)
		}
		if len(p.Steps) == maxSteps {
			return Pattern{}, fmt.Errorf("more than %d steps", maxSteps)
		}
		p.Steps = append(p.Steps, Step{On: words[1] == "on", For: d})
	}
	on, off := p.levels()
	if !on {
		return Pattern{}, errors.New("no step is on: nobody would see it")
	}
	if p.Repeat && !off {
		p.Steps, p.Repeat = Steady(true).Steps, false
	}
	return p, nil
}

// levels reports which of the two levels its steps have.
func (p Pattern) levels() (on, off bool) {
	for _, s := range p.Steps {
		on, off = on || s.On, off || !s.On
	}
	return on, off
}

// once reports whether it is over after its last step.
func (p Pattern) once() bool { return !p.Repeat && !p.steady() }

func (p Pattern) steady() bool { return len(p.Steps) == 1 && p.Steps[0].For == 0 }

// check refuses a pattern that could not be played: one without steps, or with a step that never ends before the last.
func (p Pattern) check() error {
	if len(p.Steps) == 0 {
		return errors.New("it has no steps")
	}
	for i, s := range p.Steps {
		if s.For < 0 || s.For == 0 && (i < len(p.Steps)-1 || p.Repeat && i > 0) {
			return fmt.Errorf("step %d lasts %v", i+1, s.For)
		}
	}
	return nil
}
