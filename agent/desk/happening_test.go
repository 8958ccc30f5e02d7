package desk

import (
	"fmt"
	"strings"
	"testing"

	"deskbell/agent/event"
)

// TestHappenings says of whom each moment tells, and which event began the wait. The events' sequences are 1, 2, 3 …
func TestHappenings(t *testing.T) {
	for _, c := range []struct {
		name  string
		story []any
		want  string
	}{
		{"a wait begins with the event that told of the person", []any{created(0, bot), visitor(sec), passed(2*sec, anna)}, "wait_began guest user anna 3"},
		{"it ends with the number it began with", []any{created(0, anna), visitor(sec), user(3*sec, "anna")}, "wait_began guest user anna 1, wait_ended guest user anna 1"},
		{"moves are the same wait", []any{created(0, team), passed(sec, anna), passed(2*sec, bot)}, "wait_began guest team front 1, wait_ended guest bot 8181 1"},
		{"closed while it waits", []any{created(0, anna), turned(sec, event.Closed)},
			"wait_began guest user anna 1, wait_ended guest user anna 1, closed guest user anna 1"},
		{"closed after a reply", []any{created(0, anna), user(3*sec, "anna"), turned(4*sec, event.Closed)},
			"wait_began guest user anna 1, wait_ended guest user anna 1, closed guest user anna 0"},
		{"passed on after a reply", []any{created(0, anna), user(3*sec, "anna"), passed(5*sec, ben)},
			"wait_began guest user anna 1, wait_ended guest user anna 1, wait_began guest user ben 3"},
		{"a hand-over of before that comes late is part of the wait, which began by receipt", []any{passed(9*sec, anna), passed(5*sec, team).late(20 * sec), turned(30*sec, event.Closed)},
			"wait_began guest user anna 1, wait_ended guest user anna 1, closed guest user anna 1"},
		{"what ends by time is told of its own conversation, not of the event's", []any{created(0, anna), created(hour, ben).of("other"), visitor(2*hour + sec).of("third")},
			"wait_began guest user anna 1, wait_began other user ben 2, wait_ended guest user anna 1"},
		{"a conversation that is forgotten is told as it was", []any{created(0, bot), passed(23*hour, anna).late(sec), pass(25 * hour)},
			"wait_began guest user anna 2, wait_ended guest user anna 2, closed guest user anna 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			through, broken := newTeller(contract), newTeller(contract)
			kept := map[string][]byte{}
			for _, step := range c.story {
				through.tell(step)
				broken.tell(step)
				broken = broken.reopened(t, kept)
			}
			for name, d := range map[string]*teller{"": through, " with restarts": broken} {
				var got []string
				for _, h := range d.list {
					got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", h.Moment, h.View.Key, h.View.Assignee.Kind, h.View.Assignee.ID))+fmt.Sprint(" ", h.Sequence))
				}
				if got := strings.Join(got, ", "); got != c.want {
					t.Errorf("got  %s\nwant %s%s", got, c.want, name)
				}
			}
		})
	}
}
