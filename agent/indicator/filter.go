package indicator

import (
	"slices"
	"strings"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// The words of Output.Only beside the ids and e-mails of people and teams.
const (
	OnlyUnassigned = "unassigned"
	OnlyBot        = "bot"
)

// filter says which conversations count for an output, by their assignee: the
// values of Output.Only. An empty one counts them all.
type filter []string

func (f filter) counts(a event.Actor) bool {
	if len(f) == 0 {
		return true
	}
	return slices.ContainsFunc(f, func(s string) bool {
		switch s {
		case OnlyUnassigned:
			return a.Kind == event.ActorNone
		case OnlyBot:
			return a.Kind == event.ActorBot
		}
		return a.ID != "" && a.ID == s || a.Email != "" && strings.EqualFold(a.Email, s)
	})
}

// filtersOf lists the different filters of outputs, and says which each has.
func filtersOf(outputs []Output) (filters []filter, of []int) {
	for _, o := range outputs {
		f := filter(o.Only)
		i := slices.IndexFunc(filters, func(g filter) bool { return slices.Equal(f, g) })
		if i < 0 {
			i, filters = len(filters), append(filters, f)
		}
		of = append(of, i)
	}
	return filters, of
}

// split makes of a rule one for each filter that one of its outputs has: each
// counts for itself, and asks something of its own outputs only.
func (r rule) split(filters []filter, of []int) []rule {
	var list []rule
	for i, f := range filters {
		part := r
		part.filter, part.entry = i, ruleEntry+r.Name
		if len(f) > 0 {
			part.entry += "\n" + strings.Join(f, "\n")
		}
		part.shows = make([]*shows, len(of))
		asks := false
		for o, s := range r.shows {
			if of[o] == i {
				part.shows[o] = s
				asks = asks || s != nil
			}
		}
		if asks {
			list = append(list, part)
		}
	}
	return list
}

// classify tells the desk which filters count a conversation: the groups it counts.
func (e *engine) classify(v *desk.View) (groups uint64) {
	for i, f := range e.filters {
		if f.counts(v.Assignee) {
			groups |= 1 << i
		}
	}
	return groups
}

// facts are the desk's numbers as each filter counts them.
func (e *engine) facts(d *desk.Desk) []desk.Facts {
	list := make([]desk.Facts, len(e.filters))
	for i, f := range e.filters {
		if len(f) == 0 {
			list[i] = d.Facts()
		} else {
			list[i] = d.FactsOf(i)
		}
	}
	return list
}
