package gpio

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// play plays a script on a button: each part is a time in ms and what the line does then, "down" or "up"; "lost" is a release
// of which no edge comes, "look" only looks at the button. Between them time passes as the button asks for it. It returns what was told,
// such as "press of 100 at 200".
func play(t *testing.T, b *button, pressed bool, script string) []string {
	t.Helper()
	start := time.Now()
	ms := func(at time.Time) int64 { return at.Sub(start).Milliseconds() }
	line := pressed
	b.claim(pressed, start)
	var told []string
	tell := func(p Press, ok bool) {
		if !ok {
			return
		}
		what := "press"
		if p.Held {
			what = "hold"
		}
		if p.Short {
			what = "short"
		}
		told = append(told, fmt.Sprintf("%s of %d at %d", what, p.For.Milliseconds(), ms(p.At)))
	}
	steps := 0
	until := func(end time.Time) {
		for next := b.next(); !next.IsZero() && !next.After(end); next = b.next() {
			if steps++; steps > 1000 {
				t.Fatal("the button asks for one look after the other")
			}
			tell(b.advance(next, func() bool { return line }))
		}
	}
	for part := range strings.SplitSeq(script, ",") {
		var n int
		var what string
		if _, err := fmt.Sscan(part, &n, &what); err != nil {
			t.Fatal(err)
		}
		at := start.Add(time.Duration(n) * time.Millisecond)
		until(at.Add(-1))
		switch what {
		case "down", "up":
			line = what == "down"
			tell(b.change(line, at))
		case "lost":
			line = false
		}
		until(at)
	}
	return told
}

func TestButton(t *testing.T) {
	const ms = time.Millisecond
	plain := InputConfig{Name: "ack", MinPress: 80 * ms, Debounce: 30 * ms}
	hold := plain
	hold.Hold, hold.HoldFor = true, 5*time.Second
	for name, c := range map[string]struct {
		config  InputConfig
		bounces bool
		pressed bool // when it is claimed
		script  string
		want    []string
	}{
		"a press counts as soon as it is long enough":          {plain, false, false, "0 look, 100 down, 300 up, 900 look", []string{"press of 80 at 180"}},
		"a press that is too short is told as such":            {plain, false, false, "100 down, 179 up, 900 look", []string{"short of 79 at 179"}},
		"a press of exactly the shortest length counts":        {plain, false, false, "100 down, 180 up, 900 look", []string{"press of 80 at 180"}},
		"a press that goes on is told once":                    {plain, false, false, "100 down, 60000 look, 90000 up, 99000 look", []string{"press of 80 at 180"}},
		"two presses are two":                                  {plain, false, false, "100 down, 300 up, 400 down, 600 up", []string{"press of 80 at 180", "press of 80 at 480"}},
		"with a hold a press counts when it is over":           {hold, false, false, "100 down, 1100 up, 9000 look", []string{"press of 1000 at 1100"}},
		"with a hold a press can be too short":                 {hold, false, false, "100 down, 150 up, 9000 look", []string{"short of 50 at 150"}},
		"a hold counts while it lasts, and its end is none":    {hold, false, false, "100 down, 7000 up, 9000 look", []string{"hold of 5000 at 5100"}},
		"just less than a hold is a press":                     {hold, false, false, "100 down, 5099 up, 9000 look", []string{"press of 4999 at 5099"}},
		"what was pressed when claimed is nobody's press":      {plain, false, true, "900 up, 1000 down, 1200 up", []string{"press of 80 at 1080"}},
		"nor is it a hold":                                     {hold, false, true, "9000 up, 9900 look", nil},
		"the same edge twice is one":                           {plain, false, false, "100 down, 120 down, 300 up, 310 up, 900 look", []string{"press of 80 at 180"}},
		"bounces make no presses":                              {plain, true, false, "100 down, 103 up, 104 down, 109 up, 111 down, 300 up, 304 down, 307 up, 900 look", []string{"press of 80 at 221"}},
		"with bounces the length stays, both ends move":        {hold, true, false, "100 down, 105 up, 110 down, 500 up, 510 down, 515 up, 900 look", []string{"press of 405 at 545"}},
		"a spike is nothing at all":                            {plain, true, false, "100 down, 129 up, 900 look", nil},
		"a dropout within a press is none":                     {hold, true, false, "100 down, 500 up, 520 down, 1000 up, 1900 look", []string{"press of 900 at 1030"}},
		"changes that come late, together, have their lengths": {hold, true, false, "100 down, 131 look, 200 up, 230 down, 430 up, 900 look", []string{"press of 100 at 230", "press of 200 at 460"}},
		"a loose wire that never rests presses nothing":        {plain, true, false, loose(3000), nil},
		"a release whose edge is lost is no hold":              {hold, false, false, "100 down, 2000 lost, 9000 look", nil},
		"and the next press counts":                            {hold, false, false, "100 down, 2000 lost, 9000 look, 9100 down, 9300 up", []string{"press of 200 at 9300"}},
		"a release whose edge comes late has its length":       {hold, false, false, "100 down, 4990 lost, 5200 up, 9000 look", []string{"hold of 5100 at 5200"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &button{config: c.config}
			if c.bounces {
				b.debounce = c.config.Debounce
			}
			if got := play(t, b, c.pressed, c.script); !slices.Equal(got, c.want) {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// loose is a contact that changes each 10 ms.
func loose(ms int) string {
	var parts []string
	for at, what := 10, "down"; at < ms; at += 10 {
		parts = append(parts, fmt.Sprint(at, " ", what))
		if what == "down" {
			what = "up"
		} else {
			what = "down"
		}
	}
	return strings.Join(parts, ",")
}

// A hold that is found late, because the program did not run meanwhile, is not told where the line shows that it is over: the
// edge that is to come says how long it was.
func TestAPressThatIsOverIsNoHoldThoughTheProgramSlept(t *testing.T) {
	b := &button{config: InputConfig{Hold: true, HoldFor: time.Second}}
	start := time.Now()
	b.claim(false, start)
	b.change(true, start)
	if p, ok := b.advance(start.Add(3*time.Second), func() bool { return false }); ok {
		t.Errorf("told %+v", p)
	}
	if p, ok := b.change(false, start.Add(200*time.Millisecond)); !ok || p.Held || p.For != 200*time.Millisecond {
		t.Errorf("told %+v, %v, want a press of 200ms", p, ok)
	}
}

func TestALineThatReadsAsReleasedForAMomentIsHeldOn(t *testing.T) {
	b := &button{config: InputConfig{Hold: true, HoldFor: time.Second}}
	start := time.Now()
	b.claim(false, start)
	b.change(true, start)
	b.advance(start.Add(time.Second), func() bool { return false })
	at := b.next()
	if p, ok := b.advance(at, func() bool { return true }); !ok || !p.Held || at.Sub(start) != time.Second+lostAfter {
		t.Errorf("told %+v, %v, after %v", p, ok, at.Sub(start))
	}
	if next := b.next(); next.Sub(start) != stuckAfter {
		t.Errorf("it asks for a look after %v", next.Sub(start))
	}
}

func TestAButtonIsStuckAfterTenMinutes(t *testing.T) {
	for _, pressed := range []bool{false, true} { // when it is claimed
		b := &button{config: InputConfig{MinPress: time.Millisecond}}
		play(t, b, pressed, "0 down, 599999 look")
		if b.stuck {
			t.Error("it is stuck before its time")
		}
		play(t, b, pressed, "0 down, 600000 look")
		if !b.stuck || !b.next().IsZero() {
			t.Errorf("after ten minutes: stuck %v, next %v", b.stuck, b.next())
		}
		if b.change(false, time.Now().Add(time.Hour)); b.stuck {
			t.Error("it is released and still stuck")
		}
	}
}
