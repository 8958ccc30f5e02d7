package indicator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deskbell/agent/desk"
	"deskbell/gpio"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestQuietHoursByTheClockOnTheWall walks through hours minute by minute and says when it is quiet.
func TestQuietHoursByTheClockOnTheWall(t *testing.T) {
	paris, day := zone(t, "Europe/Paris"), []string{"sat"}
	night := Quiet{From: "22:00", To: "06:00"}
	for _, tt := range []struct {
		name     string
		quiet    Quiet
		from, to string // of the walk, UTC
		want     string // the spans that are quiet, in Paris
	}{
		{"within a day", Quiet{From: "12:00", To: "13:30"}, "2026-03-02 00:00", "2026-03-03 23:00", "Mon 12:00-13:30, Tue 12:00-13:30"},
		{"over midnight", night, "2026-03-02 12:00", "2026-03-03 12:00", "Mon 22:00-06:00"},
		{"to midnight", Quiet{From: "22:00", To: "24:00"}, "2026-03-02 12:00", "2026-03-03 12:00", "Mon 22:00-00:00"},
		{"to midnight, the next day's beginning", Quiet{From: "22:00", To: "00:00"}, "2026-03-02 12:00", "2026-03-03 12:00", "Mon 22:00-00:00"},
		{"a day is the one it begins on", Quiet{Days: day, From: "22:00", To: "06:00"}, "2026-03-06 12:00", "2026-03-09 12:00", "Sat 22:00-06:00"},
		{"a whole day", Quiet{Days: day, From: "00:00", To: "24:00"}, "2026-03-06 12:00", "2026-03-09 12:00", "Sat 00:00-00:00"},
		{"from a day into the next, in the morning", Quiet{Days: day, From: "06:00", To: "05:00"}, "2026-03-06 12:00", "2026-03-09 12:00", "Sat 06:00-05:00"},
		{"the night that is an hour short", night, "2026-03-28 12:00", "2026-03-29 12:00", "Sat 22:00-06:00"},
		{"the night that is an hour long", night, "2026-10-24 12:00", "2026-10-25 12:00", "Sat 22:00-06:00"},
		{"it begins in the hour that is not there", Quiet{From: "02:30", To: "06:00"}, "2026-03-28 12:00", "2026-03-29 12:00", "Sun 03:00-06:00"},
		{"it ends in the hour that is not there", Quiet{From: "22:00", To: "02:30"}, "2026-03-28 12:00", "2026-03-29 12:00", "Sat 22:00-03:00"},
		{"it is in the hour that is not there", Quiet{From: "02:10", To: "02:50"}, "2026-03-28 12:00", "2026-03-29 12:00", ""},
		{"it begins in the hour that comes twice", Quiet{From: "02:30", To: "06:00"}, "2026-10-24 12:00", "2026-10-25 12:00", "Sun 02:30-02:00, Sun 02:30-06:00"},
		{"it ends in the hour that comes twice", Quiet{From: "22:00", To: "02:30"}, "2026-10-24 12:00", "2026-10-25 12:00", "Sat 22:00-02:30, Sun 02:00-02:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.quiet.Silence = []string{Sounds}
			c := testConfig()
			c.Location, c.Quiet = paris, []Quiet{tt.quiet}
			e, faults := newEngine(c)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			w := &e.quiet.windows[0]
			at, _ := time.Parse("2006-01-02 15:04", tt.from)
			end, _ := time.Parse("2006-01-02 15:04", tt.to)
			var spans []string
			was := false
			for ; at.Before(end); at = at.Add(time.Minute) {
				here := at.In(paris)
				is := w.open(here)
				if is != was && is {
					spans = append(spans, here.Format("Mon 15:04"))
				} else if is != was {
					spans[len(spans)-1] += here.Format("-15:04")
				}
				if was = is; !is && w.open(here.Add(59*time.Second)) {
					t.Errorf("it begins within the minute of %v", here)
				}
				before := here.Add(-20 * time.Second)
				if n := w.next(before); w.open(before) != is && n != 20*time.Second {
					t.Errorf("20 s before %v it is looked at again after %v", here, n)
				}
			}
			if got := strings.Join(spans, ", "); got != tt.want {
				t.Errorf("quiet %s, want %s", got, tt.want)
			}
		})
	}
}

func TestQuietFaults(t *testing.T) {
	for _, tt := range []struct {
		quiet Quiet
		want  string
	}{
		{Quiet{From: "20:00", To: "08:00", Silence: []string{Sounds}}, ""},
		{Quiet{From: "08:00", To: "24:00", Silence: []string{"lamp", Lights, AllOutputs}, Days: []string{"mon", "sun"}}, ""},
		{Quiet{From: "8:00", To: "24:00", Silence: []string{Sounds}}, `quiet.0.from: "8:00" is not a time of day: write it like "20:00"`},
		{Quiet{From: "08:00", To: "24:00", Silence: []string{Sounds}, Days: []string{"Sun"}}, `quiet.0.days.0: "Sun" is no day`},
		{Quiet{From: "20:00", To: "08:00"}, `quiet.0.silence: it silences nothing`},
		{Quiet{From: "20:00", To: "08:00", Silence: []string{Sounds, "horn"}}, `quiet.0.silence.1: unknown output "horn": there are outputs lights sounds lamp buzzer`},
		{Quiet{From: "20:00", To: "08:00", Silence: []string{Sounds}, Days: []string{"mon", "someday"}}, `quiet.0.days.1: "someday" is no day`},
		{Quiet{From: "20:00", To: "20:00", Silence: []string{Sounds}}, `quiet.0.to: it ends when it begins; a whole day is from "00:00" to "24:00"`},
		{Quiet{From: "24:00", To: "20:00", Silence: []string{Sounds}}, `quiet.0.from: "24:00" is not a time of day`},
		{Quiet{From: "20:00", To: "25:00", Silence: []string{Sounds}}, `quiet.0.to: "25:00" is not a time of day`},
		{Quiet{From: "20:00", Silence: []string{Sounds}}, `quiet.0.to: "" is not a time of day`},
		{Quiet{From: "8pm", To: "08:00", Silence: []string{Sounds}}, `quiet.0.from: "8pm" is not a time of day`},
		{Quiet{From: "20:00:30", To: "08:00", Silence: []string{Sounds}}, `quiet.0.from: "20:00:30" is not a time of day`},
	} {
		c := testConfig()
		c.Quiet = []Quiet{tt.quiet}
		got := fmt.Sprint(c.Validate())
		if tt.want == "" && got != "[]" || !strings.HasPrefix(got, "["+tt.want) || strings.Count(got, "quiet.") > 1 {
			t.Errorf("%+v: told %s, want %s", tt.quiet, got, tt.want)
		}
	}
}

// TestNobodyIsWokenWithoutQuietHours: only they are looked at every 30 s.
func TestNobodyIsWokenWithoutQuietHours(t *testing.T) {
	c := testConfig()
	e, _ := newEngine(c)
	if _, next := e.decide(view{groups: make([]desk.Facts, 1), now: began}); next.set {
		t.Errorf("it wants to be asked again at %v", next.at)
	}
	c.Quiet = []Quiet{{From: "20:00", To: "08:00", Silence: []string{Sounds}}}
	e, _ = newEngine(c)
	if _, next := e.decide(view{groups: make([]desk.Facts, len(e.groups.list)), now: began}); !next.set || next.at > began+quietEvery {
		t.Errorf("it wants to be asked again at %v, %t", next.at, next.set)
	}
}

// quietConfig has quiet hours of each kind: sounds at night, a lamp over lunch, and everything on Sundays.
func quietConfig() Config {
	c := testConfig()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	c.Location = paris
	c.Outputs = append(c.Outputs[:len(c.Outputs):len(c.Outputs)], Output{Name: "horn", Pin: "GPIO5", Kind: gpio.Buzzer})
	c.Quiet = []Quiet{
		{From: "20:00", To: "08:00", Silence: []string{"buzzer"}},
		{From: "07:00", To: "08:30", Days: []string{"mon", "tue"}, Silence: []string{"buzzer"}},
		{From: "12:00", To: "13:00", Silence: []string{Lights}},
		{From: "00:00", To: "24:00", Days: []string{"sun"}, Silence: []string{AllOutputs}},
	}
	c.Rules = append([]Rule{
		{Name: "fire", On: []string{"note"}, Show: show(Sounds, "alarm", Lights, "fast"), For: 10 * time.Second, Critical: true},
		{Name: "at night", While: "quiet && open > 3", Show: show("lamp", "double")},
	}, c.Rules...)
	return c
}

// TestTheEndOfQuietHoursIsNotMissed, and is none while nobody knows what time it is.
func TestTheEndOfQuietHoursIsNotMissed(t *testing.T) {
	c := quietConfig()
	wall, set := time.Date(2026, 3, 4, 21, 0, 0, 0, c.Location), true
	c.Now, c.ClockSet = func() time.Time { return wall }, func() bool { return set }
	k, _ := newCore(c)
	k.restore(nil, began, began)
	now := began
	k.take(of("c1", created("team")), desk.Stamp{At: now, Sequence: 1}, now, true)
	buzzer := func(what, want string) {
		t.Helper()
		list, _ := k.decide(Conditions{}, now)
		if got := list[1].text(); got != want {
			t.Errorf("%s: the buzzer shows %q, want %q", what, got, want)
		}
	}
	kept := map[string][]byte{}
	keep := func() (n int) {
		for name, data := range k.entries() {
			if kept[name] = data; data == nil {
				delete(kept, name)
			}
			n++
		}
		return n
	}
	buzzer("at night", "off: quiet hours")
	buzzer("at night", "off: quiet hours")
	if keep(); string(kept[quietEntry]) != `["buzzer"]` {
		t.Errorf("kept %q", kept)
	}
	now += time.Minute
	if buzzer("a minute later", "off: quiet hours"); keep() != 0 {
		t.Errorf("what did not change is written again")
	}
	again := func() {
		k, _ = newCore(c)
		for _, err := range k.restore(kept, began, now) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	set = false
	again()
	buzzer("restarted, the clock is not set", "off")
	now += time.Second
	buzzer("still not", "off")
	set = true
	buzzer("it is set, and it is night", "off: quiet hours")
	wall = wall.Add(12 * time.Hour)
	again()
	buzzer("restarted in the morning, nothing plays yet", "off")
	now += 5 * time.Second
	buzzer("now it does", "chirp: somebody waited in the quiet hours")
	now += time.Second
	buzzer("once", "off")
	if keep(); kept[quietEntry] != nil {
		t.Errorf("kept %q", kept)
	}

	kept[quietEntry] = []byte(`["buzzer"]`)
	c.Quiet = nil
	again()
	if keep(); kept[quietEntry] != nil {
		t.Errorf("there are no quiet hours any more, and it is kept")
	}
	kept[quietEntry] = []byte(`{`)
	if err := k.engine.restore(kept, now); err == nil || !strings.Contains(err.Error(), `"quiet"`) {
		t.Errorf("told %v", err)
	}
}
