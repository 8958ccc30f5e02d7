package desk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"deskbell/agent/event"
)

// known is all that a desk knows of a conversation, but for what is of the order of arrival: sequences, and the newest place.
type known struct {
	view  View
	state state
	who   [4]event.Actor // state's pointers
	last  string
}

func knowledgeOf(c *conversation) known {
	k := known{view: c.view(), state: c.state, last: c.lastLine()}
	for i, a := range []**event.Actor{&k.state.assignee, &k.state.previous, &k.state.person, &k.state.replier} {
		if *a != nil {
			k.who[i] = **a
		}
		*a = nil
	}
	for _, c := range []*clock{&k.state.opened, &k.state.waiting, &k.state.loud, &k.state.change} {
		c.sequence = 0
	}
	return k
}

// sameDesk compares all that two desks know.
func sameDesk(a, b *teller) error {
	if a.Facts() != b.Facts() {
		return fmt.Errorf("%+v and %+v", a.Facts(), b.Facts())
	}
	for _, key := range slices.Sorted(maps.Keys(a.all)) {
		if b.all[key] == nil {
			return fmt.Errorf("%s is not in both", key)
		}
		if x, y := knowledgeOf(a.all[key]), knowledgeOf(b.all[key]); !reflect.DeepEqual(x, y) {
			return fmt.Errorf("%s is\n%+v and\n%+v", key, x, y)
		}
	}
	if len(a.all) != len(b.all) {
		return fmt.Errorf("%d and %d conversations", len(a.all), len(b.all))
	}
	return nil
}

// adorned has an event say something more, by chance.
func adorned(r *rand.Rand, e told) told {
	word := func() string { return []string{"", "", "one", "two", "three"}[r.IntN(5)] }
	e.Title, e.Channel, e.Account, e.Bot = word(), word(), word(), word()
	e.Team.Name = word()
	if w := word(); w != "" {
		e.Labels = []string{w}
	}
	return e
}

// TestAnyOrder tells sets of 40 to 60 events of one conversation, or of a few, some of them at one time, in their order, and
// shuffled with some of them twice: in the end both desks know the same. All arrive at one moment, for clocks run from receipt.
func TestAnyOrder(t *testing.T) {
	for n := range 400 {
		seed := uint64(time.Now().UnixNano())
		r := rand.New(rand.NewPCG(seed, 1))
		var set []told
		at := time.Duration(0)
		for i := range 40 + r.IntN(21) {
			at += time.Duration(r.IntN(4)) * 500 * time.Millisecond
			e := anything(r, at).late(hour).id(fmt.Sprint("event ", i)).of(fmt.Sprint(r.IntN(1 + n%3)))
			set = append(set, adorned(r, e))
		}
		straight, shuffled := newTeller(contract), newTeller(contract)
		for _, e := range set {
			straight.tell(e)
		}
		for range r.IntN(20) {
			set = append(set, set[r.IntN(len(set))])
		}
		r.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		for i, e := range set {
			if shuffled.tell(e); i == len(set)/2 {
				shuffled = shuffled.reopened(t, map[string][]byte{})
			}
		}
		shuffled.check(t)
		if err := sameDesk(straight, shuffled); err != nil {
			t.Fatalf("seed %d, set %d: in order and shuffled: %v", seed, n, err)
		}
	}
}

// TestNearlyInOrder tells chats of any length in which no event comes later than 20 others.
func TestNearlyInOrder(t *testing.T) {
	for n := range 60 {
		seed := uint64(time.Now().UnixNano())
		r := rand.New(rand.NewPCG(seed, 7))
		var set []told
		for i, who := range []string{"bot 9", bot, anna, ben} {
			set = append(set, passed(time.Duration(i)*sec, who).late(hour))
		}
		for i := range 300 {
			set = append(set, adorned(r, anything(r, 10*sec+time.Duration(i)*700*time.Millisecond).late(hour)))
		}
		straight, shuffled := newTeller(contract), newTeller(contract)
		for _, e := range set {
			straight.tell(e)
		}
		for i := 4; i < len(set); i += 20 {
			part := set[i:min(i+20, len(set))]
			r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		}
		for _, e := range set {
			shuffled.tell(e)
		}
		if err := sameDesk(straight, shuffled); err != nil {
			t.Fatalf("seed %d, set %d: in order and nearly so: %v", seed, n, err)
		}
	}
}
