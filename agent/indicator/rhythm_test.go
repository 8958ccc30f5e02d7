package indicator

import (
	"math"
	"slices"
	"testing"
	"time"

	"deskbell/gpio"
)

// rhythm is what a person sees or hears of a pattern that goes on, without its colour: how many flashes come together, how long
// each is, and how long the longest pause.
type rhythm struct {
	together float64
	flash    time.Duration
	pause    time.Duration
}

const (
	forEver   = time.Duration(math.MaxInt64)
	belongs   = 300 * time.Millisecond // flashes so near count as one group
	different = 1.5                    // the least ratio of two lengths that is told apart without a clock
)

func rhythmOf(p gpio.Pattern) rhythm {
	if len(p.Steps) == 1 && p.Steps[0].For == 0 {
		if p.Steps[0].On {
			return rhythm{1, forEver, 0}
		}
		return rhythm{0, 0, forEver}
	}
	steps := slices.Concat(p.Steps, p.Steps) // what repeats is seen across its end
	if !p.Repeat {
		steps = slices.Concat(p.Steps, []gpio.Step{{For: forEver}})
	}
	r := rhythm{}
	together := 0.0
	for _, s := range steps {
		if s.On {
			together++
			r.flash = max(r.flash, s.For)
		} else {
			r.pause = max(r.pause, s.For)
			if s.For > belongs {
				together = 0
			}
		}
		r.together = max(r.together, together)
	}
	if r.pause <= belongs {
		r.together = math.Inf(1)
	}
	return r
}

func (r rhythm) tellsFrom(q rhythm) bool {
	apart := func(a, b time.Duration) bool { return float64(max(a, b)) >= different*float64(min(a, b)) && a != b }
	return r.together != q.together || apart(r.flash, q.flash) || apart(r.pause, q.pause)
}

// TestEveryRhythmTellsFromEveryOther is of point 15: whoever cannot tell colours, or has one lamp, tells all signals apart by their timing alone,
// those of the box itself included.
func TestEveryRhythmTellsFromEveryOther(t *testing.T) {
	rhythms := map[string]rhythm{}
	for _, name := range gpio.Patterns() {
		p, _ := gpio.Builtin(name)
		rhythms[name] = rhythmOf(p)
	}
	for _, p := range []gpio.Pattern{quadruple, Starting} {
		if _, ok := rhythms[p.Name]; ok {
			t.Errorf("two patterns are called %s", p.Name)
		}
		rhythms[p.Name] = rhythmOf(p)
	}
	rhythms["muted, over a dark lamp"] = rhythm{1, blipLasts, blipEvery - blipLasts}
	rhythms["muted, over a lit lamp"] = rhythm{1, blipEvery - blipLasts, blipLasts}
	for a, r := range rhythms {
		for b, q := range rhythms {
			if a != b && !r.tellsFrom(q) {
				t.Errorf("%s (%+v) looks like %s (%+v)", a, r, b, q)
			}
		}
	}
	if r, want := rhythms["quadruple"], (rhythm{4, 150 * time.Millisecond, 1950 * time.Millisecond}); r != want {
		t.Errorf("quadruple is %+v, want %+v", r, want)
	}
	if r := rhythms["fast"]; !math.IsInf(r.together, 1) {
		t.Errorf("fast is %+v, want it to have no pause", r)
	}
}
