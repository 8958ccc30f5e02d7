package indicator

import (
	"slices"
	"testing"
	"time"

	"deskbell/gpio"
)

// TestWhatOutputsPlay has each kind of output show patterns of each kind, for a state, an event and at somebody's wish.
func TestWhatOutputsPlay(t *testing.T) {
	blink, _ := gpio.Builtin("blink")
	hurry, _ := gpio.ParsePattern("100ms on, 100ms off, repeat")
	for _, tt := range []struct {
		name  string
		rule  Rule
		plays []string      // by output: what
		until time.Duration // of an event, and of what ends by itself: when it is over on the light; 0: never
	}{
		{"a state that blinks", Rule{While: "open > 0", Show: show(Lights, "blink", Sounds, "alarm")}, []string{blink.String(), "on", "400ms on, 200ms off, repeat"}, 0},
		{"a state that is off", Rule{While: "open > 0", Show: show(Lights, "off", Sounds, "off")}, []string{"off", "off", "off"}, 0},
		{"a state that chirps gives a light back", Rule{While: "open > 0", Show: show(Lights, "chirp", Sounds, "chirp")}, []string{"80ms on", "on", "80ms on"}, atLeast},
		{"a state at intervals", Rule{While: "open > 0", Every: time.Minute, Show: show(Lights, "double", Sounds, "alarm")},
			[]string{"150ms on, 150ms off, 150ms on, 1.55s off", "1s on", "400ms on, 200ms off, repeat"}, 2*time.Second + gap},
		{"an event", Rule{On: []string{"note"}, Show: show(Lights, "blink", Sounds, "blink")}, []string{blink.String(), "1s on", "500ms on, 500ms off"}, lightFor},
		{"an event that chirps", Rule{On: []string{"note"}, Show: show(Lights, "chirp", Sounds, "chirp")}, []string{"80ms on", "1s on", "80ms on"}, atLeast},
		{"an event for a time", Rule{On: []string{"note"}, For: time.Minute, Show: show(Lights, "hurry", Sounds, "hurry")},
			[]string{hurry.String(), "1s on", hurry.String()}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name = "r"
			e, faults := newEngine(Config{
				Outputs: []Output{{Name: "light"}, {Name: "relay", Kind: gpio.Relay}, {Name: "tone", Kind: gpio.Tone}},
				Rules:   []Rule{tt.rule}, Patterns: map[string]gpio.Pattern{"hurry": hurry},
			})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			p := &player{t: t, engine: e}
			v := view{now: began}
			e.decide(v)
			v.Open = 1
			p.view = v
			p.happened(began, true, "note")
			list, _ := e.decide(v)
			var plays []string
			for _, s := range list {
				plays = append(plays, s.play.String())
			}
			if !slices.Equal(plays, tt.plays) {
				t.Errorf("they play %q, want %q", plays, tt.plays)
			}
			if tt.until == 0 {
				v.now += time.Hour
				if list, _ := e.decide(v); list[0].reason != "r" {
					t.Error("it is over")
				}
				return
			}
			for over, at := range map[bool]time.Duration{false: tt.until - 1, true: tt.until} {
				v.now = began + at
				if list, _ := e.decide(v); (list[0].reason == "") != over {
					t.Errorf("after %v it is over: %v", at, !over)
				}
			}
		})
	}
}

func TestPatternsByHand(t *testing.T) {
	hurry, _ := gpio.ParsePattern("100ms on, 100ms off, repeat")
	e, faults := newEngine(Config{
		Outputs:  []Output{{Name: "light"}, {Name: "relay", Kind: gpio.Relay}, {Name: "tone", Kind: gpio.Tone}},
		Patterns: map[string]gpio.Pattern{"hurry": hurry},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for name, want := range map[string][]string{
		"on": {"on", "on", "on"}, "off": {"off", "off", "off"}, "chirp": {"80ms on", "1s on", "80ms on"},
		"hurry": {"100ms on, 100ms off, repeat", "on", "100ms on, 100ms off"}, "alarm": {"400ms on, 200ms off, repeat", "on", "400ms on, 200ms off, repeat"},
	} {
		for o := range e.outputs {
			p, ok := e.byHand(o, name, false)
			if !ok || p.String() != want[o] || p.Name != name {
				t.Errorf("%s on a %s is %q, named %q; want %q", name, e.outputs[o].Name, p, p.Name, want[o])
			}
		}
	}
	if list := e.patternNames(); !slices.Contains(list, "hurry") || !slices.Contains(list, "chirp") {
		t.Errorf("the patterns are %q", list)
	}
}
