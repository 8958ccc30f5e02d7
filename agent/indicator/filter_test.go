package indicator

import (
	"fmt"
	"strings"
	"testing"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

func TestWhichConversationsAnOutputCounts(t *testing.T) {
	anna := event.Actor{Kind: event.ActorUser, ID: "7", Email: "Anna@hotel.example"}
	nobody, bot := event.Actor{Kind: event.ActorNone}, event.Actor{Kind: event.ActorBot, ID: "1"}
	tests := []struct {
		name string
		only filter
		who  event.Actor
		want bool
	}{
		{"without only everybody counts", nil, anna, true},
		{"a person counts by e-mail, whatever its case", filter{"anna@hotel.example"}, anna, true},
		{"a person counts by id", filter{"7"}, anna, true},
		{"another person does not", filter{"8", "bob@hotel.example"}, anna, false},
		{"nobody counts as unassigned", filter{"unassigned"}, nobody, true},
		{"a person is not unassigned", filter{"unassigned"}, anna, false},
		{"the bot counts as bot", filter{"bot"}, bot, true},
		{"what is not known counts for nobody", filter{"unassigned", "bot", "7"}, event.Actor{Kind: event.ActorUnknown}, false},
		{"an empty id is nobody's", filter{""}, nobody, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.only.counts(tt.who); got != tt.want {
				t.Errorf("counts: %v", got)
			}
		})
	}
}

func TestEachOutputCountsForItself(t *testing.T) {
	e, err := newEngine([]Output{{Name: "all"}, {Name: "hers", Only: []string{"7"}}, {Name: "free", Only: []string{OnlyUnassigned}}}, Builtin())
	if err != nil {
		t.Fatal(err)
	}
	filters := map[string]int{}
	for i, f := range e.filters {
		name := "all"
		if len(f) > 0 {
			name = f[0]
		}
		filters[name] = i
	}
	facts := make([]desk.Facts, len(e.filters))
	facts[filters["all"]].Waiting, facts[filters[OnlyUnassigned]].Waiting = 1, 1
	e.happen([]string{"conversation_create"}, began, began, true, event.Actor{Kind: event.ActorUser, ID: "7"})
	list, _ := e.decide(view{Facts: facts[filters["all"]], filtered: facts, now: began + sec})
	want := []string{"pulse", "blink", "pulse"} // hers has no wait, but the new conversation
	for o, s := range list {
		if s.pattern != want[o] {
			t.Errorf("%s shows %s, want %s", e.outputs[o].Name, s.pattern, want[o])
		}
	}
	kept := e.entries(nil)
	again, err := newEngine(e.outputs, Builtin())
	if err != nil {
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

func TestMoreFiltersThanTheDeskTellsApart(t *testing.T) {
	c := testConfig()
	c.Outputs = nil
	for i := range desk.Groups + 1 {
		c.Outputs = append(c.Outputs, Output{Name: fmt.Sprint("lamp", i), Only: []string{fmt.Sprint(i)}})
	}
	if _, err := newCore(c); err == nil || !strings.Contains(err.Error(), "65 different lists") {
		t.Errorf("65 filters: %v", err)
	}
	c.Outputs = c.Outputs[1:]
	if _, err := newCore(c); err != nil {
		t.Error(err)
	}
}
