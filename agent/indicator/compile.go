package indicator

import (
	"errors"
	"fmt"
	"time"

	"deskbell/gpio"
)

// rule is a Rule with its patterns found.
type rule struct {
	Rule
	cond   Condition
	shows  []*shows // by output; nil: it asks nothing of it
	filter int      // which conversations it counts, see engine.filters
	entry  string   // the name of what is kept of it
}

// shows is what a rule asks of one output.
type shows struct {
	pattern gpio.Pattern
	lasts   time.Duration // of On, from the last event: how long it is shown; 0: once
	once    time.Duration // how long once takes
}

// Shortest and default times of what is shown.
const (
	atLeast     = time.Second           // a single sound holds its output so long, so that a person and a broker see it
	gap         = 80 * time.Millisecond // what the board may put before a pattern that does not repeat
	lightFor    = 5 * time.Second       // of an event's light without For
	alarmAtMost = time.Minute           // of an event's alarm without For
)

// compile finds the patterns of a rule. The error joins all faults.
func compile(r Rule, outputs []Output) (rule, error) {
	c := rule{Rule: r, shows: make([]*shows, len(outputs))}
	var faults []error
	if len(r.On) == 0 {
		if c.cond, faults = conditionOf(r); len(faults) > 0 {
			return c, errors.Join(faults...)
		}
	}
	for to, name := range r.Show {
		p, ok := gpio.Builtin(name)
		if !ok {
			faults = append(faults, fmt.Errorf("rule %q: %w %q", r.Name, ErrUnknownPattern, name))
			continue
		}
		named := false
		for i, o := range outputs {
			switch {
			case to == o.Name:
				named = true
			case to != o.group() || r.Show[o.Name] != "":
				continue
			}
			c.shows[i] = asked(p, &r, o)
		}
		if !named && to != Lights && to != Sounds {
			faults = append(faults, fmt.Errorf("rule %q: %w %q", r.Name, ErrUnknownOutput, to))
		}
	}
	return c, errors.Join(faults...)
}

func asked(p gpio.Pattern, r *Rule, o Output) *shows {
	s := &shows{pattern: p, lasts: r.For}
	switch {
	case r.Every > 0 || o.sounds() && r.For == 0:
		s.pattern = p.Once()
		s.once = onceTakes(p)
		if s.pattern.Repeat { // an alarm goes on
			s.lasts = alarmAtMost
		}
	case r.For == 0:
		s.lasts = lightFor
	}
	return s
}

// onceTakes is how long it takes to show a pattern once.
func onceTakes(p gpio.Pattern) time.Duration { return max(atLeast, p.Once().Period()+gap) }

func (o Output) sounds() bool { return o.Kind == gpio.Buzzer || o.Kind == gpio.Tone }

func (o Output) group() string {
	if o.sounds() {
		return Sounds
	}
	return Lights
}
