package indicator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestABusyDay: sixty chats from morning to the next, twenty of them handed over, each passed on four times before somebody answers;
// three people, a change of shift, a child at the button. It sounds at most thirty times, and each sound can be explained.
func TestABusyDay(t *testing.T) {
	c := peopleAndSounds()
	c.People["carl"] = "carl@hotel.example"
	c.Location = time.UTC
	c.Quiet = []Quiet{{From: "20:00", To: "08:00", Silence: []string{Sounds}}}
	s := simulation(t, c)
	var wrong []error
	var last *stage
	s.watch = func(g *stage) {
		last = g
		if err := upright(g); err != nil {
			wrong = append(wrong, err)
		}
	}
	script := busyDay(rand.New(rand.NewPCG(1, 2)))
	if err := s.Play(strings.NewReader(script), t.Output()); err != nil {
		t.Error(err)
	}
	for _, err := range wrong[:min(len(wrong), 5)] {
		t.Error(err)
	}
	if last.heard < 20 || last.heard > 30 {
		t.Errorf("it sounded %d times", last.heard)
	}
	if last.sequence < 60*4 {
		t.Errorf("there were %d events", last.sequence)
	}
}

// busyDay is the script of one.
func busyDay(r *rand.Rand) string {
	type line struct {
		at   time.Duration
		what string
	}
	var list []line
	add := func(at time.Duration, format string, a ...any) {
		list = append(list, line{at, fmt.Sprintf(format, a...)})
	}
	people := []string{"anna@hotel.example", "ben@hotel.example", "carl@hotel.example"}
	for n := range 60 {
		at := time.Duration(n) * 11 * time.Minute // until 20:00
		key := fmt.Sprint("guest", n)
		add(at, "new %s", key)
		for m := range 4 {
			add(at+time.Duration(5+10*m)*time.Second, "visitor %s", key)
			add(at+time.Duration(8+10*m)*time.Second, "bot %s", key)
		}
		if n%3 != 0 {
			add(at+5*time.Minute, "status %s closed", key)
			continue
		}
		who := people[:2]
		if at > 6*time.Hour { // carl has come, anna has gone
			who = people[1:]
		}
		at += time.Minute
		add(at, "handover %s team \"Front desk\"", key)
		add(at+15*time.Second, "handover %s user %s", key, who[0])
		add(at+30*time.Second, "handover %s user %s", key, who[1])
		add(at+45*time.Second, "handover %s none", key)
		taker := who[r.IntN(2)]
		add(at+60*time.Second, "handover %s user %s", key, taker)
		answered := at + 75*time.Second
		if n == 30 { // one waits long
			answered = at + 4*time.Minute
		}
		add(answered, "reply %s %s", key, taker)
		add(answered+20*time.Second, "visitor %s", key)
		add(answered+50*time.Second, "reply %s %s", key, taker)
		add(answered+3*time.Minute, "status %s closed", key)
	}
	for n := range 40 { // a child at the button
		add(5*time.Hour+time.Duration(n)*300*time.Millisecond, "press ack %dms", 20+r.IntN(200))
	}
	for n := range 3 { // the night
		key := fmt.Sprint("night", n)
		at := 15*time.Hour + time.Duration(n)*2*time.Hour
		add(at, "new %s", key)
		add(at+time.Minute, "handover %s none", key)
	}
	slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	b.WriteString("clock 2026-06-12 09:00\n")
	for _, l := range list {
		fmt.Fprintf(&b, "%v %s\n", l.at, l.what)
	}
	b.WriteString("24h\n  door off\n  waiting 0\n")
	return b.String()
}
