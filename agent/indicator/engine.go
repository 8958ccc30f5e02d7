package indicator

import (
	"errors"
	"slices"
	"time"

	"deskbell/agent/event"
	"deskbell/gpio"
)

// engine turns rules, commands and the view of the desk into one pattern for each output. It is pure: it is told the time, by
// the store's running clock.
type engine struct {
	outputs []Output
	filters []filter
	rules   []rule     // one for each filter among its outputs
	fired   []fired    // by rule: its last signal
	held    []held     // by rule: since when its condition holds
	set     []standing // by output: what Set asked for
	test    []standing // by output: what Test asked for
	mute    muting
	pressed time.Duration // when a button was, if one ever was
	answers bool
	settled bool            // decide was called
	listen  judge           // nil: nobody wants to know
	dirty   map[string]bool // entries to write
}

// fired is the signal that the events of one rule make together.
type fired struct {
	First, Last time.Duration // when the signal began; the newest event's
	Count       int           // 0: there was none
}

// held says since when a state holds its rule.
type held struct {
	holds bool
	since time.Duration
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
}

// shown is what one output is to show.
type shown struct {
	pattern string // its name, and why it is shown, for people
	reason  string
	play    gpio.Pattern  // what the board plays: the pattern, or the blip over it
	from    time.Duration // of a pattern that is played once: which time
}

// recent is how old an event may be to make a signal.
const recent = time.Minute

// What says "muted" on a light, and how long a flash is.
const (
	blipEvery = 30 * time.Second
	blipLasts = 80 * time.Millisecond
)

func newEngine(outputs []Output, rules []Rule) (*engine, error) {
	outputs = slices.Clone(outputs)
	for i := range outputs {
		if outputs[i].Kind == "" {
			outputs[i].Kind = gpio.Light
		}
	}
	e := &engine{
		outputs: outputs,
		set:     make([]standing, len(outputs)), test: make([]standing, len(outputs)), dirty: map[string]bool{},
	}
	var of []int
	e.filters, of = filtersOf(outputs)
	var faults []error
	for _, r := range rules {
		c, err := compile(r, outputs)
		e.rules, faults = append(e.rules, c.split(e.filters, of)...), append(faults, err)
	}
	e.rules = append(e.rules, health(outputs)...)
	e.fired, e.held = make([]fired, len(e.rules)), make([]held, len(e.rules))
	return e, errors.Join(faults...)
}

// happen gives an event, by its kind and the moments it made, to the rules, and reports whether one took it. received is when
// it came; live is whether that was since the agent started; who is the assignee of its conversation.
func (e *engine) happen(names []string, received, now time.Duration, live bool, who event.Actor) bool {
	took := false
	for i := range e.rules {
		r := &e.rules[i]
		if !slices.ContainsFunc(r.On, func(on string) bool { return slices.Contains(names, on) }) {
			continue
		}
		if !e.filters[r.filter].counts(who) {
			e.judge(i, -1, elsewhere)
			continue
		}
		what := e.signal(i, received, now, live)
		e.judge(i, -1, what)
		took = took || what != late
	}
	return took
}

// signal begins a rule's signal or adds to it, unless the event came too long ago.
func (e *engine) signal(i int, received, now time.Duration, live bool) outcome {
	r, f := &e.rules[i], &e.fired[i]
	if now-received > recent {
		return late
	}
	from := now
	if !live && r.For > 0 {
		from = received // only what is left of it
		if from+r.For <= now {
			return late
		}
	}
	what := coalesced
	if f.Count == 0 || now >= e.signalEnds(i) {
		*f = fired{First: from, Last: from}
		what = matched
	}
	f.Last = max(f.Last, from)
	f.Count++
	if r.For > 0 {
		e.dirty[r.entry] = true
	}
	return what
}

// signalEnds is when the last output has shown a rule's signal.
func (e *engine) signalEnds(i int) time.Duration {
	ends := e.fired[i].First
	for _, s := range e.rules[i].shows {
		if s != nil {
			ends = max(ends, e.fired[i].ends(s))
		}
	}
	return ends
}

// ends: what is shown once is not shown again because more events come meanwhile.
func (f *fired) ends(s *shows) time.Duration {
	if s.lasts == 0 {
		return f.First + s.once
	}
	return f.Last + s.lasts
}

// decide says what each output is to show now, and when that changes by time alone.
func (e *engine) decide(v view) ([]shown, deadline) {
	var next deadline
	for i := range e.rules {
		e.hold(i, &v, &next)
	}
	e.settled = true
	if e.mute.Until != 0 {
		if v.now >= e.mute.Until {
			e.mute = muting{}
			e.dirty[muteEntry] = true
		} else {
			next.by(e.mute.Until)
		}
	}
	list := make([]shown, len(e.outputs))
	for o := range e.outputs {
		list[o] = e.decideOne(o, v.now, &next)
		e.answer(o, &list[o], v.now, &next)
	}
	return list, next
}

// hold keeps since when a rule's state holds. The first look after a start cannot know and takes the earliest there can be,
// so that what is shown at intervals keeps its rhythm.
func (e *engine) hold(i int, v *view, next *deadline) {
	r := &e.rules[i]
	if len(r.On) > 0 {
		return
	}
	was := e.held[i]
	now := held{}
	mine := *v
	if v.filtered != nil {
		mine.Facts = v.filtered[r.filter]
	}
	now.holds, now.since = r.cond.holds(&mine, next)
	switch {
	case now.holds && was.holds:
		now.since = was.since
	case now.holds && e.settled:
		now.since = v.now
	}
	e.held[i] = now
}

func (e *engine) decideOne(o int, now time.Duration, next *deadline) shown {
	if s := e.test[o].at(now, next); s != nil {
		return playing(s.pattern, "test", s.from)
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
	if muted {
		if !e.outputs[o].sounds() {
			show.blip(e.mute.From, now, next)
		} else if show.reason == "" {
			show.reason = "muted"
		}
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
			e.judge(i, o, silent)
			if show.reason == "" {
				show.reason = why
			}
			continue
		}
		e.judge(i, o, won)
		e.outrank(i, o, now)
		return s
	}
	return show
}

// outrank tells the judge of the rules that ask in vain behind the one that won.
func (e *engine) outrank(winner, o int, now time.Duration) {
	if e.listen == nil {
		return
	}
	var never deadline // what they would do by time alone, nobody sees
	for i := winner + 1; i < len(e.rules); i++ {
		if _, ok := e.asks(i, o, now, &never); ok {
			e.judge(i, o, outranked)
		}
	}
}

// asks says what a rule asks of an output now.
func (e *engine) asks(i, o int, now time.Duration, next *deadline) (shown, bool) {
	r, f, h := &e.rules[i], &e.fired[i], &e.held[i]
	s := r.shows[o]
	if s == nil {
		return shown{}, false
	}
	from, until, reason := h.since, time.Duration(0), ""
	switch {
	case len(r.On) > 0:
		if f.Count == 0 {
			return shown{}, false
		}
		from, until, reason = f.First, f.ends(s), r.reason(f.Count)
	case !h.holds:
		return shown{}, false
	case r.Every > 0:
		from += (now - from) / r.Every * r.Every
		until = from + min(s.once, r.Every)
		next.by(from + r.Every)
		reason = r.reason(1)
	default:
		reason = r.reason(1)
		if s.once > 0 && !s.pattern.Repeat {
			until = from + s.once
		}
	}
	if until != 0 {
		if now >= until {
			return shown{}, false
		}
		next.by(until)
	}
	return playing(s.pattern, reason, from), true
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
	goesOn := s.play.Repeat || len(s.play.Steps) == 1 && s.play.Steps[0].For == 0
	return !goesOn && s.from != old.from
}
