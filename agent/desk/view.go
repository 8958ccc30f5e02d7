package desk

import (
	"slices"

	"deskbell/agent/event"
)

// View is a conversation as rules look at it: of each field the newest that an event told, by the events' own time. All texts
// are fit to be shown, and cut where they are long.
type View struct {
	Key          string
	Title        string
	Account, Bot string
	Channel      string
	Team         event.Team  // told of it, or its newest assignee that is a team; a person who takes it does not change that
	Labels       []string    // shared with the desk: not to be changed
	Assignee     event.Actor // of kind unknown where it was never told
	Previous     event.Actor // the assignee before; Kind is empty where there was none
}

// Key is how the desk names a conversation: its own key, or a hash of one that is too long or not fit to be shown.
func Key(conversation string) string { return keyOf(conversation) }

// View returns a conversation and the groups that count it; false for one that is not known.
func (d *Desk) View(conversation string) (v View, groups uint64, ok bool) {
	c := d.all[keyOf(conversation)]
	if c == nil {
		return View{}, 0, false
	}
	return c.view(), c.mask, true
}

func (c *conversation) view() View {
	t := &c.fields
	v := View{
		Key: c.key, Title: t.title.text, Account: t.account.text, Bot: t.bot.text, Channel: t.channel.text,
		Team: t.team, Labels: t.labels, Assignee: c.state.actor(),
	}
	if p := c.state.previous; p != nil {
		v.Previous = *p
	}
	return v
}

// Bounds of what is kept of labels: how many, and how much of one, in runes.
const (
	maxLabels = 16
	maxLabel  = 64
)

// fields is what events say of a conversation beside its state, each with the order of the newest that did.
type fields struct {
	title, account, bot, channel said
	team                         event.Team
	labels                       []string
	teamOrder, labelsOrder       order
}

type said struct {
	text  string
	order order
}

func newFields() fields {
	nothing := said{order: beginning}
	return fields{title: nothing, account: nothing, bot: nothing, channel: nothing, teamOrder: beginning, labelsOrder: beginning}
}

// take adds what an event says, and reports whether anything is another than before.
func (t *fields) take(e *event.Event, o order) bool {
	changed := t.title.take(e.Title, maxText, o)
	changed = t.account.take(e.Account, maxName, o) || changed
	changed = t.bot.take(e.Bot, maxName, o) || changed
	changed = t.channel.take(e.Channel, maxName, o) || changed
	team := e.Team
	if a := e.Assignee; a != nil && a.Kind == event.ActorTeam {
		team = event.Team{ID: a.ID, Name: a.Name}
	}
	if team != (event.Team{}) && !t.teamOrder.after(o) {
		team = event.Team{ID: clean(team.ID, maxName), Name: clean(team.Name, maxName)}
		changed = changed || team != t.team
		t.team, t.teamOrder = team, o
	}
	if e.Labels != nil && !t.labelsOrder.after(o) {
		labels := make([]string, 0, min(len(e.Labels), maxLabels))
		for _, l := range e.Labels[:min(len(e.Labels), maxLabels)] {
			labels = append(labels, clean(l, maxLabel))
		}
		changed = changed || !slices.Equal(labels, t.labels)
		t.labels, t.labelsOrder = labels, o
	}
	return changed
}

func (s *said) take(text string, limit int, o order) bool {
	if text == "" || s.order.after(o) {
		return false
	}
	s.order = o
	if text = clean(text, limit); text == s.text {
		return false
	}
	s.text = text
	return true
}
