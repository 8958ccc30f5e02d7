package indicator

import (
	"testing"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// TestWhatWhenLooksAt has a rule look at an event of one conversation.
func TestWhatWhenLooksAt(t *testing.T) {
	const at = began
	anna := &event.Actor{Kind: event.ActorUser, ID: "5", Email: "anna@hotel.example"}
	first := event.Event{
		Kind: event.ConversationCreate, Conversation: "c", Time: time.Unix(1000, 0), Account: "7", Bot: "8861", Channel: "WEB", Title: "Room 12",
		Labels: []string{"VIP"}, Team: event.Team{ID: "3", Name: "Front desk"}, Assignee: anna,
	}
	note := event.Event{Kind: event.Note, Type: "note_added", Conversation: "c", Time: time.Unix(1001, 0)}
	with := func(e event.Event, change func(*event.Event)) event.Event { change(&e); return e }
	for _, tt := range []struct {
		name  string
		event event.Event
		ago   time.Duration
		live  bool
		when  string
		want  bool
	}{
		{"what the event says", note, 0, true, `kind == "note" and type == "note_added" and not delayed`, true},
		{"what it does not say its conversation knows", note, 0, true,
			`bot == 8861 and account == 7 and channel == "WEB" and title == "Room 12" and "VIP" in labels and team == "Front desk" and person == "anna"`, true},
		{"what it says itself goes before", with(note, func(e *event.Event) { e.Channel, e.Labels = "APP", []string{} }), 0, true, `channel == "APP" and len(labels) == 0`, true},
		{"its own team too", with(note, func(e *event.Event) { e.Time, e.Team = time.Unix(999, 0), event.Team{ID: "4", Name: "Kitchen"} }), 0, true,
			`team == "Kitchen" and team == "4"`, true},
		{"its own assignee too, though a newer one is known", with(note, func(e *event.Event) {
			e.Time, e.Assignee = time.Unix(999, 0), &event.Actor{Kind: event.ActorBot, ID: "1"}
		}), 0, true, `assignee.kind == "bot" and person == ""`, true},
		{"who was it before", with(note, func(e *event.Event) { e.Assignee = &event.Actor{Kind: event.ActorNone} }), 0, true,
			`assignee.kind == "none" and previous.email == "anna@hotel.example"`, true},
		{"who wrote it", with(note, func(e *event.Event) { e.Author = event.Actor{Kind: event.ActorVisitor} }), 0, true, `author.kind == "visitor"`, true},
		{"an event that is not of now says so", note, delayed + 1, true, `delayed`, true},
		{"30 s are now", note, delayed, true, `delayed`, false},
		{"one that came before the start says so", note, 0, false, `delayed`, true},
		{"one that names no conversation is of nobody", with(note, func(e *event.Event) { e.Conversation, e.Bot = "", "9" }), 0, true,
			`bot == 9 and channel == "" and assignee.kind == "unknown"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, faults := newCore(Config{
				Outputs: lampAndBuzzer, People: map[string]string{"anna": "anna@hotel.example"},
				Rules: []Rule{{Name: "r", On: []string{"note"}, When: tt.when, Show: show(Lights, "on")}},
			})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			c.take(first, desk.Stamp{At: at, Sequence: 1, ID: [16]byte{1}}, at, true)
			c.take(tt.event, desk.Stamp{At: at, Sequence: 2, ID: [16]byte{2}}, at+tt.ago, tt.live)
			if got := c.engine.fired[0].Count > 0; got != tt.want {
				t.Errorf("%s is %v", tt.when, got)
			}
		})
	}
}

// TestAnEventOfNoConversationCountsForWhomItNames: the desk knows nothing of it, and still [desk] only and `of` are asked.
func TestAnEventOfNoConversationCountsForWhomItNames(t *testing.T) {
	for bot, want := range map[string]bool{"8861": true, "1": false} {
		c, faults := newCore(Config{
			Outputs: lampAndBuzzer, Only: "bot == 8861", Rules: []Rule{{Name: "r", On: []string{"note"}, Of: `account != ""`, Show: show(Lights, "on")}},
		})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		e := event.Event{Kind: event.Note, Account: "7", Bot: bot}
		if got := c.take(e, desk.Stamp{At: began}, began, true); got != want {
			t.Errorf("of bot %s: %v", bot, got)
		}
	}
}
