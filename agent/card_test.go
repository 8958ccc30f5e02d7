package agent

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

func TestCard(t *testing.T) {
	for name, tt := range map[string]struct {
		doc  string
		want []string // lines, in this order
		not  []string
	}{
		"an empty file": {"", []string{
			"lamp (light)", "  Slow pulse: a guest waits for one of us", "  Steady light: a guest waits, and somebody has said to look after it",
			"  Even blinking for 5 seconds: a new conversation",
			"buzzer (buzzer)", "  One chirp: a guest asks for one of us", "  Two short beeps, once a minute: a guest has waited for more than 2 minutes",
			"any light, beside that", "  Four short blinks: events cannot be stored; look at the page", "  A flash every 30 seconds amid the rest: the sounds are muted",
		}, []string{"quiet hours", "button"}},
		"rules of one's own come first": {"[[rule]]\nname = \"web\"\non = [\"conversation_create\"]\nshow = { lamp = \"blink\", sounds = \"chirp\" }\nfor = \"10s\"\nmeans = \"A guest from the website\"\n", []string{
			"lamp (light)", "  Even blinking for 10 seconds: A guest from the website", "  Slow pulse: a guest waits for one of us",
			"buzzer (buzzer)", "  One chirp: A guest from the website",
		}, nil},
		"built-in rules changed": {"[[rule]]\nname = \"still waiting\"\nwhile = 'oldest_waiting > \"90s\"'\nevery = \"5m\"\ncritical = true\n[[rule]]\nname = \"somebody waits\"\nof = 'bot == 1'\n[[rule]]\nname = \"acknowledged\"\nenabled = false\n", []string{
			"  Slow pulse: somebody waits",
			"  Two short beeps, every 5 minutes: a guest has waited for more than 1 minute 30 seconds; in quiet hours and when muted too",
		}, []string{"said to look after it"}},
		"it gets louder": {"default_rules = false\n[[rule]]\nname = \"guests\"\nwhile = \"waiting > 0\"\nshow = { lights = \"pulse\" }\nescalate = [{ after = \"1m\", show = { sounds = \"double\" } }, { after = \"3m\", show = { sounds = \"alarm\", lights = \"fast\" }, repeat = \"30s\" }]\n", []string{
			"lamp (light)", "  Quick flicker, every 30 seconds: guests, for 3 minutes or longer", "  Slow pulse: guests",
			"buzzer (buzzer)", "  Alarm, every 30 seconds: guests, for 3 minutes or longer", "  Two short beeps: guests, for 1 minute or longer",
		}, nil},
		"outputs that show the same stand together": {"[output.hall]\npin = \"GPIO17\"\n[output.bar]\npin = \"GPIO27\"\n[output.annas]\npin = \"GPIO22\"\nonly = [\"anna\", \"unassigned\"]\n[output.door]\npin = \"GPIO23\"\nkind = \"relay\"\n", []string{
			"annas (light), for conversations of anna and unassigned alone", "bar and hall (lights)",
			"door (relay)", "  Switched on: a guest waits for one of us", "  Switched on for a second: a conversation has passed to somebody else",
		}, []string{"the sounds are muted"}},
		"nothing at all": {"default_rules = false\noutput.buzzer = { pin = \"GPIO18\", kind = \"buzzer\" }\n", []string{"buzzer (buzzer)", "  It shows nothing: no rule names it."}, []string{"any light"}},
		"buttons and quiet hours": {"[input.ack]\npin = \"GPIO27\"\nhold = \"mute 30m\"\n[input.try]\npin = \"GPIO22\"\npress = \"\"\nhold = \"test\"\nhold_for = \"2s\"\nlock = true\n" +
			"[[quiet]]\ndays = [\"sat\", \"sun\"]\nfrom = \"20:00\"\nto = \"08:00\"\n[[quiet]]\nfrom = \"12:00\"\nto = \"13:00\"\nsilence = [\"buzzer\", \"lights\"]\n[[quiet]]\ndays = [\"mon\"]\nfrom = \"00:00\"\nto = \"24:00\"\nsilence = [\"sounds\", \"outputs\"]\n", []string{
			"  One flash: a button was pressed", "button ack", "  Press it to say that somebody looks after all who wait now", "  Hold it for 5 seconds to mute the sounds for 30 minutes; the lights go on",
			"button try", "  Hold it for 2 seconds to try every light and sound", "  It is locked: until it is unlocked it does nothing.",
			"quiet hours", "  Saturday and Sunday from 20:00 to 08:00 the next day: no sound", "  Every day from 12:00 to 13:00: nothing on buzzer and no light", "  Monday all day: nothing at all", "  One chirp when they end: somebody has waited meanwhile",
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load([]byte(tt.doc), testMachine)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := c.Card().Print(&b); err != nil {
				t.Fatal(err)
			}
			rest := b.String()
			for _, line := range tt.want {
				var ok bool
				if _, rest, ok = strings.Cut(rest, "\n"+line+"\n"); !ok {
					t.Fatalf("%q is not there, or too early, in\n%s", line, b.String())
				}
				rest = "\n" + rest
			}
			for _, text := range tt.not {
				if strings.Contains(b.String(), text) {
					t.Errorf("%q is in\n%s", text, b.String())
				}
			}
		})
	}
}

func TestLooks(t *testing.T) {
	pattern := func(text string) gpio.Pattern {
		p, err := gpio.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Name = "own"
		return p
	}
	hello, err := gpio.ParseTune("hello:d=8,o=5,b=140:c,e,g")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pattern gpio.Pattern
		kind    string
		rule    indicator.Rule
		want    string
	}{
		{gpio.Steady(false), gpio.Light, indicator.Rule{}, "Off"},
		{pattern("100ms on, 100ms off, repeat"), gpio.Light, indicator.Rule{}, "Quick flicker (own)"},
		{pattern("80ms on, 1.92s off, repeat"), gpio.Light, indicator.Rule{}, "One short blink every 2 seconds (own)"},
		{pattern("1s on, 1s off, 300ms on, 2s off, repeat"), gpio.Light, indicator.Rule{}, "Two long blinks every 4.3s (own)"},
		{pattern("100ms on, 100ms off, 100ms on, 700ms off, repeat"), gpio.Buzzer, indicator.Rule{For: 3 * time.Second}, "Two short beeps (own), again and again for 3 seconds"},
		{pattern("on"), gpio.Light, indicator.Rule{For: time.Hour}, "Steady light (own) for 1 hour"},
		{hello.Pattern(), gpio.Tone, indicator.Rule{Every: 90 * time.Second}, "The tune hello, every 1 minute 30 seconds"},
		{hello.Pattern(), gpio.Buzzer, indicator.Rule{}, "Beeps in the rhythm of the tune hello"},
		{hello.Pattern(), gpio.Light, indicator.Rule{}, "Blinks in the rhythm of the tune hello"},
	} {
		if got := looks(tt.pattern, tt.kind, tt.rule); got != tt.want {
			t.Errorf("%v on %s is %q, want %q", tt.pattern, tt.kind, got, tt.want)
		}
	}
	for _, name := range gpio.Patterns() { // a built-in one has words of its own
		p, _ := gpio.Builtin(name)
		for _, kind := range []string{gpio.Light, gpio.Buzzer} {
			if text := looks(p, kind, indicator.Rule{}); strings.Contains(text, "(") {
				t.Errorf("%s on a %s is %q", name, kind, text)
			}
		}
	}
}

// TestEveryBuiltInRuleHasWords finds one that the card would tell by its name.
func TestEveryBuiltInRuleHasWords(t *testing.T) {
	for _, r := range indicator.Builtin() {
		if m := meaning(r); m == r.Name && r.Name != "new conversation" {
			t.Errorf("%s has no words on the card", m)
		}
	}
}

// TestStepsInTheirOrder: with 32 bits, too, where the difference of two times is no int.
func TestStepsInTheirOrder(t *testing.T) {
	var list, want []indicator.Escalation
	for m := range 20 {
		list = append(list, indicator.Escalation{After: time.Duration(20-m) * time.Minute})
		want = append(want, indicator.Escalation{After: time.Duration(m+1) * time.Minute})
	}
	if got := bySteps(list); !reflect.DeepEqual(got, want) {
		t.Errorf("the steps are told as %v", got)
	}
}
