package indicator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/event"
	"deskbell/gpio"
)

// rule is a Rule, as far as outputs of one group are concerned, with its expressions compiled and its patterns found.
type rule struct {
	Rule
	when   *program // nil: always
	while  *program // nil where there is On, and of health
	health stateField
	shows  []*shows // by output; nil: it asks nothing of it
	steps  []step   // by After
	group  int      // which conversations it counts, see groups
	entry  string   // the name of what is kept of it
}

// step is an Escalation with its patterns found.
type step struct {
	after, repeat time.Duration
	shows         []*shows
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
	alarmTurn   = 3 * time.Second       // of an alarm that sounds at intervals
	relayPulse  = time.Second           // what an event does to a relay
	minEvery    = time.Second           // of what is shown at intervals
)

// builder makes an engine of a configuration and gathers what is wrong with it.
type builder struct {
	*engine
	config Config
	people []string // the names in [people]
	faults []error
}

func (b *builder) fault(key, format string, args ...any) {
	b.faults = append(b.faults, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
}

// key is where a rule stands in the configuration.
func (r *Rule) key() string {
	if r.Written > 0 {
		return "rule." + strconv.Itoa(r.Written-1)
	}
	return fmt.Sprintf("rule %q", r.Name)
}

// expr compiles a text, which may be empty.
func (b *builder) expr(key, text string, in scope) *program {
	if text == "" {
		return nil
	}
	p, faults := compile(text, in, b.people)
	for _, f := range faults {
		b.fault(key, "%w", f)
	}
	return p
}

// rule adds the parts of a rule, one for each group that its outputs are of.
func (b *builder) rule(n int, r Rule) {
	key := r.key()
	switch first := slices.IndexFunc(b.config.Rules, func(other Rule) bool { return other.Name == r.Name }); {
	case r.Name == "":
		b.fault(key+".name", "a rule needs a name")
	case first < n:
		b.fault(key+".name", "two rules are named %q", r.Name)
	}
	whole := rule{Rule: r}
	whole.when, whole.while = b.expr(key+".when", r.When, ofEvent), b.expr(key+".while", r.While, ofDesk)
	b.check(key, &r)
	of := b.expr(key+".of", r.Of, ofConversation)
	whole.shows = b.show(key, r.Show, &r)
	for at, s := range r.Escalate {
		whole.steps = append(whole.steps, b.step(fmt.Sprintf("%s.escalate.%d", key, at), s))
	}
	slices.SortStableFunc(whole.steps, func(a, b step) int { return cmp.Compare(a.after, b.after) })
	b.split(whole, of)
}

// check looks at the keys of a rule that go together.
func (b *builder) check(key string, r *Rule) {
	atEvent := len(r.On) > 0
	switch {
	case atEvent && r.While != "":
		b.fault(key+".while", "a rule has on or while, not both")
	case !atEvent && r.While == "":
		b.fault(key, "a rule needs on = [\"conversation_create\"] or while = \"waiting > 0\"")
	}
	for at, name := range r.On {
		if !slices.Contains(moments, name) && !slices.Contains(event.Kinds(), event.Kind(name)) {
			b.fault(fmt.Sprintf("%s.on.%d", key, at), "%q is neither a kind nor a moment: there are %s %s", name, strings.Join(on(event.Kinds()...), " "), strings.Join(moments, " "))
		}
	}
	if r.When != "" && !atEvent {
		b.fault(key+".when", "when is about an event: a rule with while has of")
	}
	if atEvent && r.Every != 0 {
		b.fault(key+".every", "every is of while: what an event shows has for")
	}
	if atEvent && len(r.Escalate) > 0 {
		b.fault(key+".escalate", "escalate is of while: an event does not go on")
	}
	if !atEvent && r.For != 0 {
		b.fault(key+".for", "for is of on: a state shows as long as it lasts")
	}
	if r.For < 0 || r.For > MaxDuration {
		b.fault(key+".for", "must be between 0 and %s", short(MaxDuration))
	}
	if r.Every != 0 && (r.Every < minEvery || r.Every > MaxDuration) {
		b.fault(key+".every", "must be between %s and %s", short(minEvery), short(MaxDuration))
	}
}

// show finds the patterns of a show, by output.
func (b *builder) show(key string, show map[string]string, r *Rule) []*shows {
	list := make([]*shows, len(b.outputs))
	key += ".show"
	if len(show) == 0 {
		b.fault(key, "it shows nothing: write show = { lights = \"pulse\" }")
	}
	for _, to := range slices.Sorted(maps.Keys(show)) {
		p, ok := b.pattern(show[to])
		if !ok {
			b.fault(key+"."+to, "%w %q: there are %s", ErrUnknownPattern, show[to], strings.Join(b.patternNames(), " "))
			continue
		}
		named := to == Lights || to == Sounds
		for i, o := range b.outputs {
			switch {
			case to == o.Name:
				named = true
			case to != o.group() || show[o.Name] != "":
				continue
			}
			list[i] = asked(p, r, o)
		}
		if !named {
			b.fault(key+"."+to, "%w %q: there are %s", ErrUnknownOutput, to, strings.Join(b.outputNames(), " "))
		}
	}
	return list
}

func (b *builder) outputNames() []string {
	names := []string{Lights, Sounds}
	for _, o := range b.outputs {
		names = append(names, o.Name)
	}
	return names
}

func (b *builder) step(key string, s Escalation) step {
	if s.After <= 0 || s.After > MaxDuration {
		b.fault(key+".after", "must be more than 0 and at most %s", short(MaxDuration))
	}
	if s.Repeat != 0 && (s.Repeat < minEvery || s.Repeat > MaxDuration) {
		b.fault(key+".repeat", "must be between %s and %s", short(minEvery), short(MaxDuration))
	}
	return step{after: s.After, repeat: s.Repeat, shows: b.show(key, s.Show, &Rule{Every: s.Repeat})}
}

// split makes of a rule one for each group that its outputs are of: each counts for itself, and asks something of its own
// outputs only.
func (b *builder) split(r rule, of *program) {
	seen := map[int]bool{}
	for _, o := range b.outputs {
		g := b.groups.find(of, o.Only)
		if seen[g] {
			continue
		}
		seen[g] = true
		part := r
		part.group, part.entry = g, ruleEntry+r.Name
		if len(o.Only) > 0 {
			part.entry += "\n" + strings.Join(o.Only, "\n")
		}
		asks := false
		own := func(list []*shows) []*shows {
			mine := make([]*shows, len(list))
			for at, s := range list {
				if slices.Equal(b.outputs[at].Only, o.Only) {
					mine[at] = s
					asks = asks || s != nil
				}
			}
			return mine
		}
		part.shows, part.steps = own(r.shows), nil
		for _, s := range r.steps {
			s.shows = own(s.shows)
			part.steps = append(part.steps, s)
		}
		if asks {
			b.rules = append(b.rules, part)
		}
	}
}

// asked is how a pattern is shown on an output.
func asked(p gpio.Pattern, r *Rule, o Output) *shows {
	s := &shows{pattern: p, lasts: r.For}
	event := len(r.On) > 0
	switch {
	case o.Kind == gpio.Relay && (event || r.Every > 0) && lit(p):
		s.pattern, s.lasts, s.once = relayOnce(p), 0, relayPulse
	case o.Kind == gpio.Relay && lit(p):
		s.pattern = relayOn(p)
	case r.Every > 0 || o.sounds() && r.For == 0:
		s.pattern = p.Once()
		s.once = onceTakes(p)
		if s.pattern.Repeat { // an alarm goes on
			s.lasts = alarmAtMost
			if r.Every > 0 {
				s.once = alarmTurn
			}
		}
	case r.For == 0 && !p.Repeat && p.Period() > 0: // it ends by itself, and then the next rule may show
		s.once = onceTakes(p)
	case r.For == 0:
		s.lasts = lightFor
	}
	return s
}

// lit reports whether a pattern is ever on.
func lit(p gpio.Pattern) bool {
	return slices.ContainsFunc(p.Steps, func(s gpio.Step) bool { return s.On })
}

// onceTakes is how long it takes to show a pattern once.
func onceTakes(p gpio.Pattern) time.Duration { return max(atLeast, p.Once().Period()+gap) }

func (o Output) sounds() bool { return gpio.Sounds(o.Kind) }

func (o Output) group() string {
	if o.sounds() {
		return Sounds
	}
	return Lights
}
