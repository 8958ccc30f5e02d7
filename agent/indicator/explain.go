package indicator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deskbell/gpio"
)

// Decision is what became of one rule: at an event, or on an output.
type Decision struct {
	Rule    string
	Output  string // empty: what the event did to the rule
	Outcome string // one of the outcomes
	Pattern string // of an output: what it showed
	Detail  string // why, in words
}

// The outcomes of a Decision: of a rule, and of what it asks of an output.
const (
	Matched    = "matched"
	NotMatched = "not matched"
	Coalesced  = "coalesced"   // one signal with events before it
	Delayed    = "delayed"     // the event came too late to make a signal
	Shown      = "shown"       // the output shows it
	Outranked  = "outranked"   // an earlier rule has the output, or somebody set it by hand
	Muted      = "muted"       // by mute
	QuietHours = "quiet hours" // by [[quiet]]
)

// Sound is a sound that no event made but time: what comes again or later for as long as somebody waits.
type Sound struct {
	Elapsed  time.Duration // the store's clock
	At       time.Time     // zero: the clock was not set
	Rule     string
	Outputs  []string
	Pattern  string
	Sequence uint64 // the event that the wait began with, of the guest who waits longest; 0: not known
}

// Explanation says why outputs showed what they did.
type Explanation struct {
	Decisions []Decision // what an event did to each rule, then what the outputs made of it
	Sounds    []Sound    // that count the event, the oldest first
	Note      string     // what else there is to say of it, in words
}

// Why explains an event, by what is kept. Errors: ErrNotKept, ErrNotYet. It does not wait for the disk.
func (i *Indicator) Why(sequence uint64) (Explanation, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if sequence > i.position {
		return Explanation{}, fmt.Errorf("event %d: %w", sequence, ErrNotYet)
	}
	return i.core.why.explain(sequence)
}

// LastSound is the newest sound that time made; false: none is kept.
func (i *Indicator) LastSound() (Sound, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.core.why.lastSound()
}

// driver says in a word how an output is driven, if it is not as it should be.
func (i *Indicator) driver(o int) string {
	s := i.board.State(i.core.engine.outputs[o].Name)
	word := map[string]string{
		gpio.FaultBusy: "pin busy", gpio.FaultMissing: "pin missing", gpio.FaultForbidden: "pin not permitted", gpio.FaultNoChip: "no gpiochip",
		gpio.FaultNoPWM: "no PWM",
	}[s.Fault]
	switch {
	case s.Driver != gpio.DriverSimulated:
		return word
	case word == "":
		return "simulated"
	}
	return "simulated: " + word
}

// Archive is what a cursor's entries say of what was shown, of an agent that does not run.
type Archive struct{ recorder *recorder }

// ReadArchive reads entries. An error joins the faults of the configuration, by whose rules it is told what did not match.
func ReadArchive(c Config, entries map[string][]byte) (*Archive, error) {
	if err := errors.Join(c.Validate()...); err != nil {
		return nil, err
	}
	k, _ := newCore(c)
	_ = k.why.restore(entries) // what cannot be read is as if it were not kept
	return &Archive{k.why}, nil
}

// Why explains an event as Indicator.Why does.
func (a *Archive) Why(sequence uint64) (Explanation, error) { return a.recorder.explain(sequence) }

// LastSound is as Indicator.LastSound.
func (a *Archive) LastSound() (Sound, bool) { return a.recorder.lastSound() }

func (r *recorder) lastSound() (Sound, bool) {
	if r.number == 0 {
		return Sound{}, false
	}
	return r.sounds[r.number%soundSlots].sound(), true
}

func (s *soundMemory) sound() Sound {
	at := time.Time{}
	if s.Wall != 0 {
		at = time.UnixMilli(s.Wall).UTC()
	}
	return Sound{Elapsed: s.At, At: at, Rule: s.Rule, Outputs: slices.Clone(s.Outputs), Pattern: s.Pattern, Sequence: s.Sequence}
}

func (r *recorder) explain(sequence uint64) (Explanation, error) {
	w, kept, err := r.find(sequence)
	if err != nil {
		return Explanation{}, fmt.Errorf("event %d: %w", sequence, err)
	}
	x := Explanation{}
	switch {
	case !kept:
		x.Note = "no rule is for such an event, and it changed nothing that rules look at"
	case w.Rules != r.rules:
		x.Note = "the rules have been changed since: this is what those of then did"
	}
	if w.Cut {
		x.Note = strings.TrimPrefix(x.Note+"; not all of it is kept, for it is too much", "; ")
	}
	x.Decisions = append(r.ofRules(&w, kept && w.Rules != r.rules || w.Cut, kept), r.ofOutputs(&w)...)
	if kept && w.Rules == r.rules && !w.Cut {
		x.Decisions = append(x.Decisions, r.idle(&w)...)
	}
	for n := range r.sounds {
		if s := &r.sounds[(r.number+1+uint64(n))%soundSlots]; s.Number > 0 && s.Sequence == sequence {
			x.Sounds = append(x.Sounds, s.sound())
		}
	}
	return x, nil
}

// read is a rule, empty where it is not known, and what became of it.
func (w *reason) read(code int) (string, outcome) {
	at, what := code>>4, outcome(code&15)
	if at < 0 || at >= len(w.Names) {
		return "", what
	}
	return w.Names[at], what
}

// ofRules says of each rule what the event did to it; met: of those alone that the event is known to have met.
func (r *recorder) ofRules(w *reason, met, kept bool) (list []Decision) {
	best := map[string]outcome{}
	for _, code := range w.Asked {
		if name, what := w.read(code); name != "" {
			if was, ok := best[name]; !ok || what < was {
				best[name] = what
			}
		}
	}
	seen := map[string]bool{}
	for i := range r.engine.rules {
		rule := &r.engine.rules[i]
		name := r.name(int32(i))
		what, asked := best[name]
		if seen[name] || !asked && (met || rule.Rule.While != "" && rule.while == nil) { // nobody asks for the store's trouble that is not there
			continue
		}
		seen[name] = true
		list = append(list, rule.decision(what, asked, kept))
	}
	for _, name := range w.Names {
		if what, asked := best[name]; asked && !seen[name] {
			seen[name] = true
			gone := rule{Rule: Rule{Name: name}}
			list = append(list, gone.decision(what, asked, kept))
		}
	}
	return list
}

// decision is a rule's line.
func (r *rule) decision(what outcome, asked, kept bool) Decision {
	d := Decision{Rule: r.Name, Outcome: NotMatched}
	about := "on " + strings.Join(r.On, ", ")
	switch {
	case r.While != "":
		about = "while " + r.While
	case len(r.On) == 0:
		about = ""
	}
	if !asked {
		d.Detail = about
		if r.While != "" && !kept {
			d.Detail += ": no change"
		}
		return d
	}
	switch what {
	case holds, matched:
		d.Outcome, d.Detail = Matched, about
	case coalesced:
		d.Outcome, d.Detail = Coalesced, "one signal with events before it"
	case late:
		d.Outcome, d.Detail = Delayed, "it came too long ago to make a signal"
	case elsewhere:
		d.Detail = "it does not count this conversation"
	case unlike:
		d.Detail = "when " + r.When
	}
	return d
}

// ofOutputs says what outputs made of the rules that asked for them.
func (r *recorder) ofOutputs(w *reason) (list []Decision) {
	for _, o := range w.Outputs {
		winner := o.Hand
		if o.Hand != "" {
			list = append(list, Decision{Output: o.Name, Outcome: Shown, Pattern: o.Pattern, Detail: with(o.Hand, o.Driver)})
		}
		for _, code := range o.Asks {
			rule, what := w.read(code)
			d := Decision{Rule: rule, Output: o.Name}
			switch what {
			case won:
				d.Outcome, d.Pattern, d.Detail = Shown, o.Pattern, with("", o.Driver)
				winner = d.Rule
			case muted:
				d.Outcome = Muted
			case quiet:
				d.Outcome = QuietHours
			case coalesced:
				d.Outcome, d.Detail = Coalesced, justSounded
			default:
				d.Outcome, d.Detail = Outranked, "by "+winner
			}
			list = append(list, d)
		}
	}
	return append(list, r.joined(w)...)
}

// idle are the outputs that no rule asked for.
func (r *recorder) idle(w *reason) (list []Decision) {
	for _, o := range r.engine.outputs {
		if !slices.ContainsFunc(w.Outputs, func(l outputReason) bool { return l.Name == o.Name }) {
			list = append(list, Decision{Output: o.Name, Outcome: Shown, Pattern: "off", Detail: nobodyAsks})
		}
	}
	return list
}

// joined are the outputs that did not show anew what an event asked for, as they had just done so, or as it came too late.
func (r *recorder) joined(w *reason) (list []Decision) {
	if w.Rules != r.rules { // it is not known which outputs those asked
		return nil
	}
	parts := map[string]int{} // of a rule: one for each group of conversations, asked one after the other
	for _, code := range w.Asked {
		name, what := w.read(code)
		part := parts[name]
		parts[name]++
		if name == "" || what != coalesced && what != late {
			continue
		}
		for i := range r.engine.rules {
			if r.name(int32(i)) != name {
				continue
			}
			if part--; part != -1 {
				continue
			}
			for o, s := range r.engine.rules[i].shows {
				to := r.engine.outputs[o].Name
				there := slices.ContainsFunc(w.Outputs, func(l outputReason) bool {
					return l.Name == to && slices.ContainsFunc(l.Asks, func(c int) bool { return c>>4 == code>>4 })
				})
				if s == nil || there {
					continue
				}
				d := Decision{Rule: name, Output: to, Outcome: Coalesced, Detail: justSounded}
				if what == late {
					d.Outcome, d.Detail = Delayed, ""
				}
				list = append(list, d)
			}
		}
	}
	return list
}

const (
	justSounded = "it sounded a moment ago"
	nobodyAsks  = "no rule asks for it"
)

// with joins what is to say of an output.
func with(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), "; ")
}
