//go:build linux

package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// pwmVariable allows these tests to drive a real channel, such as "pwmchip0:0": only a machine with nothing wired to it sets it.
const pwmVariable = "DESKBELL_TEST_PWM"

// heard is what a channel does: its pitch in Hz, 0 for silence, and whether it is driven at its off level at least.
func heard(t *testing.T, folder string) (hz float64, held bool) {
	t.Helper()
	values := map[string]int64{}
	for _, name := range []string{"enable", "period", "duty_cycle"} {
		n, err := readNumber(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			return 0, false
		}
		if err != nil {
			t.Fatal(err)
		}
		values[name] = n
	}
	if values["enable"] != 1 {
		return 0, false
	}
	if values["duty_cycle"] == 0 {
		return 0, true
	}
	if values["duty_cycle"] != values["period"]/2 {
		t.Errorf("the duty cycle is %d of %d, want half", values["duty_cycle"], values["period"])
	}
	return 1e9 / float64(values["period"]), true
}

func TestEveryToneConforms(t *testing.T) {
	type tone struct {
		open  func(activeLow bool) (Pin, error)
		heard func(t *testing.T) (hz float64, held bool) // looked at from outside; nil where there is no outside
		pin   string
	}
	tones := map[string]tone{
		"simulated": {pin: "GPIO18", open: func(bool) (Pin, error) {
			return openPin(Config{Driver: DriverSimulated}, OutputConfig{Name: "bell", Pin: "GPIO18", Kind: Tone})
		}},
	}
	k := newFakePWM(t, "pwm@7e20c000", 2)
	tones["a tree that is like the kernel's"] = tone{pin: "GPIO18",
		open:  func(low bool) (Pin, error) { return k.open(OutputConfig{Pin: "GPIO18", ActiveLow: low}) },
		heard: func(t *testing.T) (float64, bool) { return heard(t, k.class+"/pwmchip0/pwm0") }}
	if pin := os.Getenv(pwmVariable); pin != "" {
		chip, channel, _ := strings.Cut(pin, ":")
		tones["the kernel's PWM"] = tone{pin: pin,
			open: func(low bool) (Pin, error) {
				return openPin(Config{}, OutputConfig{Name: "bell", Pin: pin, Kind: Tone, ActiveLow: low})
			},
			heard: func(t *testing.T) (float64, bool) { return heard(t, pwmClass+"/"+chip+"/pwm"+channel) }}
	}
	for name, tone := range tones {
		for _, low := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s active low %v", name, low), func(t *testing.T) {
				conformTone(t, func() (Pin, error) { return tone.open(low) }, tone.heard, tone.pin)
			})
		}
	}
}

func conformTone(t *testing.T, open func() (Pin, error), heard func(*testing.T) (float64, bool), name string) {
	p, err := open()
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want float64) {
		t.Helper()
		for range 2 { // reading changes nothing
			if got := p.Read(); bool(got) != (want > 0) {
				t.Errorf("%s it reads %v, want it at %v Hz", when, got, want)
			}
		}
		if heard == nil {
			return
		}
		if hz, held := heard(t); !held || math.Abs(hz-want) > want/1000 {
			t.Errorf("%s one hears %v Hz, held %v, want %v Hz", when, hz, held, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const own = 2700
	check("when claimed", 0)
	for _, l := range []periph.Level{periph.High, periph.High, periph.Low, periph.Low, periph.High} {
		must(p.Out(l))
		check("after Out", map[periph.Level]float64{periph.High: own}[l])
	}
	for _, hz := range []float64{440, 7040, 880, 880, 261.6} { // higher and lower while it sounds
		must(p.PWM(periph.DutyHalf, physic.Frequency(hz*float64(physic.Hertz))))
		check("after PWM", hz)
	}
	must(p.PWM(0, 440*physic.Hertz))
	check("after a duty of 0", 0)
	must(p.PWM(periph.DutyHalf, 440*physic.Hertz))
	must(p.Out(periph.High))
	check("after PWM and Out", own)
	must(p.Halt())
	check("after Halt", 0)
	must(p.Out(periph.High))
	check("after Halt and Out", own)
	if p.Name() != name || p.String() != name {
		t.Errorf("it is called %s, %s", p.Name(), p.String())
	}
	if p.In(periph.PullUp, periph.BothEdges) == nil || p.WaitForEdge(time.Hour) {
		t.Error("a tone was taken for an input")
	}
	must(p.Close())
	if heard != nil {
		if hz, held := heard(t); hz != 0 || held {
			t.Errorf("after Close one hears %v Hz, held %v", hz, held)
		}
	}
	if p.Out(periph.High) == nil || p.PWM(periph.DutyHalf, 440*physic.Hertz) == nil {
		t.Error("after Close it can be made to sound")
	}
	again, err := open()
	if err != nil {
		t.Fatalf("after Close it cannot be claimed again: %v", err)
	}
	if again.Read() != periph.Low {
		t.Error("claimed again it sounds")
	}
	must(again.Close())
}

func TestAToneFindsItsChannelOnEveryPi(t *testing.T) {
	type place struct {
		chip    string
		channel int
	}
	for name, c := range map[string]struct {
		controllers []string // their nodes, in the order of the chips
		want        map[string]place
	}{
		"a Pi 3 with its only one":             {[]string{"pwm@7e20c000"}, map[string]place{"GPIO12": {"pwmchip0", 0}, "GPIO13": {"pwmchip0", 1}, "GPIO18": {"pwmchip0", 0}, "GPIO19": {"pwmchip0", 1}}},
		"a Pi 4, whose second has the jack":    {[]string{"pwm@7e20c800", "pwm@7e20c000"}, map[string]place{"GPIO18": {"pwmchip1", 0}, "GPIO13": {"pwmchip1", 1}}},
		"a Pi 5, whose second has the fan":     {[]string{"pwm@9c000", "pwm@98000"}, map[string]place{"GPIO12": {"pwmchip1", 0}, "GPIO13": {"pwmchip1", 1}, "GPIO18": {"pwmchip1", 2}, "GPIO19": {"pwmchip1", 3}}},
		"written out, on any board":            {[]string{"pwm@1000", "pwm@2000"}, map[string]place{"pwmchip1:3": {"pwmchip1", 3}}},
		"a PoE hat's fan is not on the header": {[]string{"pwm", "pwm@7e20c000"}, map[string]place{"GPIO12": {"pwmchip1", 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &fakePWM{t: t, class: filepath.Join(t.TempDir(), "class", "pwm")}
			for i, node := range c.controllers {
				k.controller(fmt.Sprintf("pwmchip%d", i), node, 4)
			}
			for pin, want := range c.want {
				chip, channel, err := findPWM(k.class, pin)
				if got := (place{filepath.Base(chip), channel}); err != nil || got != want {
					t.Errorf("%s is %v, %v, want %v", pin, got, err, want)
				}
			}
		})
	}
}

func TestAToneThatCannotBeHadSaysWhatHelps(t *testing.T) {
	k := newFakePWM(t, "pwm@7e20c000", 2)
	none := &fakePWM{t: t, class: t.TempDir()}
	held := newFakePWM(t, "pwm@98000", 4)
	held.busy = true
	root := newFakePWM(t, "pwm@7e20c000", 2)
	first, err := k.open(OutputConfig{Pin: "GPIO19"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for name, c := range map[string]struct {
		k     *fakePWM
		write func(path, value string) error
		pin   string
		is    error
		want  string
	}{
		"no PWM is switched on":        {none, nil, "GPIO18", ErrNoPWM, `bell is simulated: no pwm for GPIO18: add dtoverlay=pwm,pin=18,func=2 to /boot/firmware/config.txt; see /usr/share/doc/deskbell/examples/pwm.conf`},
		"the other function":           {none, nil, "GPIO12", ErrNoPWM, `add dtoverlay=pwm,pin=12,func=4 to`},
		"a pin that has none":          {k, nil, "GPIO17", ErrNoPWM, `bell is simulated: no pwm on GPIO17: a tone must be on GPIO12, GPIO13, GPIO18 or GPIO19; see`},
		"a controller that is none":    {k, nil, "pwmchip7:0", ErrNoPWM, `there is no pwmchip7`},
		"a channel that is none":       {k, nil, "pwmchip0:2", ErrNoPWM, `pwmchip0 has the channels 0 to 1, not "2"`},
		"the kernel has it":            {held, nil, "GPIO18", ErrBusy, `the PWM of GPIO18 is held by the kernel, such as for audio: line is busy`},
		"another output has it":        {k, nil, "GPIO13", ErrBusy, `it is held by deskbell (another one, or another output: GPIO12 and GPIO18 may share a channel, and so may GPIO13 and GPIO19): line is busy`},
		"the service sees /sys sealed": {root, func(path, _ string) error { return &fs.PathError{Op: "open", Path: path, Err: syscall.EROFS} }, "GPIO18", syscall.EROFS, `read-only file system; a tone needs pwm.conf and 61-deskbell-pwm.rules of /usr/share/doc/deskbell/examples`},
		"the user may not":             {root, func(path, _ string) error { return &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES} }, "GPIO18", fs.ErrPermission, `permission denied; a tone needs pwm.conf and`},
	} {
		t.Run(name, func(t *testing.T) {
			write := c.write
			if write == nil {
				write = c.k.write
			}
			_, err := openTone(c.k.class, OutputConfig{Pin: c.pin}, write)
			if !errors.Is(err, c.is) {
				t.Fatalf("got %v", err)
			}
			if got := explain(OutputConfig{Name: "bell", Pin: c.pin, Kind: Tone}, err); !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestAToneLeftSoundingIsTakenOver: after a crash the kernel goes on sounding.
func TestAToneLeftSoundingIsTakenOver(t *testing.T) {
	k := newFakePWM(t, "pwm@7e20c000", 2)
	folder := k.class + "/pwmchip0/pwm0"
	k.export(folder)
	for _, v := range []string{"period=3822256", "duty_cycle=1911128", "polarity=normal", "enable=1"} {
		name, value, _ := strings.Cut(v, "=")
		k.put(filepath.Join(folder, name), value)
	}
	p, err := k.open(OutputConfig{Pin: "GPIO18", ActiveLow: true})
	if err != nil {
		t.Fatal(err, k.log)
	}
	if hz, held := heard(t, folder); hz != 0 || !held {
		t.Errorf("one hears %v Hz, held %v", hz, held)
	}
	if text, _ := os.ReadFile(folder + "/polarity"); string(text) != "inversed\n" {
		t.Errorf("the polarity is %q", text)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestAToneWaitsForUdev(t *testing.T) {
	k := newFakePWM(t, "pwm@7e20c000", 2)
	k.noUdev = 3
	p, err := k.open(OutputConfig{Pin: "GPIO18"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	k.export(k.class + "/pwmchip0/pwm1") // by somebody else, long ago: there is nothing to wait for
	k.noUdev = 1
	if _, err := k.open(OutputConfig{Pin: "GPIO19"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

// TestTheExamplesThatAreNamedAreThere holds the words of a problem against the package.
func TestTheExamplesThatAreNamedAreThere(t *testing.T) {
	list, err := os.ReadFile("../packaging/nfpm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pwmService, pwmRules} {
		if _, err := os.Stat("../packaging/examples/" + name); err != nil || !strings.Contains(string(list), "dst: "+examples+"/"+name+",") {
			t.Errorf("%s is named, but not in the package: %v", name, err)
		}
	}
}

// singer is a tone of which a test hears what it sings.
type singer struct {
	*simulatedPin
	sang []string
}

func (s *singer) Out(l periph.Level) error {
	s.sang = append(s.sang, l.String())
	return s.simulatedPin.Out(l)
}

func (s *singer) PWM(d periph.Duty, f physic.Frequency) error {
	s.sang = append(s.sang, f.String())
	return s.simulatedPin.PWM(d, f)
}

func TestABoardSingsATuneOnATone(t *testing.T) {
	tune, err := ParseTune("hello:d=4,o=4,b=120:a,p,a5")
	if err != nil {
		t.Fatal(err)
	}
	var bells []*singer
	outputs := []OutputConfig{{Name: "bell", Pin: "GPIO12", Kind: Tone}}
	onBench(t, Config{Driver: DriverChip, Outputs: outputs}, func(_ Config, o OutputConfig, on bool) (Pin, error) {
		s := &singer{simulatedPin: newSimulatedPin(o, on)}
		if o.Kind == Tone {
			bells = append(bells, s)
		}
		return s, nil
	}, func(b *bench) {
		sang := func(want string) {
			t.Helper()
			last := bells[len(bells)-1]
			if got := strings.Join(last.sang, " "); got != want {
				t.Errorf("it sang %q, want %q", got, want)
			}
			last.sang = nil
		}
		both := func(p Pattern) {
			for _, name := range []string{"bell", "lamp"} {
				if err := b.Show(name, p, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		both(tune.Pattern())
		b.passes(10*time.Second, "bell on 0s", "lamp on 0s", "lamp off 437.5ms", "bell off 437.5ms", "lamp on 1s", "bell on 1s", "lamp off 1.4375s", "bell off 1.4375s")
		sang("440Hz Low 880Hz Low")
		if s := b.State("bell"); s.Pattern != "off" || s.Kind != Tone {
			t.Errorf("it is %+v", s)
		}
		b.show("bell", "on")
		if err := b.Show("bell", tune.Pattern(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		b.stop()
		sang("High Low 440Hz Low")
	})
}

func TestATuneGoesOnWhereATonesLineComesBack(t *testing.T) {
	tune, _ := ParseTune("hello:d=1,o=4,b=25:a")
	var bell *singer
	var free atomic.Bool
	outputs := []OutputConfig{{Name: "bell", Pin: "GPIO12", Kind: Tone}}
	onBench(t, Config{Driver: DriverChip, Outputs: outputs}, func(_ Config, o OutputConfig, on bool) (Pin, error) {
		s := &singer{simulatedPin: newSimulatedPin(o, on)}
		if o.Kind == Tone {
			if !free.Load() {
				return nil, fmt.Errorf("%w for GPIO12", ErrNoPWM)
			}
			bell = s
		}
		return s, nil
	}, func(b *bench) {
		if s := b.State("bell"); s.Fault != FaultNoPWM {
			t.Errorf("it is %+v", s)
		}
		if err := b.Show("bell", tune.Pattern(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		free.Store(true)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := strings.Join(bell.sang, " "); got != "440Hz" {
			t.Errorf("it sang %q, want the note that it stands at", got)
		}
	})
}
