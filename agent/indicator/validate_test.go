package indicator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/gpio"
)

// TestFaultsAreToldByTheirKeys has one mistake in each configuration.
func TestFaultsAreToldByTheirKeys(t *testing.T) {
	good := func() Override {
		text := "waiting > 0"
		return Override{Name: "mine", While: &text, Show: show(Lights, "pulse")}
	}
	atEvent := func() Override {
		return Override{Name: "mine", On: []string{"message"}, Show: show(Lights, "pulse")}
	}
	str := func(s string) *string { return &s }
	dur := func(d time.Duration) *time.Duration { return &d }
	rules := func(o ...Override) Config { return Config{Outputs: lampAndBuzzer, Rules: Merge(o, true)} }
	with := func(o Override, change func(o *Override)) Config { change(&o); return rules(good2("other"), o) }
	for _, tt := range []struct {
		name   string
		config Config
		want   []string
	}{
		{"nothing is wrong", rules(good(), Override{Name: "SLA breached", Critical: new(bool)}), nil},
		{"no name", with(good(), func(o *Override) { o.Name = "" }), []string{"rule.1.name: a rule needs a name"}},
		{"a name twice", with(good(), func(o *Override) { o.Name = "other" }), []string{`rule.1.name: two rules are named "other"`}},
		{"neither on nor while", with(good(), func(o *Override) { o.While = nil }), []string{"rule.1: a rule needs on"}},
		{"both on and while", with(good(), func(o *Override) { o.On = []string{"note"} }), []string{"rule.1.while: a rule has on or while, not both"}},
		{"a built-in rule changed to both", rules(Override{Name: "still waiting", On: []string{"note"}}),
			[]string{"rule.0.while: a rule has on or while, not both", "rule.0.every: every is of while"}},
		{"no such kind", with(atEvent(), func(o *Override) { o.On = []string{"message", "mesage"} }), []string{`rule.1.on.1: "mesage" is neither a kind nor a moment: there are conversation_create message`}},
		{"when without on", with(good(), func(o *Override) { o.When = str("delayed") }), []string{"rule.1.when: when is about an event: a rule with while has of"}},
		{"a wrong while", with(good(), func(o *Override) { o.While = str("waiting > 0 and waitin > 1") }), []string{"rule.1.while: there is no waitin"}},
		{"every fault of a wrong when", with(atEvent(), func(o *Override) { o.When = str("bot > 3 or chanel == \"WEB\"") }),
			[]string{"rule.1.when: text has no order", "rule.1.when: there is no chanel"}},
		{"a wrong of", with(good(), func(o *Override) { o.Of = str(`person == "ana"`) }), []string{`rule.1.of: "ana" is no name in [people], column 11`}},
		{"shows nothing", with(good(), func(o *Override) { o.Show = nil }), []string{"rule.1.show: it shows nothing"}},
		{"no such output", with(good(), func(o *Override) { o.Show = show("bell", "on") }), []string{`rule.1.show.bell: unknown output "bell": there are lights sounds lamp buzzer`}},
		{"no such pattern", with(good(), func(o *Override) { o.Show = show("lamp", "waltz") }), []string{`rule.1.show.lamp: unknown pattern "waltz": there are off on blink`}},
		{"for on a state", with(good(), func(o *Override) { o.For = dur(sec) }), []string{"rule.1.for: for is of on"}},
		{"every at an event", with(atEvent(), func(o *Override) { o.Every = dur(sec) }), []string{"rule.1.every: every is of while"}},
		{"too often", with(good(), func(o *Override) { o.Every = dur(ms) }), []string{"rule.1.every: must be between 1s and 744h"}},
		{"too long", with(atEvent(), func(o *Override) { o.For = dur(MaxDuration + 1) }), []string{"rule.1.for: must be between 0 and 744h"}},
		{"escalate at an event", with(atEvent(), func(o *Override) { o.Escalate = []Escalation{{After: sec, Show: show(Sounds, "alarm")}} }),
			[]string{"rule.1.escalate: escalate is of while"}},
		{"wrong steps", with(good(), func(o *Override) {
			o.Escalate = []Escalation{{After: sec, Show: show(Sounds, "alarm"), Repeat: ms}, {Show: show("bell", "alarm")}, {After: sec}}
		}), []string{
			"rule.1.escalate.0.repeat: must be between 1s and 744h", "rule.1.escalate.1.after: must be more than 0",
			`rule.1.escalate.1.show.bell: unknown output "bell"`, "rule.1.escalate.2.show: it shows nothing",
		}},
		{"a wrong only of the desk", Config{Only: `kind == "message"`}, []string{"desk.only: kind is of an event, and this is about a conversation: use when, column 1"}},
		{"nobody in only", Config{Outputs: []Output{{Name: "lamp", Only: []string{"bot", " "}}}}, []string{"output.lamp.only.1: a name, an e-mail or an id is needed"}},
		{"people", Config{People: map[string]string{"anna": "a@b", "ann": "A@B", "bot": "7", "c": ""}},
			[]string{"people.anna: a@b is ann already", "people.bot: bot means something else in only", "people.c: an e-mail or an id"}},
		{"patterns", Config{Patterns: map[string]gpio.Pattern{
			"blink": {Steps: []gpio.Step{{On: true, For: sec}}}, "dark": {Steps: []gpio.Step{{For: sec}}, Repeat: true}, "empty": {},
			"song": {Tune: &gpio.Tune{}, Steps: []gpio.Step{{For: sec}}}, "good": {Steps: []gpio.Step{{On: true, For: sec}}},
		}}, []string{"pattern.blink: blink is a built-in pattern", "pattern.dark: it is never on", "pattern.empty: it has no steps", "tune.song: it is never on"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := tt.config.Validate()
			if len(faults) != len(tt.want) {
				t.Errorf("there are %d faults: %q", len(faults), faults)
				return
			}
			for n, want := range tt.want {
				if got := faults[n].Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
					t.Errorf("fault %d is %q, want %q", n, got, want)
				}
			}
		})
	}
	t.Run("their causes can be told apart", func(t *testing.T) {
		err := errors.Join(with(good(), func(o *Override) { o.Show = show("bell", "on", "lamp", "waltz") }).Validate()...)
		if !errors.Is(err, ErrUnknownOutput) || !errors.Is(err, ErrUnknownPattern) {
			t.Errorf("the error is %v", err)
		}
	})
}

func good2(name string) Override {
	text := "open > 0"
	return Override{Name: name, While: &text, Show: show(Lights, "on")}
}

func TestTooManyGroups(t *testing.T) {
	c := Config{Outputs: lampAndBuzzer}
	for n := range maxGroups {
		c.Rules = append(c.Rules, Rule{Name: fmt.Sprint(n), While: "open > 0", Of: fmt.Sprintf("account == %d", n), Show: show(Lights, "on"), Written: n + 1})
	}
	want := "rule: of and only make 65 groups of conversations, and there can be 64: use fewer different ones"
	if faults := c.Validate(); len(faults) != 1 || faults[0].Error() != want {
		t.Errorf("the faults are %q", faults)
	}
	c.Rules = slices.Delete(c.Rules, 0, 1)
	if faults := c.Validate(); len(faults) != 0 {
		t.Errorf("the faults are %q", faults)
	}
}
