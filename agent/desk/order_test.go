package desk

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"deskbell/agent/event"
)

// TestArrival plays stories in every order of arrival. What the desk is in the end must not depend on it.
func TestArrival(t *testing.T) {
	stories := map[string][]told{
		"from opened to closed":             {created(0, bot), visitor(5 * sec), passed(10*sec, team), passed(15*sec, anna), user(30*sec, "anna"), turned(40*sec, event.Closed)},
		"from opened to asked for a person": {created(0, bot), visitor(5 * sec), user(6*sec, "8181"), passed(10*sec, team), passed(15*sec, none)},
		"answered, and passed on":           {created(0, bot), passed(10*sec, anna), user(30*sec, "anna"), passed(40*sec, ben), visitor(41 * sec)},
		"closed and reopened":               {created(0, anna), user(5*sec, "anna"), turned(10*sec, event.Closed), visitor(20 * sec), user(20*sec+1, "anna", "form")},
		"a greeting sent by itself":         {created(0, bot), passed(10*sec, anna).id("b"), user(10*sec, "anna").id("a"), user(11*sec, "anna")},
		"back to the bot":                   {created(0, team), passed(10*sec, bot), visitor(12 * sec), passed(20*sec, ben), passed(30*sec, bot)},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			straight := newTeller(contract)
			for _, e := range story {
				straight.tell(e.late(hour))
			}
			want := straight.Snapshot()
			permutations(story, func(list []told) {
				d := newTeller(contract)
				for _, e := range list {
					d.tell(e.late(hour))
				}
				if got := d.Snapshot(); !reflect.DeepEqual(got, want) {
					t.Errorf("came as %s:\n got %+v\nwant %+v", times(list), got, want)
				}
				d.check(t)
			})
		})
	}
}

func times(list []told) (s string) {
	for _, e := range list {
		s += fmt.Sprintf(" %v(%s)", e.Time.Sub(start), e.Kind)
	}
	return s
}

// anything makes an event that may happen.
func anything(r *rand.Rand, at time.Duration) told {
	assignees := []string{bot, bot, "bot 9", anna, ben, team, none, "unknown x", "unknown anna"}
	switch r.IntN(10) {
	case 0, 1, 2:
		return passed(at, assignees[r.IntN(len(assignees))])
	case 3:
		return turned(at, event.Closed)
	case 4:
		return turned(at, event.Open)
	case 5, 6:
		return visitor(at)
	case 7:
		return tell(at, event.Label)
	}
	return user(at, []string{"anna", "ben", "8181", "9"}[r.IntN(4)])
}

// TestLongStory compares a conversation that keeps its newest items apart with one that keeps them all.
func TestLongStory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 2))
	for n := range 300 {
		d := newTeller(Config{})
		whole := newConversation("guest", clock{at: running})
		for i := range 100 {
			e := anything(r, time.Duration(i)*700*time.Millisecond)
			d.tell(e)
			at := running + e.receipt()
			o := order{t: e.Time.UnixMicro(), tie: 1}
			for _, it := range itemsOf(&e.Event, o, clock{at: at}) {
				if it.what == assigned {
					it.who = whole.meet(it.who)
				}
				whole.items = append(whole.items, it)
			}
			whole.derive()
			got, want := d.all["guest"].state, whole.state
			if got.open != want.open || got.wait != want.wait || got.spoke != want.spoke || !same(got.assignee, want.assignee) && got.assignee != want.assignee ||
				got.waiting.at != want.waiting.at && got.wait || got.replied != want.replied {
				// A bot found out late may make a reply of long ago none: only the newest are looked at again.
				if lateBot(whole, d.all["guest"]) {
					break
				}
				t.Fatalf("seed %d, story %d, event %d: got %+v, want %+v", seed, n, i, got, want)
			}
		}
	}
}

// lateBot reports whether a message that is no longer kept apart was signed by a bot that was not known yet.
func lateBot(whole, kept *conversation) bool {
	seen := map[string]bool{}
	for _, it := range whole.items[:len(whole.items)-len(kept.items)] {
		if it.what == assigned && it.who.Kind == event.ActorBot {
			seen[it.who.ID] = true
		}
		if it.what == userSpoke && whole.isBot(it.who) && !seen[it.who.ID] {
			return true
		}
	}
	return false
}
