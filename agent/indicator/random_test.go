package indicator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestRandomScripts: whatever happens, no output is on without a reason, no guest waits without a light, nothing sounds while it is
// muted or in quiet hours, each sound can be explained, and when everybody has gone all is dark.
func TestRandomScripts(t *testing.T) {
	many := 10_000
	switch {
	case raceEnabled:
		many = 300
	case testing.Short():
		many = 1_000
	}
	const seed = 7
	simulations := []*Simulation{simulation(t, testConfig()), simulation(t, peopleAndSounds()), simulation(t, testConfig())}
	simulations[2].Config.Location = time.UTC
	simulations[2].Config.Quiet = []Quiet{{From: "09:01", To: "09:03", Silence: []string{Sounds}}, {From: "09:05", To: "09:10", Silence: []string{"buzzer"}}}
	for n := range many {
		script := randomScript(rand.New(rand.NewPCG(seed, uint64(n))), [...]string{"lamp", "door", "lamp"}[n%3])
		s := simulations[n%3]
		var wrong error
		s.watch = func(g *stage) {
			if wrong == nil {
				wrong = upright(g)
			}
		}
		if err := s.Play(strings.NewReader(script), &strings.Builder{}); err != nil {
			t.Fatalf("seed %d, script %d: %v\n%s", seed, n, err, script)
		}
		if wrong != nil {
			t.Fatalf("seed %d, script %d: %v\n%s", seed, n, wrong, script)
		}
	}
}

// peopleAndSounds has lamps for people, and all rules are the built-in ones.
func peopleAndSounds() Config {
	c := peopleConfig()
	c.Outputs = append(c.Outputs, Output{Name: "buzzer", Kind: "buzzer"})
	return c
}

func upright(g *stage) error {
	e, f := g.core.engine, g.core.desk.Facts()
	for o, s := range g.shown {
		on := lit(s.play)
		answers := e.answers && g.running() < e.pressed+blipLasts+2*gap // to a press
		byHand := strings.HasPrefix(s.reason, "set by hand") || s.reason == "test"
		switch {
		case on && s.reason == "" && !answers:
			return fmt.Errorf("at %v %s is on without a reason: %q", g.now, e.outputs[o].Name, s.pattern)
		case e.outputs[o].sounds() && on && e.mute.Until != 0 && s.reason != "test":
			return fmt.Errorf("at %v %s sounds while it is muted: %s", g.now, e.outputs[o].Name, s.text())
		case e.quiet.silenced[o] && on && !byHand:
			return fmt.Errorf("at %v %s sounds in quiet hours: %s", g.now, e.outputs[o].Name, s.text())
		case !e.outputs[o].sounds() && len(e.outputs[o].Only) == 0 && f.Waiting > 0 && !byHand && s.pattern != "pulse":
			return fmt.Errorf("at %v %d wait and %s shows %q", g.now, f.Waiting, e.outputs[o].Name, s.text())
		}
	}
	for _, o := range g.rings {
		if err := explained(g, o); err != nil {
			return err
		}
	}
	return nil
}

// explained: a sound that begins now is one of the newest event, or one that time made, or by hand.
func explained(g *stage, o int) error {
	name, s := g.core.engine.outputs[o].Name, &g.shown[o]
	if strings.HasPrefix(s.reason, "set by hand") || s.reason == "test" {
		return nil
	}
	if last, ok := g.core.why.lastSound(); ok && last.Elapsed == g.running() && last.Pattern == s.pattern && strings.Contains(strings.Join(last.Outputs, " "), name) {
		return nil
	}
	x, err := g.core.why.explain(g.sequence)
	for _, d := range x.Decisions {
		if d.Output == name && d.Outcome == Shown && d.Pattern == s.pattern {
			return nil
		}
	}
	return fmt.Errorf("at %v %s sounds %q, and event %d does not explain it (%v):\n%s", g.now, name, s.text(), g.sequence, err, lines(x.Decisions))
}

// randomScript is half an hour or so at a desk, and then everybody goes.
func randomScript(r *rand.Rand, lamp string) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteString("clock 2026-03-02 09:00\n")
	}
	b.WriteString("0s\n")
	who := []string{"user anna@hotel.example", "user ben@hotel.example", "team \"Front desk\"", "none", "bot", "unknown"}
	guests := 1 + r.IntN(4)
	for range 10 + r.IntN(15) {
		gap := time.Duration(r.IntN(3000)) * time.Millisecond
		if r.IntN(4) == 0 {
			gap = time.Duration(r.IntN(150)) * time.Second
		}
		key := fmt.Sprint("c", r.IntN(guests))
		what := [...]string{
			"new " + key, "new " + key + " " + who[r.IntN(len(who))], "handover " + key + " " + who[r.IntN(len(who))], "handover " + key + " " + who[r.IntN(len(who))],
			"visitor " + key, "visitor " + key, "reply " + key + " anna@hotel.example", "reply " + key + " ben@hotel.example", "status " + key + " closed",
			"status " + key + " open", "sla " + key, "label " + key + " vip", "ack", "press ack", "press ack 6s", "mute 2m", "unmute", "restart", "restart 20s",
			"test buzzer", "test " + lamp, "set " + lamp + " fast 5s", "set buzzer alarm 3s", "unreachable", "reachable", "undelivered 14m", "delivered", "refuses", "stores",
			"handover " + key + " none ago=40s", "lock ack", "unlock ack",
		}[r.IntN(32)]
		fmt.Fprintf(&b, "+%v %s\n", gap, what)
	}
	b.WriteString("+1s unmute\n+1s reachable\n+1s delivered\n+1s stores\n")
	for n := range guests {
		fmt.Fprintf(&b, "+1s status c%d closed\n", n)
	}
	b.WriteString("+1m\n  open 0\n  waiting 0\n  buzzer off\n  " + lamp + " off\n")
	return b.String()
}
