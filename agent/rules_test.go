package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskbell/agent/indicator"
)

func TestReferenceHoldsTheBuiltInRules(t *testing.T) {
	c, err := Load(uncommented(Reference), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	rules := c.rules()
	if len(rules) != 2+len(indicator.Builtin()) {
		t.Fatalf("%d rules", len(rules))
	}
	if got, want := unplaced(rules[2:]), unplaced(indicator.Builtin()); got != want {
		t.Errorf("the reference has\n%s\nbuilt in are\n%s", got, want)
	}
	for _, r := range rules[2:] {
		if r.Written == 0 {
			t.Errorf("the reference leaves %s out", r.Name)
		}
	}
	if len(c.People) != 1 || len(c.Pattern) != 1 || len(c.Tune) != 1 || len(c.Quiet) != 1 {
		t.Errorf("the examples are %v %v %v %v", c.People, c.Pattern, c.Tune, c.Quiet)
	}
}

// unplaced is all that rules say, but where they stand.
func unplaced(rules []indicator.Rule) string {
	var b strings.Builder
	for _, r := range rules {
		r.Written = 0
		fmt.Fprintf(&b, "%+v\n", r)
	}
	return b.String()
}

func TestARuleChangesOnlyTheKeysItGives(t *testing.T) {
	rule := func(doc string) indicator.Rule {
		t.Helper()
		c, err := Load([]byte("[[rule]]\n"+doc), testMachine)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.rules() {
			if r.Written > 0 {
				return r
			}
		}
		return indicator.Rule{}
	}
	for _, tt := range []struct {
		name, doc string
		is        func(r indicator.Rule) bool
	}{
		{"nothing but the name changes nothing", `name = "SLA breached"`, func(r indicator.Rule) bool { return r.For == 10*time.Second && len(r.Show) == 2 }},
		{"a zero is a value", "name = \"SLA breached\"\nfor = \"0\"", func(r indicator.Rule) bool { return r.For == 0 && len(r.Show) == 2 }},
		{"an empty interval is none", "name = \"still waiting\"\nevery = \"\"", func(r indicator.Rule) bool { return r.Every == 0 && len(r.Show) == 1 }},
		{"show is one key", "name = \"SLA breached\"\nshow.lamp = \"on\"", func(r indicator.Rule) bool { return len(r.Show) == 1 && r.For > 0 }},
		{"a state may become an event", "name = \"acknowledged\"\nwhile = \"\"\non = [\"note\"]", func(r indicator.Rule) bool { return r.While == "" && len(r.On) == 1 }},
		{"an event may become a state", "name = \"new conversation\"\non = []\nfor = \"0\"\nwhile = \"open > 0\"", func(r indicator.Rule) bool { return len(r.On) == 0 && r.While != "" }},
		{"one that is not enabled is away", "name = \"acknowledged\"\nenabled = false", func(r indicator.Rule) bool { return r.Name == "" }},
		{"one that is enabled is there", "name = \"acknowledged\"\nenabled = true", func(r indicator.Rule) bool { return r.Name != "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := rule(tt.doc); !tt.is(r) {
				t.Errorf("the rule is %+v", r)
			}
		})
	}
}

func TestEveryFaultOfOneExpressionIsTold(t *testing.T) {
	_, err := Load([]byte("[[rule]]\nname = \"a\"\nwhile = \"waitng > 0 or opn > 0\"\nshow = { lights = \"on\" }\n"), testMachine)
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 2 || faults[0].Line != 3 || faults[1].Line != 3 {
		t.Errorf("got %v", err)
	}
}

func TestPrintShowsTheRulesInForceAndReadsBack(t *testing.T) {
	for name, doc := range map[string]string{
		"nothing written":           "",
		"without built-in rules":    "default_rules = false\n",
		"the reference":             string(uncommented(Reference)),
		"built-in rules changed":    "[[rule]]\nname = \"SLA breached\"\nfor = \"0\"\ncritical = true\n[[rule]]\nname = \"acknowledged\"\nwhile = \"\"\non = [\"note\"]\n",
		"built-in rules away":       "[[rule]]\nname = \"SLA breached\"\nenabled = false\n[[rule]]\nname = \"mine\"\nenabled = false\n",
		"a built-in rule's name":    "default_rules = false\n[[rule]]\nname = \"SLA breached\"\nwhile = \"open > 0\"\nshow = { lights = \"on\" }\n",
		"an event made a state":     "[[rule]]\nname = \"new conversation\"\non = []\nfor = \"0\"\nwhile = \"open > 0\"\n",
		"quotes of all kinds":       "people.\"Anna's \\\"A\\\"\" = \"a@b\"\n[[rule]]\nname = \"a 'b' \\\"c\\\"\"\nwhile = \"open > 0\"\nshow.lights = \"on\"\nmeans = \"it's \\\"\\\\\\u00e9\\u0007\"\n",
		"an expression of lines":    "[[rule]]\nname = \"a\"\nwhile = \"\"\"\nopen > 0\n  and waiting > 1\"\"\"\nshow.lights = \"on\"\n",
		"quiet hours":               "[[quiet]]\nfrom = \"20:00\"\nto = \"08:00\"\n[[quiet]]\ndays = [\"sat\"]\nfrom = \"00:00\"\nto = \"23:59\"\nsilence = [\"lamp\"]\n",
		"patterns, tunes, the desk": "desk.only = 'bot == 8861'\npattern.hurry = \"100ms on,100ms off, repeat\"\ntune.hello = \"hello:d=8,o=5,b=140:c,e,g\"\n[output.a]\npin=\"GPIO18\"\nkind = \"tone\"\nonly = [\"bot\"]\n",
	} {
		t.Run(name, func(t *testing.T) {

			c, err := Load([]byte(doc), testMachine)
			if err != nil {
				t.Fatal(err)
			}
			readsBack(t, c)
		})
	}
}

// readsBack prints a configuration and holds what is read from that against it.
func readsBack(t *testing.T, c Config) {
	t.Helper()
	print := func(c Config) string {
		var b bytes.Buffer
		if err := c.Print(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := print(c)
	again, err := Load([]byte(text), testMachine)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if second := print(again); second != text {
		t.Errorf("printed again:\n%s\nwas\n%s", second, text)
	}
	was, is := c.indication(), again.indication()
	if a, b := unplaced(is.Rules), unplaced(was.Rules); a != b {
		t.Errorf("the rules are\n%s\nwere\n%s", a, b)
	}
	a := fmt.Sprintf("%+v %+v %+v %+v %s", is.Desk, is.Outputs, is.Inputs, is.Quiet, is.Only)
	b := fmt.Sprintf("%+v %+v %+v %+v %s", was.Desk, was.Outputs, was.Inputs, was.Quiet, was.Only)
	if a != b || !reflect.DeepEqual(is.Patterns, was.Patterns) || !reflect.DeepEqual(is.People, was.People) {
		t.Errorf("it is\n%s %v %v\nwas\n%s %v %v", a, is.Patterns, is.People, b, was.Patterns, was.People)
	}
}

// TestReadmeExamples loads every piece of configuration that the README shows.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for part := range strings.SplitSeq(string(readme), "```toml\n") {
		block, _, ok := strings.Cut(part, "\n```")
		if blocks++; blocks == 1 || !ok { // what is before the first
			continue
		}
		loads(t, block)
	}
	if blocks < 2 {
		t.Error("the README shows no configuration")
	}
}

// TestShippedFile loads the configuration file of the package, and each line of it that is offered as a comment.
func TestShippedFile(t *testing.T) {
	shipped, err := os.ReadFile("../packaging/deskbell.toml")
	if err != nil {
		t.Fatal(err)
	}
	loads(t, string(shipped))
	for line := range strings.Lines(string(shipped)) {
		if example.MatchString(line) {
			loads(t, line[1:])
		}
	}
}

// loads loads a text that names secrets in /etc/deskbell.
func loads(t *testing.T, text string) Config {
	t.Helper()
	secrets := t.TempDir()
	for _, name := range []string{"token", "mqtt", "mqtt-hub", "admin"} {
		if err := os.WriteFile(secrets+"/"+name, []byte("geheim\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load([]byte(strings.ReplaceAll(text, "/etc/deskbell", secrets)), testMachine)
	if err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	return c
}
