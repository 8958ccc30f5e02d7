package indicator

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
)

// TestScripts plays testdata/*.script on the rules. A folder's scripts are played on the configuration of its name, see configs.
func TestScripts(t *testing.T) {
	names, err := filepath.Glob("testdata/*/*.script")
	if err != nil || len(names) == 0 {
		t.Fatal("no script", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), "testdata/"), ".script"), func(t *testing.T) {
			c, ok := configs[filepath.Base(filepath.Dir(name))]
			if !ok {
				t.Fatal("there is no configuration of that name")
			}
			script, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(script, []byte("\n  ")) {
				t.Fatal("the script expects nothing")
			}
			if err := simulation(t, c()).Play(bytes.NewReader(script), t.Output()); err != nil {
				t.Error(err)
			}
		})
	}
}

// simulation is of a box with the usual decoder and a button that mutes when it is held.
func simulation(t testing.TB, c Config) *Simulation {
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &Simulation{Config: c, Decode: d.EventOf, Press: func(_ string, d time.Duration) (Action, bool) {
		switch {
		case d < 80*time.Millisecond:
			return Action{}, false
		case d >= 5*time.Second:
			return Action{Does: Mute, For: 30 * time.Minute}, true
		}
		return Action{Does: Acknowledge}, true
	}}
}

// configs are those that scripts are played on.
var configs = map[string]func() Config{
	"plain": testConfig,
	"quiet": quietConfig,
}

// TestScriptFaults: what is wrong with a script is told with its line.
func TestScriptFaults(t *testing.T) {
	for script, want := range map[string]string{
		"0s dance c1":                          "line 1: \"dance\" is nothing that happens",
		"soon new c1":                          "line 1: \"soon\" is not a time",
		"0s new c1\n\n# x\n10s new c2\n5s ack": "line 5: 5s is before the line above it",
		"  lamp off":                           "line 1: it is indented",
		"0s new":                               "line 1: write: new CONVERSATION",
		"0s status c1 ajar":                    "line 1: write: status CONVERSATION open|closed",
		"0s handover c1 nurse anna":            "line 1: \"nurse\" is none of bot",
		"0s mute soon":                         "line 1: \"soon\" is not a time",
		"0s ack now":                           "line 1: write: ack",
		"0s press bell":                        "line 1: unknown input",
		"0s set lamp disco":                    "line 1: set: unknown pattern",
		"0s test horn":                         "line 1: test: unknown output",
		"22:15 new c1":                         "line 1: \"22:15\" needs the clock",
		"clock today\n0s ack":                  "line 1: \"today\" is not a date",
		"clock 2026-01-01 10:00\n  lamp off\n0s ack": "line 2: nothing has happened yet",
		"0s new c1 colour=red":                       "line 1: \"colour\" is none of",
		"0s new c1 title=\"open":                     "line 1: a quote is not closed",
		"800h":                                       "line 1: a script takes at most",
		"0s new c1\n  horn on":                       "line 2: at 0s \"horn\" is neither an output (lamp, buzzer) nor",
		"0s new c1\n  lamp off\n+1s\n  waiting 2":    "line 2: at 0s lamp shows \"blink: new conversation\", not \"off\"\nline 4: at +1s waiting is 0, not 2",
		"0s new c1 user anna x":                      "line 1: \"x\" is too much",
		"0s new c1 " + strings.Repeat("x", 70_000):   "a line of the script is longer than",
		strings.Repeat("# x\n", 1<<20+1):             "the script is larger than",
	} {
		err := simulation(t, testConfig()).Play(strings.NewReader(script), t.Output())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", script, err, want)
		}
	}
}

// TestSimulationTells: without anything to expect, each change is told with its time.
func TestSimulationTells(t *testing.T) {
	var out strings.Builder
	err := simulation(t, testConfig()).Play(strings.NewReader("clock 2026-03-02 08:59:55\n0s new c1\n+10s handover c1 user anna@hotel.example\n+90s reply c1 anna@hotel.example\n"), &out)
	want := `Mon 08:59:55 lamp       blink: new conversation
Mon 09:00:00 lamp       off
Mon 09:00:05 lamp       pulse: somebody waits
Mon 09:00:05 buzzer     chirp: a person is asked for
Mon 09:00:06 buzzer     off
Mon 09:01:35 lamp       off
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestSimulationEnds, whatever there is to show.
func TestSimulationEnds(t *testing.T) {
	s := simulation(t, testConfig())
	s.most = 1000
	script := "0s handover c1 none\n+24h\n"
	if err := s.Play(strings.NewReader(script), t.Output()); err != nil {
		t.Error(err)
	}
	if err := s.Play(strings.NewReader("0s mute 40h\n+24h"), t.Output()); err == nil || err.Error() != "line 2: more happens than can be played" {
		t.Error(err)
	}
}

// FuzzScript: whatever a script holds, it is played or refused, and soon.
func FuzzScript(f *testing.F) {
	f.Add("clock 2026-10-25 01:30\n0s new c1\n+5s handover c1 user anna@hotel.example\n  lamp pulse\n22:15 restart 5s\n")
	f.Fuzz(func(t *testing.T, script string) {
		if len(script) > 1000 || strings.Count(script, "h") > 40 {
			return
		}
		_ = simulation(t, testConfig()).Play(strings.NewReader(script), &strings.Builder{})
	})
}
