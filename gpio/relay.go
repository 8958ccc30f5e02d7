package gpio

import "time"

// What a relay's contacts, and those who hear them, are spared.
const (
	relayRest  = 2 * time.Second // between two changes, and from one switching on to the next
	relayPulse = time.Second     // the one exception: how long it is on for what is shown once
)

// relay remembers when a relay changed, so that it never clatters, whoever asks for what. Only a stop switches it off at once.
type relay struct {
	on, off time.Time // when it was last switched on and off; zero: never
	pulse   bool      // what switched it on last was a pulse, and nothing has asked for more since
}

// steps is what a relay makes of a pattern that is shown now: what goes on is steadily on, what is shown once is one pulse, and
// either waits until the relay may change.
func (r *relay) steps(p Pattern, isOn bool, now time.Time) []Step {
	on, _ := p.levels()
	switch {
	case !on && isOn:
		return after(r.mayBeOff().Sub(now), true, Step{})
	case !on:
		return []Step{{}}
	case isOn && p.once():
		// It is seen as little as a flash on a lamp that is lit; but who shows what was there before comes a moment later, and
		// must find the relay still on.
		stays := relayRest
		if r.pulse {
			stays = relayPulse
		}
		return []Step{{On: true, For: max(stays, r.mayBeOff().Sub(now))}}
	case isOn:
		r.pulse = false
		return []Step{{On: true}}
	}
	step := Step{On: true}
	if p.once() {
		step.For = relayPulse
	}
	return after(r.mayBeOn().Sub(now), false, step)
}

// after puts a wait before a step; none where it is past.
func after(wait time.Duration, on bool, step Step) []Step {
	if wait <= 0 {
		return []Step{step}
	}
	return []Step{{On: on, For: wait}, step}
}

func (r *relay) mayBeOff() time.Time {
	if r.pulse {
		return r.on.Add(relayPulse)
	}
	return r.on.Add(relayRest)
}

func (r *relay) mayBeOn() time.Time {
	if !r.pulse {
		return r.off.Add(relayRest)
	}
	next, rested := r.on.Add(relayRest), r.off.Add(relayPulse)
	if rested.After(next) { // the pulse was drawn out by another
		return rested
	}
	return next
}

// changed notes that the relay was switched.
func (r *relay) changed(on, pulse bool, now time.Time) {
	if on {
		r.on, r.pulse = now, pulse
	} else {
		r.off = now
	}
}
