package agent

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// RuleConfig is one [[rule]]. One that has a built-in rule's name changes the
// keys it gives: a key that is not given is nil.
type RuleConfig struct {
	Name     string             `toml:"name"`
	Enabled  *bool              `toml:"enabled"`
	On       []string           `toml:"on" print:"short"`
	When     *string            `toml:"when"`
	While    *string            `toml:"while"`
	Of       *string            `toml:"of"`
	Show     map[string]string  `toml:"show" print:"short"`
	For      *Duration          `toml:"for"`
	Every    *Interval          `toml:"every"`
	Means    *string            `toml:"means"`
	Critical *bool              `toml:"critical"`
	Escalate []EscalationConfig `toml:"escalate" print:"short"`
}

// Interval is a Duration that may be empty: none.
type Interval Duration

// UnmarshalText reads a Duration, or nothing.
func (i *Interval) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = 0
		return nil
	}
	return (*Duration)(i).UnmarshalText(text)
}

// String is the Duration's.
func (i Interval) String() string { return Duration(i).String() }

// EscalationConfig is one step of a rule's escalate.
type EscalationConfig struct {
	After  Duration          `toml:"after"`
	Show   map[string]string `toml:"show" print:"short"`
	Repeat Duration          `toml:"repeat"`
}

// QuietConfig is one [[quiet]].
type QuietConfig struct {
	Days    []string `toml:"days"`
	From    string   `toml:"from"`
	To      string   `toml:"to"`
	Silence []string `toml:"silence"`
}

// defaultQuiet holds the values of the keys that a [[quiet]] leaves out.
func defaultQuiet() QuietConfig { return QuietConfig{Silence: []string{indicator.Sounds}} }

// rules are the rules in force, in their order.
func (c Config) rules() []indicator.Rule {
	var written []indicator.Override
	for _, r := range c.Rule {
		written = append(written, r.override())
	}
	return indicator.Merge(written, c.DefaultRules)
}

func (r RuleConfig) override() indicator.Override {
	o := indicator.Override{
		Name: r.Name, Enabled: r.Enabled, On: r.On, When: r.When, While: r.While, Of: r.Of, Show: r.Show,
		For: (*time.Duration)(r.For), Every: (*time.Duration)(r.Every), Means: r.Means, Critical: r.Critical,
	}
	if r.Escalate != nil {
		o.Escalate = []indicator.Escalation{}
	}
	for _, e := range r.Escalate {
		o.Escalate = append(o.Escalate, indicator.Escalation{After: time.Duration(e.After), Show: e.Show, Repeat: time.Duration(e.Repeat)})
	}
	return o
}

// rulesInForce are the rules in force as they could be written into a file of
// the same default_rules, and the built-in ones that are switched off.
func (c Config) rulesInForce() []RuleConfig {
	base := map[string]indicator.Rule{}
	for _, r := range indicator.Merge(nil, c.DefaultRules) {
		base[r.Name] = r
	}
	var list []RuleConfig
	for _, r := range c.rules() {
		list = append(list, written(r, base[r.Name]))
	}
	for _, r := range c.Rule {
		if _, builtin := base[r.Name]; builtin && r.disabled() {
			list = append(list, RuleConfig{Name: r.Name, Enabled: r.Enabled})
		}
	}
	return list
}

// written is a rule as it is written over another: with the keys that have a
// value in one of the two.
func written(r, over indicator.Rule) RuleConfig {
	w := RuleConfig{
		Name: r.Name, When: given(r.When, over.When), While: given(r.While, over.While), Of: given(r.Of, over.Of),
		For: given(Duration(r.For), Duration(over.For)), Every: given(Interval(r.Every), Interval(over.Every)),
		Means: given(r.Means, over.Means), Critical: given(r.Critical, over.Critical), Show: r.Show,
	}
	if len(r.On)+len(over.On) > 0 {
		w.On = append([]string{}, r.On...)
	}
	for _, e := range r.Escalate {
		w.Escalate = append(w.Escalate, EscalationConfig{After: Duration(e.After), Show: e.Show, Repeat: Duration(e.Repeat)})
	}
	return w
}

func given[T comparable](value, over T) *T {
	var none T
	if value == none && over == none {
		return nil
	}
	return &value
}

func (r RuleConfig) disabled() bool { return r.Enabled != nil && !*r.Enabled }

// patterns are those of [pattern] and [tune]. One that cannot be read is a
// steady light here, and a fault where f is not nil.
func (c Config) patterns(f *collector) map[string]gpio.Pattern {
	list := map[string]gpio.Pattern{}
	for _, name := range slices.Sorted(maps.Keys(c.Pattern)) {
		p, err := gpio.ParsePattern(c.Pattern[name])
		list[name] = orSteady(p, err, f, join("pattern", name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tune)) {
		key := join("tune", name)
		if _, twice := c.Pattern[name]; twice {
			f.tell(key, "there is a pattern %s already: take another name", name)
			continue
		}
		t, err := gpio.ParseTune(c.Tune[name])
		list[name] = orSteady(t.Pattern(), err, f, key)
	}
	return list
}

func orSteady(p gpio.Pattern, err error, f *collector, key string) gpio.Pattern {
	if err == nil {
		return p
	}
	f.tell(key, "%v", err)
	return gpio.Steady(true)
}

// quiet is [[quiet]] in the indicator's words.
func (c Config) quiet() []indicator.Quiet {
	var list []indicator.Quiet
	for _, q := range c.Quiet {
		list = append(list, indicator.Quiet(q))
	}
	return list
}

// validateIndication looks at all that says what is shown when.
func (c *Config) validateIndication(f *collector) {
	for _, table := range []struct {
		key   string
		names map[string]string
	}{{"pattern", c.Pattern}, {"tune", c.Tune}} {
		for _, name := range slices.Sorted(maps.Keys(table.names)) {
			if !forwardName.MatchString(name) {
				f.add(join(table.key, name), "%q may have letters, digits, - and _ only", name)
			}
		}
	}
	var builtin []string
	for _, r := range indicator.Builtin() {
		builtin = append(builtin, r.Name)
	}
	seen := map[string]bool{} // those switched off; the others are Validate's
	for i, r := range c.Rule {
		key := fmt.Sprintf("rule.%d.name", i)
		if len(r.Name) > 128 || strings.ContainsFunc(r.Name, unicode.IsControl) {
			f.add(key, "must be one line of at most 128 bytes")
		}
		if meant := nearest(r.Name, builtin); r.disabled() && meant != "" && !slices.Contains(builtin, r.Name) {
			f.add(key, "there is no rule %q to switch off; did you mean %q?", r.Name, meant)
		}
		if off, twice := seen[r.Name]; twice && (off || r.disabled()) {
			f.add(key, "two rules are named %q", r.Name)
		}
		seen[r.Name] = r.disabled()
	}
	c.patterns(f)
	known := slices.Clone(f.faults)
	for _, err := range c.indication().Validate() {
		key, text, _ := strings.Cut(err.Error(), ": ")
		if !f.follows(key, known) {
			f.add(key, "%s", text)
		}
	}
}

// effective is the configuration with all rules in force written out.
func (c Config) effective() reflect.Value {
	c.Rule = c.rulesInForce()
	return reflect.ValueOf(c)
}
