package desk

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"deskbell/agent/event"
)

const (
	bot  = "bot 8181"
	anna = "user anna"
	ben  = "user ben"
	team = "team front"
	none = "none"
	sec  = time.Second
	min1 = time.Minute
	hour = time.Hour
)

// contract is what the deployed default says.
var contract = Config{AckLasts: 10 * time.Minute, WaitAtMost: 2 * time.Hour}

type story struct {
	name    string
	config  *Config // nil: contract
	story   []any
	want    string // the counts
	moments string
}

// TestDesk holds a case for each sentence of the contract's section 6. Each is told three times: once through, with a restart
// after every step, and with every event twice.
func TestDesk(t *testing.T) {
	groups := []struct {
		name    string
		stories []story
	}{
		{"open and closed", openStories}, {"assignee", assigneeStories}, {"wait begins", waitStories},
		{"wait ends", endStories}, {"reply", replyStories}, {"acknowledgement", ackStories},
		{"unanswered", unansweredStories}, {"order", orderStories},
	}
	for _, g := range groups {
		for _, s := range g.stories {
			t.Run(g.name+": "+s.name, func(t *testing.T) {
				config := contract
				if s.config != nil {
					config = *s.config
				}
				through, broken, twice := newTeller(config), newTeller(config), newTeller(config)
				kept := map[string][]byte{}
				for _, step := range s.story {
					through.tell(step)
					twice.tell(step)
					if e, ok := step.(told); ok && !e.Time.IsZero() {
						twice.tell(step)
					}
					broken.tell(step)
					broken = broken.reopened(t, kept)
				}
				for name, d := range map[string]*teller{"": through, " with restarts": broken, " with repeats": twice} {
					d.check(t)
					if got := d.words(); got != s.want {
						t.Errorf("the desk is %q, want %q%s", got, s.want, name)
					}
					if got := d.happened(); got != s.moments {
						t.Errorf("moments are %q, want %q%s", got, s.moments, name)
					}
				}
			})
		}
	}
}

var openStories = []story{
	{name: "a conversation is open from its creation",
		story: []any{created(0, bot)}, want: "open"},
	{name: "or from the first event seen of it",
		story: []any{tell(0, event.Label)}, want: "open"},
	{name: "until a status says closed",
		story: []any{created(0, bot), turned(5*sec, event.Closed)}, want: "", moments: "closed"},
	{name: "or 24 h after its last event was received",
		story: []any{created(0, bot), visitor(hour), pass(25*hour - sec)}, want: "open"},
	{name: "24 h after its last event was received it is closed",
		story: []any{created(0, bot), visitor(hour), pass(25 * hour)}, want: "", moments: "closed"},
	{name: "the 24 h run from receipt, not from the event's own time",
		story: []any{created(-20*hour, bot), pass(23 * hour)}, want: "open"},
	{name: "the 24 h end a wait too",
		config: &Config{}, story: []any{created(0, anna), pass(24 * hour)}, want: "", moments: "wait_began wait_ended closed"},
	{name: "after that it begins anew with the next event",
		story: []any{created(0, anna), pass(24 * hour), visitor(25 * hour)}, want: "open unanswered",
		moments: "wait_began wait_ended closed"},
	{name: "an event without a conversation makes none",
		story: []any{created(0, anna).of("")}, want: ""},
	{name: "a message status makes none and changes none",
		story: []any{tell(0, event.MessageStatus).of("other").to(anna), created(0, bot), passed(sec, anna).as(event.MessageStatus)}, want: "open"},
	{name: "one that is closed when first seen is not open",
		story: []any{turned(0, event.Closed)}, want: ""},
	{name: "a later status reopens it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), turned(9*sec, event.Open)}, want: "open", moments: "closed"},
	{name: "a later message of the visitor reopens it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), visitor(9*sec, "button.response")}, want: "open", moments: "closed"},
	{name: "a later message of a person does not reopen it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), user(9*sec, "anna")}, want: "", moments: "closed"},
	{name: "a later change of assignee does not reopen it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), passed(9*sec, anna)}, want: "", moments: "closed"},
	{name: "later labels, notes and variables do not reopen it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), tell(6*sec, event.Label), tell(7*sec, event.Note), tell(8*sec, event.Variable)},
		want:  "", moments: "closed"},
	{name: "events with an earlier time of their own, arriving late, do not reopen it",
		story: []any{created(0, bot), turned(5*sec, event.Closed), visitor(4 * sec).late(8 * sec), turned(3*sec, event.Open).late(9 * sec),
			passed(2*sec, anna).late(9 * sec)}, want: "", moments: "closed"},
	{name: "its creation arriving after its end does not open it",
		story: []any{turned(5*sec, event.Closed), created(0, anna).late(6 * sec)}, want: ""},
	{name: "reopened with a person it waits, for nobody has answered yet",
		story: []any{created(0, anna), user(5*sec, "anna"), turned(10*sec, event.Closed), visitor(20 * sec)},
		want:  "open waiting unanswered", moments: "wait_began wait_ended closed wait_began"},
	{name: "a closed one is remembered until 24 h after its last event",
		story: []any{created(0, bot), turned(5*sec, event.Closed), pass(24 * hour), visitor(4 * sec).late(24*hour + 4*sec)}, want: "", moments: "closed"},
	{name: "and forgotten then",
		story: []any{created(0, bot), turned(5*sec, event.Closed), pass(24*hour + 5*sec), tell(0, event.Label).late(25 * hour)}, want: "open", moments: "closed"},
}

var assigneeStories = []story{
	{name: "with a bot nobody waits", story: []any{created(0, bot), visitor(sec)}, want: "open"},
	{name: "an assignee unknown does not wait", story: []any{created(0, "unknown 7")}, want: "open"},
	{name: "an assignee never told does not wait", story: []any{visitor(0)}, want: "open unanswered"},
	{name: "an assignee none is unassigned", story: []any{created(0, none)}, want: "open waiting unassigned", moments: "wait_began"},
	{name: "closed it is not unassigned", story: []any{created(0, none), turned(sec, event.Closed)}, want: "", moments: "wait_began wait_ended closed"},
	{name: "the field counts in an event of any kind", story: []any{created(0, bot), tell(sec, event.Variable).to(team)}, want: "open waiting", moments: "wait_began"},
	{name: "in a message too", story: []any{created(0, bot), visitor(sec).to(team)}, want: "open waiting unanswered", moments: "wait_began"},
	{name: "and a status in any kind", story: []any{created(0, bot), func() told { e := tell(sec, event.Note); e.Status = event.Closed; return e }()}, want: "", moments: "closed"},
	{name: "one of unknown type is who has its id in this conversation", story: []any{created(0, bot), passed(5*sec, anna), passed(10*sec, "unknown anna")},
		want: "open waiting", moments: "wait_began"},
	{name: "also when that is told only later", story: []any{created(0, bot), passed(10*sec, "unknown anna"), passed(5*sec, anna).late(20 * sec)},
		want: "open waiting", moments: "wait_began"},
	{name: "and when it was long ago", story: slices.Concat([]any{created(0, bot), passed(5*sec, anna)}, chat(10*sec, 60), []any{passed(20*min1, bot), passed(21*min1, "unknown anna")}),
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "found out after many messages it begins to wait", story: slices.Concat([]any{passed(10*sec, "unknown anna")}, monologue(20*sec, 80), []any{passed(5*sec, anna).late(10 * min1)}),
		want: "open waiting unanswered", moments: "wait_began"},
	{name: "one without an id is who has its e-mail", story: []any{mailed(created(0, anna), "Anna@hotel.example"), mailed(passed(10*sec, "unknown "), "anna@hotel.example")},
		want: "open waiting", moments: "wait_began"},
	{name: "one of another id is not known, and does not wait", story: []any{created(0, anna), passed(10*sec, "unknown x")}, want: "open", moments: "wait_began"},
	{name: "in a kind that is not understood too", story: []any{created(0, bot), tell(sec, event.Other).to(anna)}, want: "open waiting", moments: "wait_began"},
}

var waitStories = []story{
	{name: "a conversation created with a person waits", story: []any{created(0, anna)}, want: "open waiting", moments: "wait_began"},
	{name: "created with a team it waits", story: []any{created(0, team)}, want: "open waiting", moments: "wait_began"},
	{name: "passing from the bot to a person it waits", story: []any{created(0, bot), passed(sec, anna)}, want: "open waiting", moments: "wait_began"},
	{name: "passing from the bot to nobody it waits", story: []any{created(0, bot), passed(sec, none)}, want: "open waiting unassigned", moments: "wait_began"},
	{name: "first known to be with a person by a change, it waits", story: []any{visitor(0), passed(sec, anna)}, want: "open waiting unanswered", moments: "wait_began"},
	{name: "moves while it waits belong to the same wait", story: []any{created(0, bot), passed(sec, team), passed(10*sec, anna), passed(20*sec, ben), passed(30*sec, none)},
		want: "open waiting unassigned", moments: "wait_began"},
	{name: "told again whom it is with, nothing begins", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, anna)}, want: "open", moments: "wait_began wait_ended"},
	{name: "passing to another person after a reply it waits again", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, ben)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "passing to a team after a reply it does not", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, team)}, want: "open", moments: "wait_began wait_ended"},
	{name: "by way of a team to another person it does", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, team), passed(20*sec, ben)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "by way of a team back to the same person it does not", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, none), passed(20*sec, anna)},
		want: "open", moments: "wait_began wait_ended"},
	{name: "who answered for the team may take it over", story: []any{created(0, team), user(5*sec, "anna"), passed(10*sec, anna)}, want: "open", moments: "wait_began wait_ended"},
	{name: "somebody else who takes it over is waited for", story: []any{created(0, team), user(5*sec, "anna"), passed(10*sec, ben)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "back with the bot and handed over again it waits again", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, bot), passed(20*sec, anna)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "a reply before the hand-over does not count for it", story: []any{created(0, bot), user(5*sec, "anna"), passed(10*sec, anna)}, want: "open waiting", moments: "wait_began"},
	{name: "assigned while closed it does not wait", story: []any{created(0, bot), turned(sec, event.Closed), passed(2*sec, anna)}, want: "", moments: "closed"},
}

var endStories = []story{
	{name: "a person's reply ends it", story: []any{created(0, anna), user(5*sec, "anna")}, want: "open", moments: "wait_began wait_ended"},
	{name: "anybody's reply ends it", story: []any{created(0, anna), user(5*sec, "ben")}, want: "open", moments: "wait_began wait_ended"},
	{name: "going back to the bot ends it", story: []any{created(0, anna), passed(5*sec, bot)}, want: "open", moments: "wait_began wait_ended"},
	{name: "closing ends it", story: []any{created(0, anna), turned(5*sec, event.Closed)}, want: "", moments: "wait_began wait_ended closed"},
	{name: "it goes on for wait_at_most after the visitor's last sign", story: []any{created(0, anna), visitor(hour), pass(3*hour - sec)}, want: "open waiting unanswered", moments: "wait_began"},
	{name: "then it ends", story: []any{created(0, anna), visitor(hour), pass(3 * hour)}, want: "open unanswered", moments: "wait_began wait_ended"},
	{name: "without a word of the visitor the hand-over is the sign", story: []any{created(0, bot), passed(hour, anna), pass(3*hour - sec)}, want: "open waiting", moments: "wait_began"},
	{name: "moves are no sign of the visitor", story: []any{created(0, anna), passed(hour, ben), pass(2 * hour)}, want: "open", moments: "wait_began wait_ended"},
	{name: "the visitor's last sign is by its own time, its age by receipt", story: []any{created(0, anna), visitor(hour), visitor(10 * sec).late(90 * min1), pass(3 * hour)},
		want: "open unanswered", moments: "wait_began wait_ended"},
	{name: "once ended by time, later words do not begin it again", story: []any{created(0, anna), pass(2 * hour), visitor(3 * hour)}, want: "open unanswered", moments: "wait_began wait_ended"},
	{name: "a late older event does not begin it again either", story: []any{created(0, anna), pass(2 * hour), passed(5*sec, ben).late(3 * hour)}, want: "open", moments: "wait_began wait_ended"},
	{name: "handed over from the bot again it begins again", story: []any{created(0, anna), pass(2 * hour), passed(3*hour, bot), passed(4*hour, anna)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "nor does passing on when nobody has replied in that wait", story: []any{created(0, anna), user(5*sec, "anna"), passed(10*sec, ben), pass(3 * hour), passed(4*hour, anna)},
		want: "open", moments: "wait_began wait_ended wait_began wait_ended"},
	{name: "a wait_at_most of 0 is for ever", config: &Config{}, story: []any{created(0, anna), pass(23 * hour)}, want: "open waiting", moments: "wait_began"},
	{name: "the time is looked at before an event that comes later", story: []any{created(0, anna), user(3*hour, "anna")}, want: "open", moments: "wait_began wait_ended"},
}

var replyStories = []story{
	{name: "an image is a reply", story: []any{created(0, anna), user(5*sec, "anna", "image")}, want: "open", moments: "wait_began wait_ended"},
	{name: "audio is a reply", story: []any{created(0, anna), user(5*sec, "anna", "audio")}, want: "open", moments: "wait_began wait_ended"},
	{name: "video is a reply", story: []any{created(0, anna), user(5*sec, "anna", "video")}, want: "open", moments: "wait_began wait_ended"},
	{name: "a document is a reply", story: []any{created(0, anna), user(5*sec, "anna", "document")}, want: "open", moments: "wait_began wait_ended"},
	{name: "flow items never are", story: []any{created(0, anna), user(5*sec, "anna", "form"), user(6*sec, "anna", "button"), user(7*sec, "anna", "list"),
		user(8*sec, "anna", "slider"), user(9*sec, "anna", "calendar"), user(10*sec, "anna", "carousel"), user(11*sec, "anna", "javascript"),
		user(12*sec, "anna", "file_upload"), user(13*sec, "anna", "appointment_booking")}, want: "open waiting", moments: "wait_began"},
	{name: "a message signed by an assigned bot is not", story: []any{created(0, bot), passed(5*sec, anna), user(10*sec, "8181")}, want: "open waiting", moments: "wait_began"},
	{name: "nor by a bot that is found out only later", story: []any{passed(5*sec, anna), user(10*sec, "8181"), created(0, bot).late(12 * sec)}, want: "open waiting",
		moments: "wait_began wait_ended wait_began"},
	{name: "nor by one of several assigned bots", story: []any{created(0, bot), passed(sec, "bot 9"), passed(5*sec, anna), user(10*sec, "8181")}, want: "open waiting", moments: "wait_began"},
	{name: "of many assigned bots the first is not forgotten", story: append(manyBots(20), passed(50*sec, anna), user(60*sec, "bot 0")), want: "open waiting", moments: "wait_began"},
	{name: "nor is the newest", story: append(manyBots(20), passed(50*sec, anna), user(60*sec, "bot 19")), want: "open waiting", moments: "wait_began"},
	{name: "nor are bots for people", story: append(append([]any{created(0, bot)}, manyPeople(30)...), visitor(50*sec), user(60*sec, "8181")), want: "open waiting unanswered", moments: "wait_began"},
	{name: "nor in a long chat", story: append(append([]any{created(0, bot), passed(5*sec, anna)}, chat(10*sec, 80)...), visitor(20*min1), user(20*min1+5*sec, "8181")),
		want: "open unanswered", moments: "wait_began wait_ended"},
	{name: "a message of a bot is not", story: []any{created(0, anna), func() told { e := user(5*sec, "x"); e.Author.Kind = "bot"; return e }()}, want: "open waiting", moments: "wait_began"},
	{name: "an agent without an id counts", story: []any{created(0, anna), user(5*sec, "")}, want: "open", moments: "wait_began wait_ended"},
	{name: "a note is none", story: []any{created(0, anna), user(5*sec, "anna").as(event.Note)}, want: "open waiting", moments: "wait_began"},
	{name: "not within 1 s after a change of assignee", story: []any{created(0, bot), passed(5*sec, anna), user(6*sec, "anna")}, want: "open waiting", moments: "wait_began"},
	{name: "but after more than 1 s", story: []any{created(0, bot), passed(5*sec, anna), user(6*sec+time.Millisecond, "anna")}, want: "open", moments: "wait_began wait_ended"},
	{name: "the second counts by the events' time, not by receipt", story: []any{created(0, bot), passed(5*sec, anna).late(20 * sec), user(8*sec, "anna").late(20 * sec)},
		want: "open", moments: "wait_began wait_ended"},
	{name: "not at the very time of the change, whichever id is greater", story: []any{created(0, bot), passed(5*sec, team), passed(9*sec, anna).id("b"), user(9*sec, "anna").id("a")},
		want: "open waiting", moments: "wait_began"},
	{name: "to be told the same assignee again is no change", story: []any{created(0, anna), passed(5*sec, anna), user(5*sec+time.Millisecond, "anna")}, want: "open", moments: "wait_began wait_ended"},
	{name: "without times of their own the second counts by receipt", story: []any{timeless(created(0, anna)), timeless(user(sec, "anna"))}, want: "open waiting", moments: "wait_began"},
	{name: "and ends by receipt", story: []any{timeless(created(0, anna)), timeless(user(2*sec, "anna"))}, want: "open", moments: "wait_began wait_ended"},
}

// timeless takes an event's own time away; it arrives then.
func timeless(e told) told {
	e.arrives = e.receipt()
	e.Time = time.Time{}
	return e
}

func mailed(e told, address string) told {
	e.Assignee.Email = address
	return e
}

// manyBots has a conversation go from bot to bot, one each second.
func manyBots(n int) (steps []any) {
	for i := range n {
		steps = append(steps, passed(time.Duration(i)*sec, fmt.Sprintf("bot bot %d", i)))
	}
	return steps
}

// manyPeople has it go from person to person.
func manyPeople(n int) (steps []any) {
	for i := range n {
		steps = append(steps, passed(time.Duration(10+i)*sec, fmt.Sprintf("user %d", i)))
	}
	return steps
}
