//go:build linux

package gpio

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev"
)

// chipVariable allows these tests to drive the real lines GPIO17 and GPIO18: only a machine with nothing wired to them, such as
// the emulated Raspberry Pi of packaging/lab/pi, sets it.
const chipVariable = "DESKBELL_TEST_GPIOCHIP"

// debugFile is the kernel's own view of the lines.
const debugFile = "/sys/kernel/debug/gpio"

func onChip() bool { return os.Getenv(chipVariable) != "" }

func chipDrivers(*testing.T) []driver {
	if !onChip() {
		return nil
	}
	return []driver{
		{name: DriverChip, level: kernelLevel},
		{name: DriverAuto, chip: "pinctrl-bcm2835", level: kernelLevel},
	}
}

// kernelLine is " gpio-475 (GPIO17              |deskbell            ) out hi ACTIVE LOW".
var kernelLine = regexp.MustCompile(`\(([^ |]+) *\|([^)]*?) *\) (in|out) +(hi|lo)`)

// kernelView returns consumer and level of a line as the kernel shows them; an empty consumer when nobody holds it as an output.
func kernelView(t *testing.T, pin string) (consumer string, high bool) {
	t.Helper()
	text, err := os.ReadFile(debugFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if m := kernelLine.FindStringSubmatch(line); m != nil && m[1] == pin {
			if m[3] != "out" {
				return "", false // being claimed: its direction is not set yet
			}
			return m[2], m[4] == "hi"
		}
	}
	return "", false
}

func kernelLevel(t *testing.T, pin string) (volts, held bool) {
	t.Helper()
	by, high := kernelView(t, pin)
	if by != "" && by != consumer {
		t.Errorf("%s is held under the name %q, want %s", pin, by, consumer)
	}
	return high, by != ""
}

// chipTests need a real gpiochip.
var chipTests = map[string]func(t *testing.T){
	"the lines of the machine are listed, the header first": func(t *testing.T) {
		chips, err := Lines()
		if err != nil {
			t.Fatal(err)
		}
		if c := chips[0]; !c.Header || !strings.HasPrefix(c.Label, headerLabel) || len(c.Lines) < 28 || c.Lines[17].Name != "GPIO17" {
			t.Errorf("the first chip is %+v", c)
		}
		p := mustOpen(t, OutputConfig{Pin: "GPIO17", ActiveLow: true})
		defer p.Close()
		chips, err = Lines()
		if want := (Line{17, "GPIO17", consumer, true, "output", true}); err != nil || chips[0].Lines[17] != want {
			t.Errorf("claimed, line 17 is %+v, %v, want %+v", chips[0].Lines[17], err, want)
		}
	},
	"a line is found by chip and number": func(t *testing.T) {
		p := mustOpen(t, OutputConfig{Pin: "gpiochip0:17"})
		defer p.Close()
		if by, _ := kernelView(t, "GPIO17"); by != consumer || p.Number() != 17 {
			t.Errorf("GPIO17 is held by %q, the pin's number is %d", by, p.Number())
		}
	},
	"a line that is held names who holds it": func(t *testing.T) {
		line, err := gpiocdev.RequestLine("gpiochip0", 17, gpiocdev.WithConsumer("kodi"), gpiocdev.AsInput)
		if err != nil {
			t.Fatal(err)
		}
		_, err = openPin(Config{}, OutputConfig{Pin: "GPIO17"})
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `held by "kodi"`) {
			t.Errorf("got %v", err)
		}
		if err := line.Close(); err != nil {
			t.Fatal(err)
		}
		p := mustOpen(t, OutputConfig{Pin: "GPIO17"})
		defer p.Close()
		if _, err = openPin(Config{}, OutputConfig{Pin: "GPIO17"}); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "held by deskbell") {
			t.Errorf("got %v", err)
		}
	},
	"a line that is not there has a hint": func(t *testing.T) {
		_, err := openPin(Config{}, OutputConfig{Pin: "GPIO71"})
		if !errors.Is(err, ErrNoLine) || !strings.Contains(err.Error(), "did you mean GPIO") {
			t.Errorf("got %v", err)
		}
	},
	"an active-low line is never driven low while it is claimed": func(t *testing.T) {
		var seen [2]int // driven high, low
		for range 60 {
			claimed, looked := make(chan struct{}), make(chan struct{})
			go func() { // looks from before the claim until it is made
				defer close(looked)
				for {
					text, err := os.ReadFile(debugFile)
					for _, m := range kernelLine.FindAllStringSubmatch(string(text), -1) {
						if m[1] == "GPIO17" && m[3] == "out" { // until the direction is set it is an input of no level of ours
							seen[boolInt(m[4] == "lo")]++
						}
					}
					select {
					case <-claimed:
						return
					default:
						if err != nil {
							return
						}
					}
				}
			}()
			p := mustOpen(t, OutputConfig{Pin: "GPIO17", ActiveLow: true})
			close(claimed)
			<-looked
			p.Close()
		}
		t.Logf("claimed 60 times, it was seen high %d times, low %d times", seen[0], seen[1])
		if seen[0] == 0 || seen[1] != 0 {
			t.Errorf("it was seen high %d times, low %d times, want never low", seen[0], seen[1])
		}
	},
	"a board blinks, chirps, and releases its lines": func(t *testing.T) {
		b, err := Open(Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "GPIO17"}, {Name: "buzzer", Pin: "GPIO18", Kind: Buzzer}}}, slog.New(slog.DiscardHandler))
		if err != nil || len(b.Problems()) != 0 {
			t.Fatal(err, b.Problems())
		}
		ended := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- b.Run(ctx) }()
		fast, _ := Builtin("fast")
		if err := b.Show("lamp", fast, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := b.Show("buzzer", Steady(true), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if by, high := kernelView(t, "GPIO18"); by != consumer || !high {
			t.Errorf("Show has returned, yet GPIO18 is held by %q, high %v", by, high)
		}
		for _, want := range []bool{true, false, true, false} {
			eventually(t, func() bool { by, high := kernelView(t, "GPIO17"); return by == consumer && high == want })
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, pin := range []string{"GPIO17", "GPIO18"} {
			if by, high := kernelView(t, pin); by != consumer || high {
				t.Errorf("after Run %s is held by %q, high %v", pin, by, high)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if by, _ := kernelView(t, "GPIO17"); by != "" {
			t.Errorf("after Close it is held by %q", by)
		}
	},
	"off holds the lines at their off level": func(t *testing.T) {
		ended := make(chan error)
		go func() {
			ended <- Off(t.Context(), Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "GPIO17", ActiveLow: true}}}, time.Second)
		}()
		eventually(t, func() bool { by, high := kernelView(t, "GPIO17"); return by == consumer && high })
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if by, _ := kernelView(t, "GPIO17"); by != "" {
			t.Errorf("afterwards it is held by %q", by)
		}
	},
}

func TestChip(t *testing.T) {
	if !onChip() { // what every other machine has to say
		if _, err := Lines(); err == nil {
			return // it has one, but nobody allowed us to drive it
		} else if !errors.Is(err, ErrNoChip) && !errors.Is(err, os.ErrPermission) {
			t.Errorf("got %v, want that there is no chip", err)
		}
		return
	}
	for name, test := range chipTests {
		t.Run(name, test)
	}
}

func mustOpen(t *testing.T, o OutputConfig) Pin {
	t.Helper()
	p, err := openPin(Config{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually looks until it is so, for at most 10 s.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !so() {
		if ctx.Err() != nil {
			t.Fatal("it did not come about")
		}
		runtime.Gosched()
	}
}
