package gpio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseTune(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string // as String prints it; an error when it begins with "!": what the error says
	}{
		"the example":                                   {"hello:d=8,o=5,b=140:c,e,g", "hello:d=8,o=5,b=140:c,e,g"},
		"without defaults it is d=4, o=6, b=63":         {"x::c,8a5.,p", "x:d=4,o=5,b=63:c6,8a.,p"},
		"white space and capitals do not matter":        {" My Tune : D=8, O=5 , b = 140 : C , 16F#6 , P ", "My Tune:d=8,o=5,b=140:c,16f#6,p"},
		"a dot before the octave":                       {"x:d=4,o=5,b=100:c.6", "x:d=4,o=6,b=100:c."},
		"h is b":                                        {"x:d=4,o=5,b=100:h", "x:d=4,o=5,b=100:b"},
		"no name":                                       {":d=4,o=5,b=100:a", ":d=4,o=5,b=100:a"},
		"an empty text":                                 {"", "!not a tune"},
		"no notes":                                      {"x:d=4:", "!not a note"},
		"too few colons":                                {"x:c,e,g", "!not a tune"},
		"too many colons":                               {"x:d=4:c:e", "!not a tune"},
		"a length that is none":                         {"x:d=3:c", "!d=3"},
		"a key that is none":                            {"x:v=3:c", "!v=3"},
		"an octave that a buzzer cannot sing":           {"x:o=2:c", "!o=2"},
		"a beat that is none":                           {"x:b=0:c", "!b=0"},
		"a beat beyond all":                             {"x:b=99999999999999999999:c", "!b=9999"},
		"a note that is none":                           {"x:d=4:x", "!\"x\" is not a note"},
		"a sharp that is none":                          {"x:d=4:e#", "!is not a note"},
		"a note's length that is none":                  {"x:d=4:5c", "!is not a note"},
		"a note's octave that is none":                  {"x:d=4:c9", "!is not a note"},
		"a name of more than one line":                  {"x\ny:d=4:c", "!cannot be the name"},
		"two dots":                                      {"x:d=4:c..", "!is not a note"},
		"an empty note":                                 {"x:d=4:c,,e", "!\"\" is not a note"},
		"pauses alone":                                  {"x:d=4:p,p", "!nobody would hear it"},
		"a note too short to be heard":                  {"x:b=900:32c", "!too short"},
		"longer than a signal is":                       {"x:d=1,b=25:c,c,c,c,c,c,c", "!more than 1m0s"},
		"more notes than a signal has":                  {"x:d=32,b=320:" + strings.Repeat("c,", 256) + "c", "!more than 256"},
		"more text than a signal needs":                 {"x:d=32,b=320:" + strings.Repeat("c ", 2048), "!at most 4096"},
		"as many notes as it may have":                  {"x:d=32,o=5,b=320:" + strings.Repeat("c,", 255) + "c", "x:d=32,o=5,b=320:" + strings.Repeat("c,", 255) + "c"},
		"an octave that most notes have is the default": {"x:d=4,o=4,b=100:c5,d5,e4", "x:d=4,o=5,b=100:c,d,e4"},
	} {
		t.Run(name, func(t *testing.T) {
			tune, err := ParseTune(c.text)
			if want, bad := strings.CutPrefix(c.want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got %v and error %v, want an error that says %q", tune, err, want)
				}
				return
			}
			if err != nil || tune.String() != c.want {
				t.Fatalf("got %q, %v, want %q", tune, err, c.want)
			}
			again, err := ParseTune(tune.String())
			if err != nil || !again.equal(&tune) {
				t.Errorf("read again it is %v, %v, want %v", again, err, tune)
			}
		})
	}
}

func TestATuneIsAPatternOfItsNotes(t *testing.T) {
	tune, err := ParseTune("hello:d=4,o=5,b=150:a4,p,8a.")
	if err != nil {
		t.Fatal(err)
	}
	p := tune.Pattern()
	if got, want := fmt.Sprint(p.Steps), "[{true 350ms} {false 50ms} {false 400ms} {true 262.5ms} {false 37.5ms}]"; got != want {
		t.Errorf("its steps are %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(tune.pitches()), "[440 0 0 880 0]"; got != want {
		t.Errorf("its pitches are %s, want %s", got, want)
	}
	if p.Name != "hello" || p.Repeat || p.check() != nil || p.String() != tune.String() {
		t.Errorf("the pattern is %+v", p)
	}
	other, _ := ParseTune("hello:d=4,o=5,b=150:a4,p,8b.")
	again, _ := ParseTune(tune.String())
	if p.Equal(other.Pattern()) || !p.Equal(again.Pattern()) {
		t.Error("patterns are equal when their tunes are, note by note")
	}
	if p.Equal(Pattern{Name: p.Name, Steps: p.Steps}) {
		t.Error("a tune equals its rhythm")
	}
	if once := p.Once(); !once.Equal(p) {
		t.Errorf("once it is %+v", once)
	}
}

func FuzzParseTune(f *testing.F) {
	for _, s := range []string{"hello:d=8,o=5,b=140:c,e,g", "x::c.6,4p.,h", ":::", "x:d=4,o=8,b=25:1b8.", "x:b=900:c#,\u00a0d", "x:d=4:p,c", "a:,,:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tune, err := ParseTune(s)
		if err != nil {
			return
		}
		p := tune.Pattern()
		if err := p.check(); err != nil || p.Period() > maxTune || p.Period() <= 0 || len(tune.Notes) > maxNotes || len(tune.pitches()) != len(p.Steps) {
			t.Fatalf("%q was read as %v, which cannot be played: %v", s, tune, err)
		}
		for _, s := range p.Steps {
			if s.For < time.Millisecond {
				t.Fatalf("%q has a step of %v", tune, s.For)
			}
		}
		for _, hz := range tune.pitches() {
			if hz != 0 && (hz < 200 || hz > 8000) {
				t.Fatalf("%q has a note of %v Hz", tune, hz)
			}
		}
		again, err := ParseTune(tune.String())
		if err != nil || !again.equal(&tune) {
			t.Fatalf("%q was read as %q, and that as %v, %v", s, tune, again, err)
		}
	})
}
