package agent

import (
	"strings"
	"testing"

	"deskbell/agent/event"
)

func TestWhatIsNotUnderstoodIsToldWithTheRemedy(t *testing.T) {
	c := census{meant: map[string]string{"meant": "other"}}
	if p := c.problems(); len(p) != 0 {
		t.Fatalf("before any event: %q", p)
	}
	for _, name := range []string{"moon_phase", "anna@hotel.example", "meant"} {
		c.count(event.Event{Kind: event.Other, Type: name})
	}
	for range 2 {
		c.count(event.Event{Kind: event.Other})
	}
	for range silentConversations {
		c.count(event.Event{Kind: event.ConversationCreate, Assignee: &event.Actor{Kind: "bot"}})
	}
	want := []string{
		"2 events without a type are not understood; run: deskbell learn",
		`1 event of type "anna@hotel.example" is not understood; run: deskbell learn`,
		"1 event of type moon_phase is not understood; run: deskbell learn",
		"40 conversations, not one hand-over recognised; run: deskbell learn",
	}
	if got := strings.Join(c.problems(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
	c.count(event.Event{Kind: event.AssigneeChange, Assignee: &event.Actor{Kind: "none"}})
	if got := c.problems(); len(got) != 3 {
		t.Errorf("after a hand-over: %q", got)
	}
}

func TestATypeFromOutsideCannotFillTheMemory(t *testing.T) {
	var c census
	for i := range 1000 {
		c.count(event.Event{Kind: event.Other, Type: strings.Repeat("x", i)})
	}
	if n := len(c.unknown); n != censusTypes {
		t.Errorf("%d types are kept", n)
	}
}
