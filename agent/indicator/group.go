package indicator

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// The words of Output.Only beside names, ids and e-mails of people and teams.
const (
	OnlyUnassigned = "unassigned"
	OnlyBot        = "bot"
)

// maxGroups is how many groups the desk can tell apart: bits of a mask.
const maxGroups = desk.Groups

// groups say which conversations count for which rules: those that the desk cares about, that a rule's `of` picks, and that an
// output's `only` names. The first is all that the desk cares about.
type groups struct {
	people map[string]string // e-mail in small letters, or id → name
	of     map[string]string // name → e-mail or id
	only   *program          // of the desk; nil: everything
	list   []group
	doubts []doubt // words of which it is not known yet whether they name anybody
	met    int     // changes of conversations that were with people and teams, since the start
	about  subject // the conversation that is looked at
}

// group is one set of conversations.
type group struct {
	key  string   // what tells it from others
	of   *program // nil: all
	only []word   // none: all
}

// word is one of Output.Only.
type word struct {
	kind  string // of the assignee; empty: any
	id    string // or e-mail or team's name; empty: any
	email string
	team  string
}

// doubt is a word of an output's only that may be mistyped: it is neither a name of ours, nor an e-mail, nor an id.
type doubt struct {
	key  string // where it stands
	text string
	word word
}

// metEnough is how much is to be seen before a word that names nobody is told.
const metEnough = 40

// newGroups reads [people]. Its faults are told by their keys.
func newGroups(people map[string]string) (*groups, []error) {
	g := &groups{people: map[string]string{}, of: people, list: []group{{}}}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(people)) {
		who := strings.ToLower(people[name])
		switch other := g.people[who]; {
		case strings.TrimSpace(who) == "":
			faults = append(faults, fmt.Errorf("people.%s: an e-mail or an id of one of the platform's users", name))
		case name == OnlyUnassigned || name == OnlyBot:
			faults = append(faults, fmt.Errorf("people.%s: %s means something else in only: take another name", name, name))
		case other != "":
			faults = append(faults, fmt.Errorf("people.%s: %s is %s already", name, people[name], other))
		}
		g.people[who] = name
	}
	return g, faults
}

// find returns the place of the group that counts what `of` and an output's only pick.
func (g *groups) find(of *program, only []string) int {
	key := "" // of all
	if of != nil || len(only) > 0 {
		key = fmt.Sprintf("%q", only)
	}
	if of != nil {
		key += of.text
	}
	at := slices.IndexFunc(g.list, func(l group) bool { return l.key == key })
	if at >= 0 {
		return at
	}
	l := group{key: key, of: of}
	for _, w := range only {
		l.only = append(l.only, g.word(w))
	}
	g.list = append(g.list, l)
	return len(g.list) - 1
}

func (g *groups) word(w string) word {
	switch w {
	case OnlyUnassigned:
		return word{kind: event.ActorNone}
	case OnlyBot:
		return word{kind: event.ActorBot}
	}
	if who, ok := g.of[w]; ok {
		return word{id: who, email: who}
	}
	return word{id: w, email: w, team: w}
}

func (w *word) counts(v *desk.View) bool {
	a := &v.Assignee
	switch {
	case w.kind != "":
		return a.Kind == w.kind
	case w.id == "":
		return false
	case a.Kind == event.ActorUser || a.Kind == event.ActorTeam && w.team != "": // a bot, or a team, may have a person's id
		if a.ID == w.id || a.Email != "" && strings.EqualFold(a.Email, w.email) {
			return true
		}
	}
	return w.team != "" && (strings.EqualFold(v.Team.Name, w.team) || v.Team.ID == w.team || strings.EqualFold(a.Name, w.team) && a.Kind == event.ActorTeam)
}

// mask says in which groups a conversation counts: bit n of list[n]. It has the form that the desk asks for.
func (g *groups) mask(v *desk.View) uint64 {
	g.meet(v)
	filled := false
	is := func(p *program) bool {
		if p == nil {
			return true
		}
		if !filled {
			filled = true
			g.fill(&g.about, v)
		}
		return p.holds(world{about: &g.about})
	}
	if !is(g.only) {
		return 0
	}
	mask := uint64(1)
	for n := 1; n < len(g.list); n++ {
		l := &g.list[n]
		named := len(l.only) == 0 || slices.ContainsFunc(l.only, func(w word) bool { return w.counts(v) })
		if named && is(l.of) {
			mask |= 1 << n
		}
	}
	return mask
}

// doubt notes a word that may be mistyped.
func (g *groups) doubt(key, text string) {
	_, known := g.of[text]
	if w := g.word(text); !known && w.kind == "" && !strings.ContainsAny(text, "@0123456789") {
		g.doubts = append(g.doubts, doubt{key, text, w})
	}
}

// meet sees whom the words in doubt name.
func (g *groups) meet(v *desk.View) {
	if k := v.Assignee.Kind; len(g.doubts) > 0 && (k == event.ActorUser || k == event.ActorTeam) {
		g.met++
		g.doubts = slices.DeleteFunc(g.doubts, func(d doubt) bool { return d.word.counts(v) })
	}
}

// problems says which words seem to name nobody.
func (g *groups) problems() (list []string) {
	if g.met < metEnough {
		return nil
	}
	for _, d := range g.doubts {
		list = append(list, fmt.Sprintf("%s: %q is no name in [people], and nobody and no team of that name has come: nothing counts for it", d.key, d.text))
	}
	return list
}

// fill makes what expressions look at of a conversation.
func (g *groups) fill(s *subject, v *desk.View) {
	*s = subject{labels: v.Labels}
	s.texts[textAccount], s.texts[textBot], s.texts[textChannel] = v.Account, v.Bot, v.Channel
	s.texts[textTitle], s.texts[textPerson] = v.Title, g.person(&v.Assignee)
	s.team(&v.Team)
	s.is(textAssignee, &v.Assignee)
	s.is(textPrevious, &v.Previous)
}

// person is the name that somebody has in [people], else the e-mail, else the id of a user.
func (g *groups) person(a *event.Actor) string {
	if a.Kind != event.ActorUser {
		return ""
	}
	for _, who := range []string{a.Email, a.ID} {
		if name := g.people[strings.ToLower(who)]; who != "" && name != "" {
			return name
		}
	}
	if a.Email != "" {
		return a.Email
	}
	return a.ID
}
