package indicator

import (
	"slices"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// Builtin returns the rules that are in force without any configuration; an earlier one wins an output.
func Builtin() []Rule {
	return []Rule{
		{Name: "somebody waits", While: "waiting > 0", Show: show(Lights, "pulse")},
		{Name: "a person is asked for", On: on(desk.WaitBegan), Show: show(Sounds, "chirp"), Many: "guests ask for a person"},
		{Name: "still waiting", While: `oldest_waiting > "2m"`, Every: time.Minute, Show: show(Sounds, "double")},
		{Name: "visitor spoke last", While: `oldest_unanswered > "3m"`, Show: show(Lights, "pulse")},
		{Name: "acknowledged", While: "acknowledged > 0", Show: show(Lights, "on")},
		{Name: "SLA breached", On: on(event.SLABreached), For: 10 * time.Second, Show: show(Lights, "fast", Sounds, "double"), Many: "SLAs breached"},
		{Name: "assignee changed", On: on(event.AssigneeChange), For: 3 * time.Second, Show: show(Lights, "double"), Many: "assignees changed"},
		{Name: "new conversation", On: on(event.ConversationCreate), For: 5 * time.Second, Show: show(Lights, "blink"), Many: "new conversations"},
		{Name: "nothing reaches us", While: "unreachable", Every: time.Minute, Show: show(Lights, "triple")},
		{Name: "nothing is delivered", While: `undelivered > "15m"`, Every: time.Minute, Show: show(Lights, "triple")},
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

// Override is one [[rule]] as it is written. A key that is not given is nil.
type Override struct {
	Name     string
	Enabled  *bool
	On       []string
	When     *string
	While    *string
	Of       *string
	Show     map[string]string
	For      *time.Duration
	Every    *time.Duration
	Means    *string
	Critical *bool
	Escalate []Escalation
}

// Merge returns the rules in force: those written, in their order, and then the built-in ones. A written rule that has a built-in
// one's name changes the keys it gives, of that rule in its place; one that is not enabled is left out. Without the built-in
// ones such a name is one like any other.
func Merge(written []Override, builtin bool) []Rule {
	var own, base []Rule
	if builtin {
		base = Builtin()
	}
	dropped := map[string]bool{}
	for n, o := range written {
		at := slices.IndexFunc(base, func(r Rule) bool { return r.Name == o.Name && r.Written == 0 })
		switch disabled := o.Enabled != nil && !*o.Enabled; {
		case disabled:
			dropped[o.Name] = true
		case at >= 0:
			o.change(&base[at], n)
		default:
			r := Rule{Name: o.Name}
			o.change(&r, n)
			own = append(own, r)
		}
	}
	base = slices.DeleteFunc(base, func(r Rule) bool { return r.Written == 0 && dropped[r.Name] })
	return append(own, base...)
}

// change gives r the keys that o has.
func (o *Override) change(r *Rule, place int) {
	r.Written = place + 1
	if o.On != nil {
		r.On = o.On
	}
	give(&r.When, o.When)
	give(&r.While, o.While)
	give(&r.Of, o.Of)
	if o.Show != nil {
		r.Show = o.Show
	}
	give(&r.For, o.For)
	give(&r.Every, o.Every)
	give(&r.Means, o.Means)
	give(&r.Critical, o.Critical)
	if o.Escalate != nil {
		r.Escalate = o.Escalate
	}
}

func give[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
