package indicator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/gpio"
)

// lines are decisions for a test to compare.
func lines(list []Decision) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintln(&b, strings.Join(slices.DeleteFunc([]string{d.Output, d.Rule, d.Outcome, d.Pattern, d.Detail}, func(s string) bool { return s == "" }), " | "))
	}
	return b.String()
}

// after plays a script and returns the stage as it is then.
func after(t *testing.T, c Config, script string) *stage {
	t.Helper()
	var last *stage
	s := simulation(t, c)
	s.watch = func(g *stage) { last = g }
	if err := s.Play(strings.NewReader(script), &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	return last
}

func TestWhyOfAHandover(t *testing.T) {
	g := after(t, testConfig(), "0s new c1\n+10s handover c1 user anna@hotel.example\n")
	x, err := g.core.why.explain(2)
	want := `somebody waits | matched | while waiting > 0
a person is asked for | matched | on wait_began
still waiting | not matched | while oldest_waiting > "2m"
visitor spoke last | not matched | while oldest_unanswered > "3m"
acknowledged | not matched | while acknowledged > 0
SLA breached | not matched | on sla_breached
assignee changed | matched | on assignee_change
new conversation | not matched | on conversation_create
nothing reaches us | not matched | while unreachable
nothing is delivered | not matched | while undelivered > "15m"
lamp | somebody waits | shown | pulse
lamp | assignee changed | outranked | by somebody waits
buzzer | a person is asked for | shown | chirp
`
	if got := lines(x.Decisions); err != nil || got != want || x.Note != "" || x.Sounds != nil {
		t.Errorf("%v %+v\n%s\nwant\n%s", err, x, got, want)
	}
}

// TestWhy: what is kept of an event, in each outcome.
func TestWhy(t *testing.T) {
	many := testConfig()
	many.Rules = append([]Rule{
		{Name: "web", On: []string{"conversation_create"}, When: `channel == "WEB"`, Show: show(Sounds, "double")},
		{Name: "anna's", On: []string{"wait_began"}, Of: `person == "anna"`, Show: show("lamp", "fast")},
		{Name: "fire", While: "waiting > 2", Critical: true, Show: show(Sounds, "alarm")},
	}, Builtin()...)
	many.People = map[string]string{"anna": "anna@hotel.example"}
	for name, test := range map[string]struct {
		config Config
		script string
		want   []string
	}{
		"a rule whose when is not true": {many, "0s new c1 channel=SMS", []string{"web | not matched | when channel == \"WEB\""}},
		"a rule for other conversations": {many, "0s new c1\n+5s handover c1 user ben@hotel.example",
			[]string{"anna's | not matched | it does not count this conversation", "lamp | somebody waits | shown | pulse"}},
		"one that is for this conversation": {many, "0s new c1\n+5s handover c1 user anna@hotel.example",
			[]string{"anna's | matched | on wait_began", "lamp | anna's | shown | fast", "lamp | somebody waits | outranked | by anna's"}},
		"muted": {testConfig(), "0s mute\n+1s new c1\n+5s handover c1 none", []string{"buzzer | a person is asked for | muted", "lamp | somebody waits | shown | pulse"}},
		"critical passes a mute": {many, "0s mute\n+1s handover c1 none\n+1s handover c2 none\n+1s handover c3 none",
			[]string{"buzzer | fire | shown | alarm", "buzzer | a person is asked for | muted"}},
		"many are one signal":            {testConfig(), "0s new c1\n+1s new c2", []string{"new conversation | coalesced | one signal with events before it", "lamp | new conversation | shown | blink"}},
		"an output that nobody asks for": {testConfig(), "0s new c1", []string{"buzzer | shown | off | no rule asks for it"}},
		"a sound that is over":           {testConfig(), "0s sla c1\n+2s sla c1", []string{"SLA breached | coalesced | one signal with events before it"}},
		"one that came too late": {testConfig(), "0s new c1 ago=3m",
			[]string{"new conversation | delayed | it came too long ago to make a signal", "lamp | new conversation | delayed"}},
		"set by hand": {testConfig(), "0s set lamp on\n+1s new c1", []string{"lamp | shown | on | set by hand", "lamp | new conversation | outranked | by set by hand"}},
		"a test":      {testConfig(), "0s test lamp\n+1s new c1", []string{"lamp | shown | blink | test", "lamp | new conversation | outranked | by test"}},
		"quiet hours": {quietConfig(), "clock 2026-03-03 22:00\n0s new c1\n+5s handover c1 none",
			[]string{"buzzer | a person is asked for | quiet hours", "lamp | somebody waits | shown | pulse"}},
		"an answer ends a wait": {testConfig(), "0s handover c1 none\n+5s reply c1", []string{"somebody waits | not matched | while waiting > 0"}},
		"while somebody waits":  {testConfig(), "0s handover c1 none\n+5s new c2", []string{"somebody waits | matched | while waiting > 0", "lamp | new conversation | outranked | by somebody waits"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := after(t, test.config, test.script)
			x, err := g.core.why.explain(g.sequence)
			got := lines(x.Decisions)
			for _, want := range test.want {
				if !strings.Contains("\n"+got, "\n"+want+"\n") {
					t.Errorf("%v; there is no %q in\n%s", err, want, got)
				}
			}
		})
	}
}

func TestWhyOfAPlainMessage(t *testing.T) {
	g := after(t, testConfig(), "0s new c1\n+10s visitor c1")
	put := map[string][]byte{}
	maps.Copy(put, g.core.entries())
	for name := range put {
		if strings.HasPrefix(name, whyEntry) && name != whyEntry+"1" {
			t.Errorf("a message at which no rule is asked wrote %s: %s", name, put[name])
		}
	}
	// It is one more that nobody has answered, and yet nothing shows it.
	if g := after(t, testConfig(), "0s handover c1 user anna@hotel.example\n+10s reply c1 anna@hotel.example\n+10s visitor c1"); g.core.why.slots[3].sequence != 0 {
		t.Errorf("a message that nothing shows is kept: %s", g.core.why.write(&g.core.why.slots[3]))
	}
	x, err := g.core.why.explain(2)
	if err != nil || !strings.HasPrefix(x.Note, "no rule is for such an event") || len(x.Decisions) != len(Builtin()) || x.Decisions[0].Detail != "while waiting > 0: no change" {
		t.Errorf("%+v, %v", x, err)
	}
}

// TestWhyOfASound: a sound that time makes is kept with the event that its wait began with.
func TestWhyOfASound(t *testing.T) {
	g := after(t, testConfig(), "clock 2026-03-02 09:00\n0s new c1\n+10s handover c1 none\n+3m30s")
	x, err := g.core.why.explain(2)
	if err != nil || len(x.Sounds) != 2 {
		t.Fatalf("%+v, %v", x, err)
	}
	s, ok := g.core.why.lastSound()
	if want := g.wall.Add(3*time.Minute + 10*time.Second).UTC(); !ok || s.Rule != "still waiting" || s.Pattern != "double" || !slices.Equal(s.Outputs, []string{"buzzer"}) ||
		s.Sequence != 2 || !s.At.Truncate(time.Second).Equal(want) || !slices.Equal(x.Sounds[1].Outputs, s.Outputs) {
		t.Errorf("%+v, want one at %v", s, want)
	}
	g = after(t, testConfig(), "0s new c1\n+10s handover c1 none")
	if s, ok := g.core.why.lastSound(); ok {
		t.Errorf("the sound of an event is one that time made: %+v", s)
	}
	g = after(t, testConfig(), "0s handover c1 none\n+2m500ms restart 0s\n+100ms")
	if x, _ := g.core.why.explain(1); len(x.Sounds) != 1 {
		t.Errorf("a sound that goes on after a restart is another: %+v", x.Sounds)
	}
	c := testConfig()
	c.Location, c.Quiet = time.UTC, []Quiet{{From: "20:00", To: "08:00", Silence: []string{Sounds}}}
	g = after(t, c, "clock 2026-03-02 07:58\n0s new c2\n+1s handover c1 none\n  why buzzer quiet hours\n08:00")
	if s, ok := g.core.why.lastSound(); !ok || s.Rule != overQuiet || s.Sequence != 2 || s.Pattern != "chirp" {
		t.Errorf("of the end of quiet hours: %+v", s)
	}
	c = testConfig()
	c.Rules = []Rule{{Name: "gave up", On: []string{"wait_ended"}, Show: show(Sounds, "double")}}
	g = after(t, c, "0s new c2\n+1s handover c1 none\n+2h1s")
	if s, ok := g.core.why.lastSound(); !ok || s.Rule != "gave up" || s.Sequence != 2 {
		t.Errorf("of a wait that ends by time: %+v", s)
	}
	g = after(t, quietConfig(), "clock 2026-03-04 07:59\n0s new c1\n+10s handover c1 none\n+50s")
	if s, ok := g.core.why.lastSound(); !ok || s.Rule != overQuiet || s.Pattern != "chirp" || s.Sequence != 2 || !slices.Equal(s.Outputs, []string{"buzzer"}) {
		t.Errorf("at the end of quiet hours: %+v", s)
	}
	g = after(t, testConfig(), "0s set lamp on\n+1s test buzzer\n+5s mute\n+1s handover c1 none\n+5m ack")
	if s, ok := g.core.why.lastSound(); ok {
		t.Errorf("something sounded, though nothing did: %+v", s)
	}
}

// TestWhyAtTheEndOfQuietHours: the one sound then stands above the rules, and what began meanwhile is over with it.
func TestWhyAtTheEndOfQuietHours(t *testing.T) {
	c := testConfig()
	c.Location, c.Quiet = time.UTC, []Quiet{{From: "20:00", To: "08:00", Silence: []string{Sounds}}}
	after(t, c, `clock 2026-03-02 07:59
0s handover c1 none
08:00
+100ms sla c1
  why buzzer outranked
  buzzer chirp: somebody waited in the quiet hours
+1s
  buzzer double: SLA breached
`)
	after(t, c, `clock 2026-03-02 07:59
0s new c2
+1s handover c1 none
  why buzzer quiet hours
08:00
  buzzer chirp: somebody waited in the quiet hours
+100ms handover c3 none
  why buzzer shown
  why buzzer coalesced
+950ms new c4
  why buzzer coalesced
  buzzer off
`)
}

// TestWhySaysNothingOfAGuest: neither titles nor addresses nor keys.
func TestWhySaysNothingOfAGuest(t *testing.T) {
	g := after(t, testConfig(), `0s new secretkey title="Mrs Secret" channel=secretchannel
+10s handover secretkey user secret@hotel.example
+1m reply secretkey secret@hotel.example
+10s label secretkey secretlabel
+10m handover secretkey team secretteam
+5m restart
`)
	n := 0
	for name, data := range g.kept {
		if strings.HasPrefix(name, whyEntry) || strings.HasPrefix(name, soundEntry) {
			n++
			if strings.Contains(strings.ToLower(string(data)), "secret") {
				t.Errorf("%s: %s", name, data)
			}
		}
	}
	if n < 4 {
		t.Errorf("%d entries", n)
	}
}

// TestWhyOfAnOutputOfOthers: one that does not count the conversation is not said to have joined the event to others.
func TestWhyOfAnOutputOfOthers(t *testing.T) {
	c := testConfig()
	c.People = map[string]string{"anna": "anna@hotel.example"}
	c.Outputs = append([]Output{{Name: "annas", Kind: gpio.Light, Only: []string{"anna"}}}, c.Outputs...)
	g := after(t, c, "0s sla c1\n+1s sla c1\n+15s sla c1 ago=3m\n")
	for _, sequence := range []uint64{2, 3} {
		x, err := g.core.why.explain(sequence)
		if got := lines(x.Decisions); err != nil || strings.Contains(got, "annas | SLA breached") || !strings.Contains(got, "lamp | SLA breached") {
			t.Errorf("%v\n%s", err, got)
		}
	}
}
