package indicator

import (
	"maps"
	"slices"

	"deskbell/gpio"
)

// pattern finds a pattern by its name: one of the configuration, or a built-in one.
func (e *engine) pattern(name string) (gpio.Pattern, bool) {
	if p, ok := e.patterns[name]; ok {
		p.Name = name
		return p, true
	}
	return gpio.Builtin(name)
}

func (e *engine) patternNames() []string {
	return append(gpio.Patterns(), slices.Sorted(maps.Keys(e.patterns))...)
}

// Patterns returns the names of all patterns that an output can be asked for.
func (i *Indicator) Patterns() []string { return i.core.engine.patternNames() }

// checkPatterns looks at the patterns of the configuration.
func (b *builder) checkPatterns() {
	for _, name := range slices.Sorted(maps.Keys(b.config.Patterns)) {
		p := b.config.Patterns[name]
		key := "pattern." + name
		if p.Tune != nil {
			key = "tune." + name
		}
		_, taken := gpio.Builtin(name)
		switch {
		case name == "":
			b.fault(key, "a pattern needs a name")
		case taken:
			b.fault(key, "%s is a built-in pattern: take another name", name)
		case len(p.Steps) == 0:
			b.fault(key, "it has no steps: write it like \"100ms on, 100ms off, repeat\"")
		case !lit(p):
			b.fault(key, "it is never on: who waits would be without a light")
		}
	}
}

// byHand finds a pattern as it is shown on an output at somebody's wish. Without a time, a sounding output plays it once, unless
// it is steady; a relay is steadily on, or once for a second.
func (e *engine) byHand(o int, name string, timed bool) (gpio.Pattern, bool) {
	p, ok := e.pattern(name)
	switch {
	case !ok || !lit(p):
	case e.outputs[o].Kind == gpio.Relay && (p.Repeat || p.Period() == 0):
		p = relayOn(p)
	case e.outputs[o].Kind == gpio.Relay:
		p = relayOnce(p)
	case !timed && e.outputs[o].sounds() && p.Period() > 0:
		p = p.Once()
	}
	return p, ok
}

// relayOn and relayOnce are what a relay does for a pattern: it clacks, and what hangs on it is not made for blinking.
func relayOn(p gpio.Pattern) gpio.Pattern {
	return gpio.Pattern{Name: p.Name, Steps: gpio.Steady(true).Steps}
}

func relayOnce(p gpio.Pattern) gpio.Pattern {
	return gpio.Pattern{Name: p.Name, Steps: []gpio.Step{{On: true, For: relayPulse}}}
}
