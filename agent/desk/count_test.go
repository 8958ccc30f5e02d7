package desk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
)

// byID puts each conversation in a group by its assignee, one by its labels, and one by who had it before.
func byID(v *View) (groups uint64) {
	for i, id := range []string{"anna", "ben", "8181", "front"} {
		if v.Assignee.ID == id {
			groups |= 1 << i
		}
	}
	if v.Assignee.Kind == event.ActorNone {
		groups |= 1 << 4
	}
	for _, l := range v.Labels {
		if l == "VIP" {
			groups |= 1 << 5
		}
	}
	if v.Previous.Kind == event.ActorBot {
		groups |= 1 << 63
	}
	return groups
}

// countedAnew are the numbers of a group when each conversation is looked at.
func (d *teller) countedAnew(group int) (f Facts, oldest [classes]time.Duration) {
	n := [classes]*int{&f.Open, &f.Waiting, &f.Acknowledged, &f.Unanswered, &f.Unassigned}
	for _, c := range d.all {
		v := c.view()
		if group != All && byID(&v)&(1<<group) == 0 {
			continue
		}
		for of := range classes {
			if at := c.state.since(of).at; c.state.in(of) {
				if *n[of]++; *n[of] == 1 || at < oldest[of] {
					oldest[of] = at
				}
			}
		}
	}
	f.WaitingSince, f.UnansweredSince = oldest[Waiting], oldest[Unanswered]
	return f, oldest
}

func (d *teller) checkGroups() error {
	for _, group := range []int{All, 0, 1, 2, 3, 4, 5, 62, 63} {
		want, oldest := d.countedAnew(group)
		if got := d.FactsOf(group); got != want {
			return fmt.Errorf("group %d is %+v, looked at one by one %+v", group, got, want)
		}
		for of := range classes {
			since, key, _, ok := d.Oldest(group, of)
			if since != oldest[of] || ok != (oldest[of] != 0) {
				return fmt.Errorf("the oldest of class %d in group %d is %q since %v, %v, want %v", of, group, key, since, ok, oldest[of])
			}
			if ok && (!d.all[key].state.in(of) || group != All && d.all[key].mask&(1<<group) == 0) {
				return fmt.Errorf("the oldest of class %d in group %d is %q, which is not in it", of, group, key)
			}
		}
	}
	return nil
}

// TestGroups plays random events of many conversations and compares the numbers of each group with what they are when all
// conversations are looked at; some asked for each time, some seldom.
func TestGroups(t *testing.T) {
	config := contract
	config.Classify = byID
	for range 20 {
		seed := uint64(time.Now().UnixNano())
		r := rand.New(rand.NewPCG(seed, 6))
		d := newTeller(config)
		kept := map[string][]byte{}
		at := time.Duration(0)
		for step := range 400 {
			at += time.Duration(r.IntN(60)) * time.Second
			e := anything(r, at-time.Duration(r.IntN(2)*r.IntN(600))*time.Second).late(at).of(fmt.Sprint(r.IntN(12))).id(fmt.Sprint(step))
			if r.IntN(5) == 0 {
				e.Labels = [][]string{{}, {"VIP"}, {"late", "VIP"}, {"late"}}[r.IntN(4)]
			}
			d.tell(e)
			switch r.IntN(60) {
			case 0:
				d.tell(press(at))
			case 1:
				d.Forget(fmt.Sprint(r.IntN(12)))
			case 2:
				at += time.Hour
				d.tell(pass(at))
			case 3:
				d = d.reopened(t, kept)
			}
			if r.IntN(3) == 0 {
				if err := d.checkGroups(); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
		}
		d.check(t)
		for _, h := range d.list {
			if h.Groups != byID(&h.View) {
				t.Fatalf("seed %d: %+v is told of groups %b", seed, h.View, h.Groups)
			}
		}
	}
}

// TestOldest says since when a conversation is in each class, and by which event. The events' sequences are 1, 2, 3 …
func TestOldest(t *testing.T) {
	names := map[string]Class{"open": Open, "waiting": Waiting, "acknowledged": Acknowledged, "unanswered": Unanswered, "unassigned": Unassigned}
	for _, c := range []struct {
		of    string
		story []any
		want  string
	}{
		{"open", []any{created(5*sec, bot), visitor(9 * sec)}, "guest 5s by 1"},
		{"open", []any{created(0, bot), turned(5*sec, event.Closed), visitor(9 * sec)}, "guest 9s by 3"},
		{"open", []any{created(0, bot).of("a"), created(5*sec, bot).of("b"), turned(9*sec, event.Closed).of("a")}, "b 5s by 2"},
		{"open", []any{created(0, bot), turned(5*sec, event.Closed)}, "none"},
		{"waiting", []any{created(0, bot), passed(5*sec, anna), passed(9*sec, ben)}, "guest 5s by 2"},
		{"waiting", []any{created(0, anna), user(5*sec, "anna"), passed(9*sec, ben)}, "guest 9s by 3"},
		{"waiting", []any{created(0, anna), press(5 * sec)}, "none"},
		{"acknowledged", []any{created(2*sec, anna), press(5 * sec)}, "guest 2s by 1"},
		{"unanswered", []any{created(0, anna), visitor(5 * sec), visitor(9 * sec)}, "guest 5s by 2"},
		{"unanswered", []any{created(0, bot), visitor(5 * sec), passed(9*sec, anna)}, "guest 9s by 3"},
		{"unanswered", []any{created(0, anna), visitor(5 * sec), user(7*sec, "anna"), visitor(9 * sec)}, "guest 9s by 4"},
		{"unassigned", []any{created(0, anna), passed(5*sec, none), passed(9*sec, none)}, "guest 5s by 2"},
		{"unassigned", []any{created(0, none), turned(5*sec, event.Closed), visitor(9 * sec)}, "guest 9s by 3"},
		{"unassigned", []any{created(0, anna)}, "none"},
	} {
		d := newTeller(contract)
		d.tell(c.story...)
		for _, d := range []*teller{d, d.reopened(t, map[string][]byte{})} {
			got := "none"
			if since, key, sequence, ok := d.Oldest(All, names[c.of]); ok {
				got = fmt.Sprintf("%s %v by %d", key, since-running, sequence)
			}
			if got != c.want {
				t.Errorf("the oldest %s of%s is %s, want %s", c.of, stepTimes(c.story), got, c.want)
			}
		}
	}
}

func stepTimes(steps []any) string {
	var list []told
	for _, s := range steps {
		if e, ok := s.(told); ok {
			list = append(list, e)
		}
	}
	return times(list)
}

// TestOldestIsKept asks for the oldest of a group of one among 10,000 again and again: it is looked for once.
func TestOldestIsKept(t *testing.T) {
	config := contract
	config.Classify = func(v *View) uint64 {
		if v.Key == "9999" {
			return 1
		}
		return 2
	}
	d := newTeller(config)
	for i := range 10_000 {
		d.Apply(created(0, anna).of(fmt.Sprint(i)).Event, Stamp{At: running + time.Duration(i), Wall: start, Sequence: uint64(i)})
	}
	cost := func(group int) time.Duration {
		best := time.Duration(math.MaxInt64)
		for range 5 {
			began := time.Now()
			for range 200 {
				if since := d.FactsOf(group).WaitingSince; since == 0 {
					t.Fatal("nobody waits")
				}
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if all, one := cost(All), cost(0); one > 50*all {
		t.Errorf("all cost %v, one among them %v", all, one)
	}
}

func TestWhenClassifyIsAsked(t *testing.T) {
	config, asked := contract, 0
	config.Classify = func(*View) uint64 { asked++; return 1 }
	d := newTeller(config)
	for _, c := range []struct {
		name string
		step any
		want int
	}{
		{"it is new", created(0, bot), 1},
		{"a message says nothing that rules see", visitor(sec), 0},
		{"another assignee", passed(5*sec, anna), 1},
		{"the same assignee", passed(6*sec, anna), 0},
		{"an older one changes who had it before", passed(3*sec, ben).late(7 * sec), 1},
		{"another name of the assignee", func() told { e := passed(8*sec, anna); e.Assignee.Name = "Anna"; return e }(), 1},
		{"labels", func() told { e := tell(9*sec, event.Label); e.Labels = []string{"VIP"}; return e }(), 1},
		{"the same labels", func() told { e := tell(10*sec, event.Label); e.Labels = []string{"VIP"}; return e }(), 0},
		{"older labels", func() told { e := tell(8*sec, event.Label); e.Labels = []string{}; return e.late(11 * sec) }(), 0},
		{"a channel", func() told { e := visitor(12 * sec); e.Channel = "WEB"; return e }(), 1},
		{"an acknowledgement", press(13 * sec), 0},
		{"time", pass(3 * hour), 0},
	} {
		asked = 0
		d.tell(c.step)
		if asked != c.want {
			t.Errorf("%s: asked %d times, want %d", c.name, asked, c.want)
		}
	}
	asked = 0
	d = d.reopened(t, map[string][]byte{})
	if _, groups, ok := d.View("guest"); asked != 1 || groups != 1 || !ok {
		t.Errorf("restored: asked %d times, groups %b", asked, groups)
	}
}

func TestView(t *testing.T) {
	d := newTeller(contract)
	first := created(0, bot)
	first.Account, first.Bot, first.Channel, first.Assignee.Name = "476", "8861", "WEB", "All Dialogs"
	passedOn := passed(10*sec, team)
	passedOn.Assignee.Name = "Front desk"
	taken := passed(20*sec, anna)
	taken.Assignee.Email = "anna@hotel.example"
	labelled := tell(30*sec, event.Label)
	labelled.Labels = []string{"VIP", "late\n"}
	older := tell(5*sec, event.Label)
	older.Labels, older.Channel, older.Title, older.Team = []string{"new"}, "FACEBOOK", "Visitor", event.Team{ID: "9"}
	d.tell(labelled.late(30*sec), taken.late(31*sec), first.late(32*sec), passedOn.late(33*sec), older.late(34*sec))
	want := View{
		Key: "guest", Title: "Visitor", Account: "476", Bot: "8861", Channel: "FACEBOOK", Team: event.Team{ID: "front", Name: "Front desk"},
		Labels:   []string{"VIP", "late "},
		Assignee: event.Actor{Kind: event.ActorUser, ID: "anna", Email: "anna@hotel.example"},
		Previous: event.Actor{Kind: event.ActorTeam, ID: "front", Name: "Front desk"},
	}
	for _, d := range []*teller{d, d.reopened(t, map[string][]byte{})} {
		if got, _, _ := d.View("guest"); !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, want\n%+v", got, want)
		}
	}
	if _, _, ok := d.View("nobody"); ok {
		t.Error("there is a view of a conversation that is not known")
	}
}

func TestViewIsBounded(t *testing.T) {
	d := newTeller(contract)
	e := created(0, team)
	long := strings.Repeat("\xff\n\u202e", 1<<16)
	e.Title, e.Account, e.Bot, e.Channel, e.Team = long, long, long, long, event.Team{ID: long, Name: long}
	for range 1000 {
		e.Labels = append(e.Labels, long)
	}
	d.tell(e)
	if n := len(d.all["guest"].encode()); n > 8<<10 {
		t.Errorf("a hostile event takes %d bytes", n)
	}
	d.reopened(t, map[string][]byte{})
}

func TestSnapshotOfAGroup(t *testing.T) {
	config := contract
	config.Classify = byID
	d := newTeller(config)
	d.tell(created(0, anna).of("a"), created(sec, ben).of("b"), created(2*sec, bot).of("c"), passed(3*sec, anna).of("c"), created(4*sec, anna).of("d"), user(6*sec, "anna").of("d"), created(7*sec, bot).of("e"))
	s := d.SnapshotOf(0)
	var keys string
	for _, c := range s.Conversations {
		keys += c.Key
	}
	if keys != "acd" || s.Open != 3 || s.Waiting != 2 {
		t.Errorf("anna's are %q, %d open, %d waiting", keys, s.Open, s.Waiting)
	}
}
