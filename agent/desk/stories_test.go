package desk

import (
	"time"

	"deskbell/agent/event"
)

var ackStories = []story{
	{name: "acknowledged it does not count as waiting", story: []any{created(0, anna), press(5 * sec)}, want: "open acknowledged", moments: "wait_began"},
	{name: "what does not wait is not acknowledged", story: []any{created(0, bot), press(5 * sec), passed(10*sec, anna)}, want: "open waiting", moments: "wait_began"},
	{name: "it is suspended for ack_lasts", story: []any{created(0, anna), press(5 * sec), pass(10*min1 + 4*sec)}, want: "open acknowledged", moments: "wait_began"},
	{name: "then it waits again, and it is the same wait", story: []any{created(0, anna), press(5 * sec), pass(10*min1 + 5*sec)}, want: "open waiting", moments: "wait_began"},
	{name: "an ack_lasts of 0 is for good", config: &Config{}, story: []any{created(0, anna), press(5 * sec), pass(23 * hour)}, want: "open acknowledged", moments: "wait_began"},
	{name: "pressed again it lasts from then", story: []any{created(0, anna), press(5 * sec), press(5 * min1), pass(14 * min1)}, want: "open acknowledged", moments: "wait_began"},
	{name: "moves do not end it", story: []any{created(0, team), press(5 * sec), passed(10*sec, anna), passed(20*sec, ben)}, want: "open acknowledged", moments: "wait_began"},
	{name: "becoming unassigned ends it", story: []any{created(0, team), press(5 * sec), passed(10*sec, none)}, want: "open waiting unassigned", moments: "wait_began"},
	{name: "unassigned when acknowledged, it holds", story: []any{created(0, none), press(5 * sec), passed(10*sec, none)}, want: "open acknowledged unassigned", moments: "wait_began"},
	{name: "handed over from the bot again it waits again", story: []any{created(0, anna), press(5 * sec), passed(10*sec, bot), passed(20*sec, anna)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "a reply ends the wait", story: []any{created(0, anna), press(5 * sec), user(10*sec, "anna"), pass(hour)}, want: "open", moments: "wait_began wait_ended"},
	{name: "the next wait is not acknowledged", story: []any{created(0, anna), press(5 * sec), user(10*sec, "anna"), passed(20*sec, ben)},
		want: "open waiting", moments: "wait_began wait_ended wait_began"},
	{name: "it covers the newest hand-over known then, so a late older one changes nothing",
		story: []any{passed(10*sec, anna), press(20 * sec), passed(5*sec, none).late(30 * sec)}, want: "open acknowledged", moments: "wait_began"},
	{name: "a late one that is newer than the newest known is not covered",
		story: []any{passed(10*sec, anna), visitor(15 * sec), press(20 * sec), passed(12*sec, none).late(30 * sec)}, want: "open waiting unanswered unassigned", moments: "wait_began"},
	{name: "it covers a wait that began with a reopening",
		story: []any{created(0, anna), turned(5*sec, event.Closed), visitor(10 * sec), press(20 * sec)}, want: "open acknowledged unanswered",
		moments: "wait_began wait_ended closed wait_began"},
	{name: "each conversation on its own", story: []any{created(0, anna), press(5 * sec), created(10*sec, ben).of("other")}, want: "2 open waiting acknowledged",
		moments: "wait_began wait_began"},
	{name: "it covers all that wait", story: []any{created(0, anna), created(10*sec, ben).of("other"), press(20 * sec)}, want: "2 open 2 acknowledged", moments: "wait_began wait_began"},
	{name: "wait_at_most ends an acknowledged wait as well", story: []any{created(0, anna), press(hour + 55*min1), pass(2 * hour)}, want: "open", moments: "wait_began wait_ended"},
}

var unansweredStories = []story{
	{name: "open, with a person, and the visitor spoke last", story: []any{created(0, anna), visitor(5 * sec)}, want: "open waiting unanswered", moments: "wait_began"},
	{name: "not with the bot", story: []any{created(0, bot), visitor(5 * sec)}, want: "open"},
	{name: "not once a person spoke", story: []any{created(0, anna), visitor(5 * sec), user(9*sec, "anna")}, want: "open", moments: "wait_began wait_ended"},
	{name: "again when the visitor speaks again, though nothing waits", story: []any{created(0, anna), user(5*sec, "anna"), visitor(9 * sec)}, want: "open unanswered", moments: "wait_began wait_ended"},
	{name: "not when closed", story: []any{created(0, anna), visitor(5 * sec), turned(9*sec, event.Closed)}, want: "", moments: "wait_began wait_ended closed"},
	{name: "flow items are no answer", story: []any{created(0, anna), visitor(5 * sec), user(9*sec, "anna", "form")}, want: "open waiting unanswered", moments: "wait_began"},
	{name: "by the events' own time", story: []any{created(0, anna), user(9*sec, "anna"), visitor(5 * sec).late(12 * sec)}, want: "open", moments: "wait_began wait_ended"},
	{name: "what was said to the bot is unanswered once it is handed over", story: []any{created(0, bot), visitor(5 * sec), passed(9*sec, anna)}, want: "open waiting unanswered", moments: "wait_began"},
}

var orderStories = []story{
	{name: "a late older change of assignee does not overwrite a newer one", story: []any{created(0, bot), passed(20*sec, bot), passed(10*sec, anna).late(30 * sec)}, want: "open"},
	{name: "a late older status does not overwrite a newer one", story: []any{created(0, bot), turned(20*sec, event.Open), turned(10*sec, event.Closed).late(30 * sec)}, want: "open"},
	{name: "a late newer one does", story: []any{created(0, bot), tell(30*sec, event.Label), passed(20*sec, anna).late(40 * sec)}, want: "open waiting", moments: "wait_began"},
	{name: "of two at one time the greater id is newer", story: []any{created(0, bot), passed(10*sec, anna).id("a"), passed(10*sec, bot).id("b")}, want: "open", moments: "wait_began wait_ended"},
	{name: "whichever comes first", story: []any{created(0, bot), passed(10*sec, bot).id("b"), passed(10*sec, anna).id("a")}, want: "open"},
	{name: "a reply that comes before the hand-over it answers", story: []any{created(0, bot), user(20*sec, "anna"), passed(10*sec, anna).late(30 * sec)}, want: "open"},
	{name: "a late older event keeps the wait one and the same", story: []any{passed(20*sec, anna), passed(10*sec, team).late(30 * sec), created(0, bot).late(40 * sec)}, want: "open waiting", moments: "wait_began"},
	{name: "an event without a time counts as at its receipt", story: []any{created(0, bot), timeless(passed(10*sec, anna))}, want: "open waiting", moments: "wait_began"},
	{name: "so a later receipt is newer", story: []any{timeless(created(0, bot)), timeless(passed(10*sec, anna)), timeless(passed(20*sec, bot))}, want: "open", moments: "wait_began wait_ended"},
	{name: "a timed event is newer than one without, if its time is later than all", story: []any{created(0, bot), timeless(passed(10*sec, anna)), passed(20*sec, bot)}, want: "open", moments: "wait_began wait_ended"},
	{name: "the year 9999 and the year 1 are times as well", story: []any{
		func() told {
			e := passed(0, anna)
			e.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			return e.late(0)
		}(),
		func() told {
			e := passed(0, bot)
			e.Time = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)
			return e.late(sec)
		}()}, want: "open waiting", moments: "wait_began"},
	{name: "a change that comes later than many messages still counts", story: append(append([]any{created(0, bot)}, chat(10*sec, 40)...), passed(9*sec, team).late(2*hour)),
		want: "open", moments: ""},
	{name: "a hand-over that comes later than many messages to which nobody replied still begins the wait",
		story: append(append([]any{created(0, bot)}, monologue(10*sec, 40)...), passed(9*sec, team).late(80*sec)), want: "open waiting unanswered", moments: "wait_began"},
	{name: "an older end than many messages does not close it", story: append(append([]any{created(0, bot)}, monologue(10*sec, 40)...), turned(9*sec, event.Closed).late(80*sec)), want: "open"},
	{name: "an end that comes so late does not close what the visitor has reopened since",
		story: append(append([]any{created(0, bot), visitor(10 * sec)}, answers(11*sec, 40)...), turned(9*sec, event.Closed).late(80*sec)), want: "open"},
	{name: "a hand-over that comes so late was answered since",
		story: append(append([]any{created(0, bot), user(12*sec, "anna")}, monologue(20*sec, 40)...), passed(9*sec, team).late(80*sec)), want: "open unanswered"},
	{name: "a long chat keeps its state", story: append([]any{created(0, bot), passed(5*sec, anna)}, chat(10*sec, 100)...), want: "open", moments: "wait_began wait_ended"},
}

// chat is a visitor and a person who take turns, n times each.
func chat(from time.Duration, n int) []any {
	var steps []any
	for i := range n {
		at := from + time.Duration(i)*10*sec
		steps = append(steps, visitor(at), user(at+5*sec, "anna"))
	}
	return steps
}

// answers is a person who writes every second.
func answers(from time.Duration, n int) []any {
	var steps []any
	for i := range n {
		steps = append(steps, user(from+time.Duration(i)*sec, "anna"))
	}
	return steps
}

// monologue is a visitor who writes every second.
func monologue(from time.Duration, n int) []any {
	var steps []any
	for i := range n {
		steps = append(steps, visitor(from+time.Duration(i)*sec))
	}
	return steps
}
