package indicator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/gpio"
)

// Rule asks outputs for a pattern, at an event (On) or as long as the desk is in a state (While).
type Rule struct {
	Name  string
	On    []string          // kinds of events, or the desk's moments; empty: see While
	While Condition         // looked at when On is empty
	Every time.Duration     // of While: once in each such time; 0: all the time
	For   time.Duration     // of On: how long; 0: once on a sounding output, 5 s on a light
	Show  map[string]string // an output's name, or Lights or Sounds → a pattern's name
	Means string            // for people; empty: the name
	Many  string            // what follows the number when several events make one signal; empty: the number follows
}

// The groups that Rule.Show knows beside the names of outputs. An output's own name goes before its group.
const (
	Lights = "lights" // light and relay
	Sounds = "sounds" // buzzer and tone
)

// The fields of a Condition.
const (
	Open             = "open"
	Waiting          = "waiting"
	Acknowledged     = "acknowledged"
	Unanswered       = "unanswered"
	Unassigned       = "unassigned"
	ForwardPending   = "forward_pending"
	Unreachable      = "unreachable"
	OldestWaiting    = "oldest_waiting"
	OldestUnanswered = "oldest_unanswered"
	Undelivered      = "undelivered"
)

// Condition compares one field of the desk: it holds while a number is more than More, a time longer than Longer, a truth
// true. The zero value never holds.
type Condition struct {
	Field  string
	More   int
	Longer time.Duration
}

// Builtin returns the rules that are in force without any configuration; an earlier one wins an output.
func Builtin() []Rule {
	return []Rule{
		{Name: "somebody waits", While: Condition{Field: Waiting}, Show: show(Lights, "pulse")},
		{Name: "a person is asked for", On: on(desk.WaitBegan), Show: show(Sounds, "chirp"), Many: "guests ask for a person"},
		{Name: "still waiting", While: Condition{Field: OldestWaiting, Longer: 2 * time.Minute}, Every: time.Minute, Show: show(Sounds, "double")},
		{Name: "visitor spoke last", While: Condition{Field: OldestUnanswered, Longer: 3 * time.Minute}, Show: show(Lights, "pulse")},
		{Name: "acknowledged", While: Condition{Field: Acknowledged}, Show: show(Lights, "on")},
		{Name: "SLA breached", On: on(event.SLABreached), For: 10 * time.Second, Show: show(Lights, "fast", Sounds, "double"), Many: "SLAs breached"},
		{Name: "assignee changed", On: on(event.AssigneeChange), For: 3 * time.Second, Show: show(Lights, "double"), Many: "assignees changed"},
		{Name: "new conversation", On: on(event.ConversationCreate), For: 5 * time.Second, Show: show(Lights, "blink"), Many: "new conversations"},
		{Name: "nothing reaches us", While: Condition{Field: Unreachable}, Every: time.Minute, Show: show(Lights, "triple")},
		{Name: "nothing is delivered", While: Condition{Field: Undelivered, Longer: 15 * time.Minute}, Every: time.Minute, Show: show(Lights, "triple")},
	}
}

func on[T ~string](names ...T) []string {
	var list []string
	for _, n := range names {
		list = append(list, string(n))
	}
	return list
}

func show(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// String is the rule in one line, for a list: "new conversation: on conversation_create, lights blink, for 5s".
func (r Rule) String() string {
	parts := []string{"while " + r.While.String()}
	if len(r.On) > 0 {
		parts[0] = "on " + strings.Join(r.On, " or ")
	}
	for _, to := range slices.Sorted(maps.Keys(r.Show)) {
		parts = append(parts, to+" "+r.Show[to])
	}
	if r.For > 0 {
		parts = append(parts, "for "+short(r.For))
	}
	if r.Every > 0 {
		parts = append(parts, "every "+short(r.Every))
	}
	return r.Name + ": " + strings.Join(parts, ", ")
}

// String is the condition as a rule is written: "oldest_waiting > 2m".
func (c Condition) String() string {
	switch c.Field {
	case Unreachable:
		return c.Field
	case OldestWaiting, OldestUnanswered, Undelivered:
		return c.Field + " > " + short(c.Longer)
	}
	return c.Field + " > " + strconv.Itoa(c.More)
}

// short writes 2m0s as 2m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// reason is what a person is told of n events, or of a state.
func (r *Rule) reason(n int) string {
	text := r.Means
	if text == "" {
		text = r.Name
	}
	switch {
	case n <= 1:
		return text
	case r.Many != "" && r.Means == "":
		return strconv.Itoa(n) + " " + r.Many
	}
	return fmt.Sprintf("%s (%d)", text, n)
}

// rule is a Rule with its patterns found.
type rule struct {
	Rule
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
