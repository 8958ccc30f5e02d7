package indicator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule asks outputs for a pattern, at an event (On) or as long as the desk is in a state (While). Exactly one of the two is
// given.
type Rule struct {
	Name     string
	On       []string          // kinds of events, or the desk's moments
	When     string            // of On: an expression over the event; empty: each
	While    string            // an expression over the desk: `oldest_waiting > "2m"`
	Of       string            // an expression over a conversation: which count; empty: all
	Show     map[string]string // an output's name, or Lights or Sounds → the name of a pattern or tune
	For      time.Duration     // of On: how long; 0: once on a sounding output, 5 s on a light
	Every    time.Duration     // of While: once in each such time; 0: all the time
	Means    string            // for people; empty: the name
	Many     string            // what follows the number when several events make one signal; empty: the number follows
	Critical bool              // it passes quiet hours and mute
	Escalate []Escalation      // of While: what is shown in place of Show when it goes on

	// Written is 1 + its place among the [[rule]] tables of the configuration; 0: it stands in none.
	Written int
}

// Escalation is a step of a rule that goes on, counted from the oldest conversation that holds it.
type Escalation struct {
	After  time.Duration
	Show   map[string]string // as Rule.Show; of an output that it does not name, what was shown before goes on
	Repeat time.Duration     // once in each such time; 0: all the time
}

// The groups that Rule.Show knows beside the names of outputs. An output's own name goes before its group.
const (
	Lights = "lights" // light and relay
	Sounds = "sounds" // buzzer and tone
)

// String is the rule in one line, for a list: "new conversation: on conversation_create, lights blink, for 5s".
func (r Rule) String() string {
	parts := []string{"while " + r.While}
	if len(r.On) > 0 {
		parts[0] = "on " + strings.Join(r.On, " or ")
	}
	if r.When != "" {
		parts = append(parts, "when "+r.When)
	}
	if r.Of != "" {
		parts = append(parts, "of "+r.Of)
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
	for _, s := range r.Escalate {
		step := "after " + short(s.After)
		for _, to := range slices.Sorted(maps.Keys(s.Show)) {
			step += " " + to + " " + s.Show[to]
		}
		if s.Repeat > 0 {
			step += " every " + short(s.Repeat)
		}
		parts = append(parts, step)
	}
	if r.Critical {
		parts = append(parts, "critical")
	}
	return r.Name + ": " + strings.Join(parts, ", ")
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
