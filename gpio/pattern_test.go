package gpio

import (
	"strings"
	"testing"
	"time"
)

func TestParsePattern(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string // as String prints it; an error when it begins with "!": what the error says
	}{
		"steps that repeat":                               {"100ms on, 100ms off, repeat", "100ms on, 100ms off, repeat"},
		"steps that are shown once":                       {"1s on,500ms off,1s on", "1s on, 500ms off, 1s on"},
		"white space does not matter":                     {"  20ms \t on ,1.5s  off ", "20ms on, 1.5s off"},
		"one step":                                        {"80ms on", "80ms on"},
		"steady on":                                       {" on ", "on"},
		"steady off":                                      {"off", "off"},
		"on for ever is on":                               {"100ms on, 1s on, repeat", "on"},
		"what is never on is no signal":                   {"100ms off, 1s off, repeat", "!no step is on"},
		"nor is it once":                                  {"100ms off", "!no step is on"},
		"a built-in pattern's name is not a step":         {"blink", "!not a step"},
		"steady and repeat":                               {"on, repeat", "!not a step"},
		"an empty text is no pattern":                     {"", "!not a step"},
		"repeat alone has nothing to repeat":              {"repeat", "!not a step"},
		"repeat comes last":                               {"1s on, repeat, 1s off", "!not a step"},
		"a step needs a level":                            {"1s", "!not a step"},
		"a level is on or off":                            {"1s up", "!not a step"},
		"a comma at the end begins one more step":         {"1s on,", "!not a step"},
		"a duration has a unit":                           {"100 on", "!not a duration"},
		"a step too short to be seen":                     {"1ms on, 1ms off, repeat", "!not between"},
		"a negative step":                                 {"-1s on", "!not between"},
		"a step of a day":                                 {"24h on", "!not between"},
		"more steps than anybody can tell apart":          {strings.Repeat("1s on,", 64) + "1s off", "!more than 64"},
		"sixty-four steps and repeat are just few enough": {strings.Repeat("1s on,1s off,", 32) + "repeat", strings.Repeat("1s on, 1s off, ", 32) + "repeat"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePattern(c.text)
			if want, bad := strings.CutPrefix(c.want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got %v and error %v, want an error that says %q", p, err, want)
				}
				return
			}
			if err != nil || p.String() != c.want {
				t.Fatalf("got %q, %v, want %q", p, err, c.want)
			}
		})
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"100ms on, 100ms off, repeat", "80ms on", "1h off", "", ",", "repeat", "1s on,", "0x1p-2s on", "9999999999h on", "on", " off ", "1s on, 1s on, repeat"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			return
		}
		if err := p.check(); err != nil || !p.steady() && p.Period() < minStep || len(p.Steps) > maxSteps {
			t.Fatalf("%q was read as %v, which cannot be played: %v", s, p, err)
		}
		if on, _ := p.levels(); !on && !p.steady() {
			t.Fatalf("%q was read as %v, which nobody sees", s, p)
		}
		q, err := ParsePattern(p.String())
		if err != nil || !q.Equal(p) {
			t.Fatalf("%q was read as %q, and that as %v, %v", s, p, q, err)
		}
	})
}

func TestEveryBuiltinPatternHasItsPeriod(t *testing.T) {
	want := map[string]time.Duration{"off": 0, "on": 0, "blink": time.Second, "fast": 250 * time.Millisecond, "pulse": 2 * time.Second,
		"double": 2 * time.Second, "triple": 3 * time.Second, "chirp": 80 * time.Millisecond, "alarm": 600 * time.Millisecond}
	if len(Patterns()) != len(want) {
		t.Errorf("there are %d patterns, want %d", len(Patterns()), len(want))
	}
	for _, name := range Patterns() {
		p, ok := Builtin(name)
		if period, known := want[name]; !ok || !known || p.Period() != period || p.Name != name || p.check() != nil {
			t.Errorf("%s: got %v (%v), period %v, want %v", name, p, ok, p.Period(), period)
		}
		if wantRepeat := name != "chirp" && name != "on" && name != "off"; p.Repeat != wantRepeat {
			t.Errorf("%s repeats: %v, want %v", name, p.Repeat, wantRepeat)
		}
	}
	if p, ok := Builtin("hurry"); ok {
		t.Errorf("got a pattern %v that is not built in", p)
	}
}

func TestPatternOnce(t *testing.T) {
	for name, c := range map[string]struct{ pattern, want string }{
		"a pattern that repeats is played one period":        {"double", "150ms on, 150ms off, 150ms on, 1.55s off"},
		"one that does not repeat stays as it is":            {"chirp", "80ms on"},
		"an alarm goes on":                                   {"alarm", "400ms on, 200ms off, repeat"},
		"a steady on is one second, lest it sounds for good": {"on", "1s on"},
		"off stays off":                                      {"off", "off"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := Builtin(c.pattern)
			if got := p.Once(); got.String() != c.want || got.Name != c.pattern {
				t.Errorf("got %q named %q, want %q named %q", got, got.Name, c.want, c.pattern)
			}
			if again, _ := Builtin(c.pattern); !again.Equal(p) {
				t.Error("Once changed the pattern it was called on")
			}
		})
	}
}

// TestWhatIsPrintedIsRead: whatever pattern is shown or kept can be written into a configuration.
func TestWhatIsPrintedIsRead(t *testing.T) {
	for _, name := range Patterns() {
		p, _ := Builtin(name)
		q, err := ParsePattern(p.String())
		if q.Name = name; err != nil || !q.Equal(p) {
			t.Errorf("%s is printed as %q, and that is read as %v, %v", name, p, q, err)
		}
	}
}
