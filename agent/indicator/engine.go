package indicator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deskbell/gpio"
)

// engine turns rules, commands and the view of the desk into one pattern for each output. It is pure: it is told the time, by
// the store's running clock, and asks the configuration for that of the wall where there are quiet hours.
type engine struct {
	outputs  []Output
	patterns map[string]gpio.Pattern // beside the built-in ones
	groups   *groups
	rules    []rule     // one for each group among its outputs
	fired    []fired    // by rule: its last signal
	held     []held     // by rule: since when its condition holds
	set      []standing // by output: what Set asked for
	test     []standing // by output: what Test asked for
	mute     muting
	quiet    quietness
	clock    func() (now time.Time, set bool) // on the wall, see Config.wallClock
	pressed  time.Duration                    // when a button was, if one ever was
	answers  bool
	settled  bool                         // decide was called
	listen   func(rule int, what outcome) // what a happening does to a rule; nil: nobody wants to know
	dirty    map[string]bool              // entries to write
	about    subject                      // the event that is looked at
}

// standing is a pattern that somebody asked for by hand.
type standing struct {
	pattern gpio.Pattern  // without steps: nothing
	from    time.Duration // when it was asked for
	until   time.Duration // 0: until it is taken away
}

// muting is when the sounding outputs are silent.
type muting struct {
	From, Until time.Duration // not muted while Until is 0
	Wall        int64         // Unix time of its end where the clock was set when it began; 0: nobody knows
	again       bool          // it began before this start
}

// shown is what one output is to show.
type shown struct {
	pattern string // its name, and why it is shown, for people
	reason  string
	play    gpio.Pattern  // what the board plays: the pattern, or the blip over it
	from    time.Duration // of a pattern that is played once: which time; of one that repeats: when it began
}

// What says "muted" on a light, and how long a flash is.
const (
	blipEvery = 30 * time.Second
	blipLasts = 80 * time.Millisecond
)

// newEngine returns every fault of the configuration, as Config.Validate does.
func newEngine(c Config) (*engine, []error) {
	e := &engine{
		outputs: slices.Clone(c.Outputs), patterns: c.Patterns, clock: c.wallClock(),
		set: make([]standing, len(c.Outputs)), test: make([]standing, len(c.Outputs)), dirty: map[string]bool{},
	}
	for i := range e.outputs {
		if e.outputs[i].Kind == "" {
			e.outputs[i].Kind = gpio.Light
		}
	}
	b := &builder{engine: e, config: c}
	b.people = slices.Sorted(maps.Keys(c.People))
	var faults []error
	e.groups, faults = newGroups(c.People)
	b.faults = append(b.faults, faults...)
	e.groups.only = b.expr("desk.only", c.Only, ofConversation)
	b.checkPatterns()
	for _, o := range e.outputs {
		for n, w := range o.Only {
			if strings.TrimSpace(w) == "" {
				b.fault(fmt.Sprintf("output.%s.only.%d", o.Name, n), "a name, an e-mail or an id is needed")
				continue
			}
			e.groups.doubt(fmt.Sprintf("output.%s.only", o.Name), w)
		}
	}
	for n, r := range c.Rules {
		b.rule(n, r)
	}
	b.quiet()
	if n := len(e.groups.list); n > maxGroups {
		b.fault("rule", "of and only make %d groups of conversations, and there can be %d: use fewer different ones", n, maxGroups)
	}
	e.rules = append(e.rules, health(e.outputs)...)
	e.fired, e.held = make([]fired, len(e.rules)), make([]held, len(e.rules))
	for i := range e.rules {
		e.held[i].steps = make([]beat, len(e.rules[i].steps))
	}
	return e, b.faults
}

// decide says what each output is to show now, and when that changes by time alone.
func (e *engine) decide(v view) ([]shown, deadline) {
	var next deadline
	e.unmute(v.now, &next)
	e.hush(&v, &next)
	for i := range e.rules {
		e.hold(i, &v, &next)
	}
	e.settled = true
	list := make([]shown, len(e.outputs))
	for o := range e.outputs {
		list[o] = e.decideOne(o, v.now, &next)
		e.answer(o, &list[o], v.now, &next)
	}
	return list, next
}

func (e *engine) decideOne(o int, now time.Duration, next *deadline) shown {
	if s := e.test[o].at(now, next); s != nil {
		return playing(s.pattern, "test", s.from)
	}
	if s, ok := e.over(o, now, next); ok && e.set[o].at(now, next) == nil {
		return s
	}
	muted := e.mute.Until != 0
	show := shown{pattern: "off", play: gpio.Steady(false)}
	if s := e.set[o].at(now, next); s == nil {
		e.take(o)
		show = e.ranked(o, now, next)
	} else if muted && e.outputs[o].sounds() && !s.pattern.Equal(show.play) {
		show = e.ranked(o, now, next) // what may not sound stands in nobody's way
	} else {
		show = playing(s.pattern, "set by hand", s.from)
	}
	switch {
	case muted && e.outputs[o].sounds(): // first, as in silenced
		show.reason = cmp.Or(show.reason, "muted")
	case e.quiet.silenced[o]:
		show.reason = cmp.Or(show.reason, quietHours)
	case muted && e.outputs[o].Kind == gpio.Light:
		show.blip(e.mute.From, now, next)
	}
	return show
}

// ranked is what the first rule asks of an output that asks and may.
func (e *engine) ranked(o int, now time.Duration, next *deadline) shown {
	show := shown{pattern: "off", play: gpio.Steady(false)}
	for i := range e.rules {
		s, ok := e.asks(i, o, now, next)
		if !ok {
			continue
		}
		if why := e.silenced(&e.rules[i], o); why != "" {
			if show.reason == "" {
				show.reason = why
			}
			continue
		}
		if e.covered(o, &s) {
			continue
		}
		return s
	}
	return show
}

func playing(p gpio.Pattern, reason string, from time.Duration) shown {
	return shown{pattern: p.Name, reason: reason, play: p, from: from}
}

// blip marks what a light shows as muted: every 30 s it lights up for 80 ms, or goes out where it is steadily on. What people
// are told it shows stays the same.
func (s *shown) blip(since, now time.Duration, next *deadline) {
	start := since + (now-since)/blipEvery*blipEvery
	if !s.flash(start, now, next) {
		next.by(start + blipEvery)
	}
	if s.reason == "" {
		s.reason = "muted"
	} else {
		s.reason += " (muted)"
	}
}

// flash puts a flash of 80 ms that begins at start over what a light shows, or a dark moment where it is steadily on. It
// returns false when that is over.
func (s *shown) flash(start, now time.Duration, next *deadline) bool {
	steadyOn := s.play.Equal(gpio.Steady(true))
	lasts := blipLasts
	if !steadyOn {
		lasts += 2 * gap // dark before it, dark after it
	}
	if now >= start+lasts {
		return false
	}
	s.play = gpio.Pattern{Name: s.pattern, Steps: []gpio.Step{{On: !steadyOn, For: blipLasts}}}
	s.from = start
	next.by(start + lasts)
	return true
}

// at returns s while it stands.
func (s *standing) at(now time.Duration, next *deadline) *standing {
	if s.pattern.Steps == nil || s.until != 0 && now >= s.until {
		return nil
	}
	if s.until != 0 {
		next.by(s.until)
	}
	return s
}

// replaces reports whether the board has to be told to show s in place of old.
func (s shown) replaces(old shown) bool {
	if !s.play.Equal(old.play) {
		return true
	}
	return !s.goesOn() && s.from != old.from
}

// goesOn says that s does not end by itself.
func (s *shown) goesOn() bool {
	return s.play.Repeat || len(s.play.Steps) == 1 && s.play.Steps[0].For == 0
}
