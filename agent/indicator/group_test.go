package indicator

import (
	"testing"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

func TestWhichConversationsAnOutputCounts(t *testing.T) {
	anna := event.Actor{Kind: event.ActorUser, ID: "7", Email: "Anna@hotel.example"}
	nobody, bot := event.Actor{Kind: event.ActorNone}, event.Actor{Kind: event.ActorBot, ID: "1"}
	team := event.Actor{Kind: event.ActorTeam, ID: "5"}
	people := map[string]string{"anna": "anna@Hotel.example", "ben": "8"}
	tests := []struct {
		name string
		only []string
		who  event.Actor
		team string
		want bool
	}{
		{"without only everybody counts", nil, anna, "", true},
		{"a person counts by e-mail, whatever its case", []string{"anna@hotel.example"}, anna, "", true},
		{"a person counts by id", []string{"7"}, anna, "", true},
		{"a person counts by name", []string{"anna"}, anna, "", true},
		{"a person named by id counts by name", []string{"ben"}, event.Actor{Kind: event.ActorUser, ID: "8"}, "", true},
		{"another person does not", []string{"8", "ben", "bob@hotel.example"}, anna, "", false},
		{"nobody counts as unassigned", []string{"unassigned"}, nobody, "", true},
		{"a person is not unassigned", []string{"unassigned"}, anna, "", false},
		{"the bot counts as bot", []string{"bot"}, bot, "", true},
		{"a team counts by id", []string{"5"}, team, "", true},
		{"a team counts by name", []string{"front desk"}, team, "Front desk", true},
		{"a conversation of a team counts with whoever it is", []string{"Front desk"}, anna, "Front desk", true},
		{"a bot is no person, though it has his id", []string{"ben", "8"}, event.Actor{Kind: event.ActorBot, ID: "8"}, "", false},
		{"a bot is no person, though it has his e-mail", []string{"anna", "anna@hotel.example"}, event.Actor{Kind: event.ActorBot, Email: "anna@hotel.example"}, "", false},
		{"a team is no person of that id", []string{"ben"}, event.Actor{Kind: event.ActorTeam, ID: "8"}, "", false},
		{"what is not known counts for nobody", []string{"unassigned", "bot", "7"}, event.Actor{Kind: event.ActorUnknown}, "", false},
		{"an empty id is nobody's", []string{""}, nobody, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, faults := newGroups(people)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			n := g.find(nil, tt.only)
			if got := g.mask(&desk.View{Assignee: tt.who, Team: event.Team{ID: "1", Name: tt.team}})&(1<<n) != 0; got != tt.want {
				t.Errorf("counts: %v", got)
			}
		})
	}
}

func TestEachOutputCountsForItself(t *testing.T) {
	c := Config{Outputs: []Output{{Name: "all"}, {Name: "hers", Only: []string{"7"}}, {Name: "free", Only: []string{OnlyUnassigned}}}, Rules: Builtin()}
	e, err := newEngine(c)
	if len(err) > 0 {
		t.Fatal(err)
	}
	facts := make([]desk.Facts, len(e.groups.list))
	for _, only := range [][]string{nil, {OnlyUnassigned}} {
		facts[e.groups.find(nil, only)].Waiting = 1
	}
	hers := &desk.View{Assignee: event.Actor{Kind: event.ActorUser, ID: "7"}}
	e.happen(happening{names: []string{"conversation_create"}, view: hers, groups: e.groups.mask(hers), received: began, live: true}, began)
	list, _ := e.decide(view{groups: facts, now: began + sec})
	want := []string{"pulse", "blink", "pulse"} // hers has no wait, but the new conversation
	for o, s := range list {
		if s.pattern != want[o] {
			t.Errorf("%s shows %s, want %s", e.outputs[o].Name, s.pattern, want[o])
		}
	}
	kept := e.entries(nil)
	again, err := newEngine(c)
	if len(err) > 0 {
		t.Fatal(err)
	}
	if err := again.restore(kept, began+sec); err != nil {
		t.Fatal(err)
	}
	list, _ = again.decide(view{now: began + 2*sec})
	for o, want := range []string{"blink", "blink", "off"} {
		if list[o].pattern != want {
			t.Errorf("after a restart %s shows %s, want %s", e.outputs[o].Name, list[o].pattern, want)
		}
	}
}

func TestAWordThatNamesNobodyIsToldInTime(t *testing.T) {
	c := Config{People: map[string]string{"anna": "a@hotel.example"}, Outputs: []Output{
		{Name: "one", Only: []string{"anna", "ana", "bot", "b@hotel.example", "7"}}, {Name: "two", Only: []string{"Front desk"}},
	}, Rules: Builtin()}
	e, faults := newEngine(c)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	team := &desk.View{Assignee: event.Actor{Kind: event.ActorTeam, ID: "5", Name: "Front desk"}}
	for n := range metEnough {
		if list := e.groups.problems(); len(list) > 0 {
			t.Fatalf("after %d conversations: %q", n, list)
		}
		e.groups.mask(&desk.View{Assignee: event.Actor{Kind: event.ActorBot}})
		e.groups.mask(team)
	}
	want := `output.one.only: "ana" is no name in [people], and nobody and no team of that name has come: nothing counts for it`
	if list := e.groups.problems(); len(list) != 1 || list[0] != want {
		t.Errorf("the problems are %q", list)
	}
}
