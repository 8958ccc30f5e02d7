package agent

import (
	"strings"
	"testing"

	"deskbell/agent/event"
)

func TestWhatIsNotUnderstoodIsToldWithTheRemedy(t *testing.T) {
	var c census
	if p := c.problems(); len(p) != 0 {
		t.Fatalf("before any event: %q", p)
	}
	c.count(event.Event{Kind: event.Other, Type: "moon_phase"})
	for range 2 {
		c.count(event.Event{Kind: event.Other})
	}
	for range silentConversations {
		c.count(event.Event{Kind: event.ConversationCreate, Assignee: &event.Actor{Kind: "bot"}})
	}
	want := []string{
		"2 events without a type are not understood; name the type's kind in [webhook.types]",
		`1 event of type "moon_phase" is not understood; name the type's kind in [webhook.types]`,
		"40 conversations, not one hand-over recognised; say in [webhook.fields] where the platform puts the assignee",
	}
	if got := strings.Join(c.problems(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
	c.count(event.Event{Kind: event.AssigneeChange, Assignee: &event.Actor{Kind: "none"}})
	if got := c.problems(); len(got) != 2 {
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
