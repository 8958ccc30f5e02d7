package gpio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	periph "periph.io/x/conn/v3/gpio"
)

// hardware stands for a gpiochip of which a test decides what can be had.
type hardware struct {
	mu    sync.Mutex
	errs  map[string]error    // why a pin cannot be opened
	pins  map[string]*fakePin // those that were
	opens int
	first func() // done once by the next open, before it answers
}

type fakePin struct {
	*simulatedPin
	mu      sync.Mutex
	fail    error
	initial periph.Level
}

func (p *fakePin) Out(l periph.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	return p.simulatedPin.Out(l)
}

func (h *hardware) open(_ Config, o OutputConfig, on bool) (Pin, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opens++
	if h.first != nil {
		h.first()
		h.first = nil
	}
	if err := h.errs[o.Pin]; err != nil {
		return nil, err
	}
	p := &fakePin{simulatedPin: newSimulatedPin(o, on), initial: level(on)}
	h.pins[o.Pin] = p
	return p, nil
}

func (h *hardware) set(pin string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs[pin] = err
}

func newHardware() *hardware {
	return &hardware{errs: map[string]error{}, pins: map[string]*fakePin{}}
}

func TestAnOutputWhoseLineIsBusyIsSimulatedUntilItIsFree(t *testing.T) {
	h := newHardware()
	h.errs["GPIO17"] = fmt.Errorf("GPIO17 is held by %q: %w", "kodi", ErrBusy)
	onBench(t, Config{Driver: DriverAuto}, h.open, func(b *bench) {
		if got := b.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], "lamp is simulated: GPIO17 is held by \"kodi\"") {
			b.t.Errorf("the problems are %q", got)
		}
		if s := b.State("lamp"); s.Driver != DriverSimulated || s.Problem == "" || s.Fault != FaultBusy {
			b.t.Errorf("the lamp is %+v, want it simulated with a problem", s)
		}
		if s := b.State("buzzer"); s.Driver != DriverChip || s.Problem != "" || s.Fault != "" {
			b.t.Errorf("the buzzer is %+v, want it on the chip", s)
		}
		b.show("lamp", "pulse")
		b.passes(4500*time.Millisecond, "lamp on 0s", "lamp off 1s", "lamp on 2s", "lamp off 3s", "lamp on 4s")
		h.set("GPIO17", nil)
		b.passes(600*time.Millisecond, "lamp off 5s")
		if got := b.Problems(); len(got) != 0 || b.told != 1 {
			b.t.Errorf("the line is free, yet the problems are %q, and of changes was told %d times", got, b.told)
		}
		p := h.pins["GPIO17"]
		if s := b.State("lamp"); s.Driver != DriverChip || s.Fault != "" || p == nil || p.Read() != periph.Low {
			b.t.Errorf("the lamp is %+v, want it on the chip and dark", s)
		}
		b.passes(time.Second, "lamp on 6s")
		if p.Read() != periph.High {
			b.t.Error("the pulse does not go on on the real pin")
		}
		opens := h.opens
		b.passes(time.Second, "lamp off 7s")
		b.show("lamp", "off")
		b.passes(time.Hour)
		if h.opens != opens {
			b.t.Errorf("with all lines claimed, %d more were asked for", h.opens-opens)
		}
	})
}

func TestALineThatComesFreeIsClaimedAtTheLevelShown(t *testing.T) {
	h := newHardware()
	h.errs["GPIO17"] = ErrBusy
	onBench(t, Config{}, h.open, func(b *bench) {}) // simulated: never asked
	if h.opens != 0 {
		t.Errorf("a simulated board asked for %d lines", h.opens)
	}
	onBench(t, Config{Driver: DriverChip}, h.open, func(b *bench) {
		b.show("lamp", "on")
		time.Sleep(time.Second)
		h.set("GPIO17", nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if p := h.pins["GPIO17"]; p == nil || p.initial != periph.High {
			b.t.Error("the lamp shows on, but its line was claimed at off")
		}
	})
}

func TestAPatternShownWhileALineIsClaimedIsOnIt(t *testing.T) {
	h := newHardware()
	h.errs["GPIO17"] = ErrBusy
	onBench(t, Config{Driver: DriverChip}, h.open, func(b *bench) {
		h.first = func() { b.show("lamp", "on") }
		h.set("GPIO17", nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if p := h.pins["GPIO17"]; p == nil || p.Read() != periph.High || p.initial != periph.Low {
			b.t.Error("the lamp is to be on, but its line is not")
		}
	})
}

func TestALineClaimedForABoardThatIsClosedIsGivenBack(t *testing.T) {
	h := newHardware()
	h.errs["GPIO17"] = ErrBusy
	onBench(t, Config{Driver: DriverChip}, h.open, func(b *bench) {
		h.first = func() {
			if err := b.Close(); err != nil {
				b.t.Error(err)
			}
		}
		h.set("GPIO17", nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if p := h.pins["GPIO17"]; p == nil || !errors.Is(p.Out(periph.High), errClosed) {
			b.t.Error("the board is closed, but the line is still claimed")
		}
		if err := b.Show("lamp", Steady(true), time.Time{}); !errors.Is(err, ErrStopped) {
			b.t.Errorf("Show after Close: got %v, want ErrStopped", err)
		}
	})
}

func TestAPinThatFailsIsReplacedAndTriedAgain(t *testing.T) {
	h := newHardware()
	onBench(t, Config{Driver: DriverAuto}, h.open, func(b *bench) {
		p := h.pins["GPIO17"]
		p.mu.Lock()
		p.fail = syscall.ENODEV
		p.mu.Unlock()
		h.set("GPIO17", ErrNoChip)
		b.show("lamp", "on") // the level of the state is checked there
		if got := b.State("lamp"); got.Driver != DriverSimulated || !strings.Contains(got.Problem, "no such device") {
			b.t.Errorf("the lamp is %+v", got)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := b.Problems(); !slices.Equal(got, []string{"lamp is simulated: no gpiochip"}) || b.told != 2 {
			b.t.Errorf("the problems are %q, told %d times", got, b.told)
		}
		time.Sleep(time.Minute)
		h.set("GPIO17", nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := h.pins["GPIO17"]; got == p || got.Read() != periph.High || len(b.Problems()) != 0 || b.told != 3 {
			b.t.Errorf("the chip is back, yet the lamp is %+v, told %d times", b.State("lamp"), b.told)
		}
	})
}

func TestProblemsAreInWordsWithTheRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		want  string
		fault string
	}{
		"no chip":               {ErrNoChip, "lamp is simulated: no gpiochip", FaultNoChip},
		"a busy line":           {fmt.Errorf("GPIO17 is held by %q: %w", "sysfs", ErrBusy), `lamp is simulated: GPIO17 is held by "sysfs": line is busy; end that program, it is tried again every 5 s`, FaultBusy},
		"not permitted":         {fmt.Errorf("open chip gpiochip0: %w", fs.ErrPermission), "lamp is simulated: open chip gpiochip0: permission denied; the user must be in the device's group, mostly gpio", FaultForbidden},
		"no such line":          {fmt.Errorf("%w: %q is not on gpiochip0", ErrNoLine, "GPIO71"), `lamp is simulated: no such line: "GPIO71" is not on gpiochip0`, FaultMissing},
		"a line that went away": {syscall.ENODEV, "lamp is simulated: no such device", FaultMissing},
	} {
		t.Run(name, func(t *testing.T) {
			if got, fault := explain(OutputConfig{Name: "lamp"}, c.err), faultOf(c.err); got != c.want || fault != c.fault {
				t.Errorf("got  %s (%s)\nwant %s (%s)", got, fault, c.want, c.fault)
			}
		})
	}
}

func TestOff(t *testing.T) {
	const ms = time.Millisecond
	both := []OutputConfig{{Name: "lamp", Pin: "GPIO17"}, {Name: "buzzer", Pin: "GPIO18", Kind: Buzzer}}
	busy := fmt.Errorf("GPIO17 is held by %q: %w", "kodi", ErrBusy)
	for name, c := range map[string]struct {
		driver string
		errs   map[string]error
		freeIn time.Duration // when GPIO17 comes free
		cancel time.Duration
		took   time.Duration
		want   string // in the error; empty for none
	}{
		"all lines are free: they are held and given back":       {took: 1000 * ms},
		"a busy line that comes free is waited for":              {errs: map[string]error{"GPIO17": busy}, freeIn: 330 * ms, took: 1350 * ms},
		"a line that stays busy is an error, the others are off": {errs: map[string]error{"GPIO17": busy}, took: 2000 * ms, want: "turn off lamp: GPIO17 is held by \"kodi\""},
		"a line that is not there is an error at once":           {errs: map[string]error{"GPIO17": ErrNoLine}, took: 1000 * ms, want: "turn off lamp: no such line"},
		"without a chip there is nothing to do":                  {errs: map[string]error{"GPIO17": ErrNoChip, "GPIO18": ErrNoChip}},
		"a chip that is demanded and missing is an error":        {driver: DriverChip, errs: map[string]error{"GPIO17": ErrNoChip, "GPIO18": ErrNoChip}, want: "no gpiochip"},
		"who waits can be told to stop":                          {errs: map[string]error{"GPIO17": busy}, cancel: 210 * ms, took: 210 * ms, want: "context canceled"},
		"who holds can be told to stop":                          {cancel: 210 * ms, took: 210 * ms, want: "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHardware()
				for pin, err := range c.errs {
					h.errs[pin] = err
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.freeIn > 0 {
					time.AfterFunc(c.freeIn, func() { h.set("GPIO17", nil) })
				}
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				start := time.Now()
				err := off(ctx, Config{Driver: c.driver, Outputs: both}, time.Second,
					func(c Config, o OutputConfig) (Pin, error) { return h.open(c, o, false) })
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("got the error %v, want %q", err, c.want)
				}
				for pin, p := range h.pins {
					if err := p.simulatedPin.Out(periph.High); !errors.Is(err, errClosed) || p.initial != periph.Low {
						t.Errorf("%s: claimed at %v, and after Off still ours (%v)", pin, p.initial, err)
					}
				}
			})
		})
	}
	if err := Off(t.Context(), Config{Driver: DriverSimulated, Outputs: both}, time.Hour); err != nil {
		t.Errorf("simulated outputs have nothing to turn off: %v", err)
	}
}

func TestAConfigurationWithFaultsIsNotOpened(t *testing.T) {
	_, err := Open(Config{Driver: "magic", Outputs: []OutputConfig{{Name: "lamp"}}}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "gpio.driver") || !strings.Contains(err.Error(), "output.lamp.pin") {
		t.Errorf("got %v, want both faults", err)
	}
}
