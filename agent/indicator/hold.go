package indicator

import (
	"time"

	"deskbell/agent/desk"
)

// held says since when a state holds its rule.
type held struct {
	known  bool // the answer was computed
	seen   state
	until  time.Duration // when it changes by time alone; never: it does not
	passed time.Duration // when it last changed so; never: it did not
	holds  bool
	beat   beat   // of what the rule shows
	steps  []beat // by step
}

// beat is since when something is shown, and for what is shown at intervals, when it was last.
type beat struct {
	on   bool
	from time.Duration
	last time.Duration
}

// turn lets something be due or not. It is due since at, as far as time alone decided; every is its interval, or 0. It comes
// apart from the time before by at least so much.
func (b *beat) turn(due bool, at, every, apart, now time.Duration) {
	switch {
	case !due:
		b.on = false
		return
	case !b.on:
		b.on, b.from = true, at
		if b.last > 0 {
			b.from = max(at, b.last+apart)
		}
	}
	if now >= b.from {
		b.last = b.from
		if every > 0 {
			b.last += (now - b.from) / every * every
		}
	}
}

// hold looks whether a rule's state holds, and keeps since when. The first look after a start cannot know and takes the earliest
// there can be, so that what is shown at intervals keeps its rhythm.
func (e *engine) hold(i int, v *view, next *deadline) {
	r, h := &e.rules[i], &e.held[i]
	if len(r.On) > 0 {
		return
	}
	s := v.of(r.group)
	s[fieldMuted], s[fieldQuiet] = bit(e.mute.Until != 0), bit(e.isQuiet())
	e.look(r, h, &s, v.now)
	if h.until != never {
		next.by(h.until)
	}
	oldest := time.Duration(never)
	if len(r.steps) > 0 || !e.settled {
		oldest = r.oldest(v, &s)
	}
	from := v.now
	if !e.settled {
		switch {
		case h.passed != never:
			from = h.passed
		case oldest != never:
			from = oldest
		}
	}
	h.beat.turn(h.holds, from, r.Every, 0, v.now)
	if oldest == never {
		oldest = h.beat.from
	}
	for n := range r.steps {
		st := &r.steps[n]
		at := oldest + st.after
		if h.holds && v.now < at {
			next.by(at)
		}
		if e.settled {
			from = v.now
		} else {
			from = at
		}
		h.steps[n].turn(h.holds && v.now >= at, from, st.repeat, st.repeat, v.now) // it may move on to another guest
	}
}

// look evaluates a rule's condition, if it can be another than it was.
func (e *engine) look(r *rule, h *held, s *state, now time.Duration) {
	if r.while == nil { // of health
		h.holds, h.until, h.passed = s[r.health] != 0, never, never
		return
	}
	if h.known && !s.differs(&h.seen, r.while.uses) && (h.until == never || now < h.until) {
		return
	}
	h.known, h.seen = true, *s
	h.until, h.passed = r.while.turns(s, now)
	h.holds = r.while.holds(world{state: s, now: now})
}

// classes are the conversations that fields are about.
var classes = [...]struct {
	uses uint32
	of   desk.Class
}{
	{1<<fieldWaiting | 1<<fieldOldestWaiting, desk.Waiting}, {1<<fieldUnanswered | 1<<fieldOldestUnanswered, desk.Unanswered},
	{1 << fieldAcknowledged, desk.Acknowledged}, {1 << fieldUnassigned, desk.Unassigned}, {1 << fieldOpen, desk.Open},
}

// oldest is when the oldest conversation that holds a rule began to; never: it is not known.
func (r *rule) oldest(v *view, s *state) time.Duration {
	first := time.Duration(never)
	for _, c := range classes {
		if r.while == nil || r.while.uses&c.uses == 0 {
			continue
		}
		at, ok := time.Duration(0), false
		switch {
		case v.oldest != nil:
			at, ok = v.oldest(r.group, c.of)
		case c.of == desk.Waiting:
			at, ok = time.Duration(s[fieldOldestWaiting]), s[fieldOldestWaiting] != never
		case c.of == desk.Unanswered:
			at, ok = time.Duration(s[fieldOldestUnanswered]), s[fieldOldestUnanswered] != never
		}
		if ok && (first == never || at < first) {
			first = at
		}
	}
	return first
}

// asks says what a rule asks of an output now.
func (e *engine) asks(i, o int, now time.Duration, next *deadline) (shown, bool) {
	r, f, h := &e.rules[i], &e.fired[i], &e.held[i]
	if len(r.On) > 0 {
		s := r.shows[o]
		if s == nil || f.Count == 0 {
			return shown{}, false
		}
		return s.until(f.First, f.ends(s), r.reason(f.Count), now, next)
	}
	if !h.holds {
		return shown{}, false
	}
	for n := len(r.steps) - 1; n >= 0; n-- {
		if st := &r.steps[n]; h.steps[n].on && st.shows[o] != nil {
			show, ok := st.shows[o].held(&h.steps[n], st.repeat, r.reason(1), now, next)
			if ok || e.outputs[o].sounds() {
				return show, ok
			} // between two flashes a light shows what it showed before
		}
	}
	if s := r.shows[o]; s != nil {
		return s.held(&h.beat, r.Every, r.reason(1), now, next)
	}
	return shown{}, false
}

// held is what a state shows that goes on since b.from.
func (s *shows) held(b *beat, every time.Duration, reason string, now time.Duration, next *deadline) (shown, bool) {
	from := b.from
	switch {
	case now < from: // it was shown a moment ago, for another
		next.by(from)
		return shown{}, false
	case every > 0:
		from += (now - from) / every * every
		next.by(from + every)
		return s.until(from, from+min(s.once, every), reason, now, next)
	case s.once > 0 && !s.pattern.Repeat:
		return s.until(from, from+s.once, reason, now, next)
	}
	return playing(s.pattern, reason, from), true
}

// until is what is shown from one moment to another.
func (s *shows) until(from, until time.Duration, reason string, now time.Duration, next *deadline) (shown, bool) {
	if now >= until {
		return shown{}, false
	}
	next.by(until)
	return playing(s.pattern, reason, from), true
}
