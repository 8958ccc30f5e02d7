package indicator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/gpio"
)

// TestWhyOutlivesARestart, and a restart with other rules or room for fewer events.
func TestWhyOutlivesARestart(t *testing.T) {
	g := after(t, testConfig(), "0s new c1\n+10s handover c1 none\n+5m restart 5s\n")
	if g.sequence != 2 {
		t.Fatal(g.sequence)
	}
	before, _ := g.core.why.explain(2)
	if len(before.Decisions) == 0 || len(before.Sounds) != 3 || before.Note != "" {
		t.Errorf("%+v", before)
	}
	c := testConfig()
	c.Reasons, c.Rules = MaxReasons, c.Rules[1:]
	a, err := ReadArchive(c, g.kept)
	if err != nil {
		t.Fatal(err)
	}
	x, err := a.Why(2)
	if err != nil || !strings.HasPrefix(x.Note, "the rules have been changed since") || len(x.Sounds) != 3 {
		t.Errorf("%+v, %v", x, err)
	}
	if got := lines(x.Decisions); !strings.Contains(got, "lamp | somebody waits | shown | pulse") || strings.Contains(got, "new conversation") {
		t.Errorf("with other rules:\n%s", got)
	}
	if s, ok := a.LastSound(); !ok || s.Rule != "still waiting" {
		t.Errorf("%+v", s)
	}
	c.Reasons = 1
	k, _ := newCore(c)
	if err := errors.Join(k.restore(g.kept, 200*time.Hour, 200*time.Hour)...); err != nil {
		t.Error(err)
	}
	put := k.entries()
	for _, name := range []string{whyEntry + "1", whyEntry + "2"} {
		if data, ok := put[name]; !ok || data != nil {
			t.Errorf("%s is left behind: %q", name, data)
		}
	}
}

// TestWhyKeepsTheNewest: of the events that share a slot.
func TestWhyKeepsTheNewest(t *testing.T) {
	g := after(t, testConfig(), "0s new c1\n")
	g.core.why.slots = g.core.why.slots[:4]
	for n := range 9 {
		_ = g.event("new", []string{fmt.Sprint(n)})
		_, _ = g.look()
	}
	for sequence := range uint64(7) {
		if _, err := g.core.why.explain(sequence); !errors.Is(err, ErrNotKept) {
			t.Errorf("event %d: %v", sequence, err)
		}
	}
	if x, err := g.core.why.explain(9); err != nil || x.Note != "" {
		t.Errorf("%+v, %v", x, err)
	}
	if put := g.core.entries(); len(slices.DeleteFunc(slices.Collect(maps.Keys(put)), func(s string) bool { return !strings.HasPrefix(s, whyEntry) })) > 5 {
		t.Errorf("more than the slots are written: %v", slices.Collect(maps.Keys(put)))
	}
	none := testConfig()
	k, _ := newCore(none)
	if _, err := k.why.explain(1); !errors.Is(err, ErrNotKept) {
		t.Error(err)
	}
}

// TestWhyOfWhatNobodyKept: of an event that came before reasons were kept, or that the rules were not given, it is not said that
// it did nothing.
func TestWhyOfWhatNobodyKept(t *testing.T) {
	script := "0s new c1\n+1s visitor c1\n+1s handover c1 none\n"
	g := after(t, testConfig(), script+"+1s restart\n")
	for name := range g.kept { // as an older version leaves it
		if strings.HasPrefix(name, whyEntry) || name == heardEntry {
			delete(g.kept, name)
		}
	}
	if err := g.start(); err != nil {
		t.Fatal(err)
	}
	why := func(sequence uint64) error {
		_, err := g.core.why.explain(sequence)
		return err
	}
	if err := why(3); !errors.Is(err, ErrNotKept) {
		t.Errorf("before the first event: %v", err)
	}
	_ = g.event("visitor", []string{"c1"})
	_, _ = g.look()
	if err := why(3); !errors.Is(err, ErrNotKept) {
		t.Errorf("before the upgrade: %v", err)
	}
	if err := why(4); err != nil {
		t.Errorf("after it: %v", err)
	}
	if err := g.restart(0); err != nil {
		t.Fatal(err)
	}
	for sequence, want := range map[uint64]error{2: ErrNotKept, 4: nil, 5: ErrNotYet} {
		if err := why(sequence); !errors.Is(err, want) {
			t.Errorf("after a restart, event %d: %v", sequence, err)
		}
	}
	g = after(t, testConfig(), script)
	g.keep()
	c := testConfig()
	c.Reasons = 2
	a, err := ReadArchive(c, g.kept)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Why(2); !errors.Is(err, ErrNotKept) {
		t.Errorf("with another number of slots: %v", err)
	}
}

// TestWhyIsSmall: however many rules there are and whatever their names.
func TestWhyIsSmall(t *testing.T) {
	c := testConfig()
	for n := range 40 {
		c.Outputs = append(c.Outputs, Output{Name: fmt.Sprintf("%s%d", strings.Repeat("o", 50), n), Kind: gpio.Buzzer})
		c.Rules = append(c.Rules, Rule{Name: fmt.Sprintf("%s%d", strings.Repeat("ü", 200), n), On: []string{"conversation_create"}, Show: show(Lights, "on", Sounds, "chirp")},
			Rule{Name: fmt.Sprintf("%d%s", n, strings.Repeat("ü", 200)), While: "open > 0", Show: show(Lights, "on", Sounds, "chirp")})
	}
	g := after(t, c, "0s new c1\n+1s new c2\n+1s restart\n")
	for name, data := range g.kept {
		if strings.HasPrefix(name, whyEntry) && len(data) > MaxReason {
			t.Errorf("%s has %d bytes", name, len(data))
		}
	}
	if x, err := g.core.why.explain(2); err != nil || len(x.Decisions) == 0 {
		t.Error(err)
	}
}

// TestWhyOfMoreThanIsKept: of what did not fit it is not said that it did not happen.
func TestWhyOfMoreThanIsKept(t *testing.T) {
	c := testConfig()
	for n := range 30 {
		c.Outputs = append(c.Outputs, Output{Name: fmt.Sprintf("lamp-of-the-room-number-%d", n), Kind: gpio.Light})
		c.Rules = append([]Rule{{Name: fmt.Sprintf("the rule with the number %d", n), On: []string{"conversation_create"}, Show: show(Lights, "fast")}}, c.Rules...)
	}
	g := after(t, c, "0s new c1\n+1s restart\n")
	x, err := g.core.why.explain(1)
	if err != nil || !strings.Contains(x.Note, "not all of it is kept") {
		t.Errorf("%q, %v", x.Note, err)
	}
	for _, d := range x.Decisions {
		if d.Output != "" && d.Detail == nobodyAsks && d.Output != "buzzer" || d.Outcome == NotMatched {
			t.Errorf("it is said: %+v", d)
		}
	}
	if len(x.Decisions) == 0 {
		t.Error("nothing is said")
	}
}

// TestWhyOfDamagedEntries: they are as if they were not there.
func TestWhyOfDamagedEntries(t *testing.T) {
	c := testConfig()
	c.Reasons = 4
	k, _ := newCore(c)
	err := k.why.restore(map[string][]byte{whyEntry + "1": []byte("{"), whyEntry + "2": []byte(`{"s":2,"n":["x"],"r":[999,-7],"o":[{"o":"lamp","r":[99999,1]}]}`),
		whyEntry + "3": []byte(`{"s":2}`), soundEntry + "7": []byte(`{"i":8}`), soundEntry + "x": nil, soundEntry + "3": []byte(`{"i":3}`)})
	if err == nil {
		t.Error("nothing is said of it")
	}
	if x, err := k.why.explain(2); err != nil || len(x.Decisions) == 0 {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := k.why.explain(1); !errors.Is(err, ErrNotKept) {
		t.Error(err)
	}
	if s, ok := k.why.lastSound(); !ok || s.Rule != "" {
		t.Errorf("%+v", s)
	}
}
