package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inputDriver is one way to have an input; the conformance test runs against each that this machine has.
type inputDriver struct {
	name  string
	open  func(t *testing.T, in InputConfig, pressed func(Press)) *Board
	press func(t *testing.T, b *Board, d time.Duration) // presses for about so long, and returns at once
}

// inputDrivers are the simulated one and, on a machine that allows it, the chip: see chipinput_test.go.
func inputDrivers(t *testing.T) []inputDriver {
	return append(chipInputDrivers(t), inputDriver{
		name: DriverSimulated,
		open: func(t *testing.T, in InputConfig, pressed func(Press)) *Board {
			in.Pin = "GPIO27"
			return openWith(t, Config{Driver: DriverSimulated, Inputs: []InputConfig{in}, Pressed: pressed}, openChipInput)
		},
		press: func(t *testing.T, b *Board, d time.Duration) {
			if err := b.Press("ack", d); err != nil {
				t.Error(err)
			}
		},
	})
}

func openWith(t *testing.T, c Config, openInput openInput) *Board {
	t.Helper()
	b, err := open(c, slog.New(slog.DiscardHandler), openChipPin, openInput)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inputTests are what every driver does. They are in milliseconds: a chip's press comes from outside, about so long.
var inputTests = map[string]struct {
	config InputConfig
	test   func(p *presser)
}{
	"a press is told once": {InputConfig{MinPress: 30 * time.Millisecond}, func(p *presser) {
		p.press(100 * time.Millisecond)
		p.told("press")
		p.released()
	}},
	"a press that is too short is told as such": {InputConfig{MinPress: 300 * time.Millisecond}, func(p *presser) {
		p.press(100 * time.Millisecond)
		p.told("short")
		p.released()
	}},
	"a press where there is a hold is told when it is over": {InputConfig{MinPress: 30 * time.Millisecond, Hold: true, HoldFor: time.Second}, func(p *presser) {
		p.press(100 * time.Millisecond)
		p.told("press")
		p.released()
	}},
	"a hold is told while the button is held": {InputConfig{Debounce: 100 * time.Millisecond, MinPress: 30 * time.Millisecond, Hold: true, HoldFor: 500 * time.Millisecond}, func(p *presser) {
		p.press(1500 * time.Millisecond)
		p.told("hold")
		if s := p.board.Inputs()[0]; !s.Pressed {
			p.t.Errorf("held, it is %+v", s)
		}
		p.released()
	}},
	"three presses are three": {InputConfig{MinPress: 30 * time.Millisecond, Debounce: 10 * time.Millisecond}, func(p *presser) {
		for range 3 {
			p.press(100 * time.Millisecond)
			p.told("press")
			p.released()
		}
	}},
}

// presser is a board with one input under a conformance test.
type presser struct {
	t      *testing.T
	board  *Board
	driver inputDriver
	got    chan Press
}

func (p *presser) press(d time.Duration) { p.driver.press(p.t, p.board, d) }

func (p *presser) told(want string) {
	p.t.Helper()
	select {
	case got := <-p.got:
		is := "press"
		if got.Held {
			is = "hold"
		}
		if got.Short {
			is = "short"
		}
		if is != want || got.Input != "ack" || got.For <= 0 {
			p.t.Errorf("told %s: %+v, want %s", is, got, want)
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("told nothing, want %s; it is %+v", want, p.board.Inputs())
	}
}

// released waits until the button is let go, and for a while that nothing more is told.
func (p *presser) released() {
	p.t.Helper()
	for range 100 {
		if time.Sleep(50 * time.Millisecond); !p.board.Inputs()[0].Pressed { // looks again and again; nothing tells of it
			break
		}
	}
	if s := p.board.Inputs()[0]; s.Pressed {
		p.t.Errorf("let go, it is %+v", s)
	}
	select {
	case got := <-p.got:
		p.t.Errorf("let go, and told %+v more", got)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestEveryInputDriverConforms(t *testing.T) {
	for _, d := range inputDrivers(t) {
		for name, test := range inputTests {
			run := func(t *testing.T) {
				p := &presser{t: t, driver: d, got: make(chan Press, 8)}
				in := test.config
				in.Name = "ack"
				p.board = d.open(t, in, func(press Press) { p.got <- press })
				if s := p.board.Inputs()[0]; s.Problem != "" || s.Pressed || s.Name != "ack" {
					t.Fatalf("claimed, it is %+v", s)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- p.board.Run(ctx) }()
				defer func() {
					cancel()
					<-ended
					if err := p.board.Close(); err != nil {
						t.Error(err)
					}
				}()
				test.test(p)
			}
			t.Run(d.name+": "+name, func(t *testing.T) {
				if d.name == DriverSimulated {
					synctest.Test(t, run)
				} else {
					run(t)
				}
			})
		}
	}
}

// contacts stands for a gpiochip's lines whose levels a test sets.
type contacts struct {
	mu      sync.Mutex
	err     error // why a line cannot be had
	pressed bool
	bounces bool
	changed func(bool, time.Time) // of the line that was claimed last
	closed  int
	first   func() // done once by the next claim that succeeds, before it answers
}

func (c *contacts) open(_ Config, _ InputConfig, changed func(bool, time.Time)) (inputLine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	if c.first != nil {
		c.first()
	}
	c.changed, c.first = changed, nil
	return contact{c}, nil
}

func (c *contacts) set(pressed bool) {
	c.mu.Lock()
	c.pressed = pressed
	changed := c.changed
	c.mu.Unlock()
	if changed != nil {
		changed(pressed, time.Now())
	}
}

type contact struct{ *contacts }

func (c contact) Pressed() (bool, error) { c.mu.Lock(); defer c.mu.Unlock(); return c.pressed, nil }
func (c contact) Bounces() bool          { return c.bounces }
func (c contact) Close() error           { c.mu.Lock(); defer c.mu.Unlock(); c.closed++; return nil }

// onContacts runs a test in a bubble on a running board with one button.
func onContacts(t *testing.T, c *contacts, in InputConfig, test func(b *Board, told func() []string)) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var list []string
		start := time.Now()
		in.Name, in.Pin = "ack", "GPIO27"
		var b *Board
		config := Config{Driver: DriverAuto, Inputs: []InputConfig{in}, Pressed: func(p Press) {
			b.Inputs() // it may call the board
			mu.Lock()
			defer mu.Unlock()
			list = append(list, fmt.Sprintf("%v at %v", p.For, p.At.Sub(start)))
		}}
		b = openWith(t, config, c.open)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		test(b, func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			got := list
			list = nil
			return got
		})
		cancel()
		<-ended
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnInputWhoseLineIsBusyIsSimulatedUntilItIsFree(t *testing.T) {
	c := &contacts{err: fmt.Errorf("GPIO27 is held by %q: %w", "kodi", ErrBusy), pressed: true}
	onContacts(t, c, InputConfig{MinPress: 80 * time.Millisecond}, func(b *Board, told func() []string) {
		want := `ack is simulated: GPIO27 is held by "kodi": line is busy; end that program, it is tried again every 5 s`
		if got := b.Problems(); !slices.Equal(got, []string{want}) || b.Inputs()[0].Driver != DriverSimulated {
			t.Errorf("problems %q, it is %+v", got, b.Inputs())
		}
		if err := b.Press("ack", time.Minute); err != nil { // goes under when the line comes
			t.Error(err)
		}
		time.Sleep(time.Second)
		if got := told(); len(got) != 1 || !b.Inputs()[0].Pressed {
			t.Errorf("told %q, it is %+v", got, b.Inputs())
		}
		c.mu.Lock()
		c.err = nil
		c.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := b.Problems(); len(got) != 0 || b.Inputs()[0].Driver != DriverChip {
			t.Errorf("problems %q, it is %+v", got, b.Inputs())
		}
		if err := b.Press("ack", time.Second); !errors.Is(err, ErrNotSimulated) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		if got := told(); len(got) != 0 {
			t.Errorf("the line was pressed when it was claimed, and told was %q", got)
		}
		c.set(false)
		time.Sleep(time.Second)
		c.set(true)
		time.Sleep(time.Second)
		if got := told(); len(got) != 1 {
			t.Errorf("told %q", got)
		}
	})
	if c.closed != 1 {
		t.Errorf("closed %d times", c.closed)
	}
}

func TestASimulatedPressDoesNotOutliveTheSimulation(t *testing.T) {
	c := &contacts{err: ErrBusy}
	onContacts(t, c, InputConfig{MinPress: 80 * time.Millisecond}, func(b *Board, told func() []string) {
		c.mu.Lock()
		c.err, c.first = nil, func() {
			if err := b.Press("ack", time.Minute); err != nil { // just when the line is had
				t.Error(err)
			}
		}
		c.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := told(); len(got) != 0 || b.Inputs()[0].Pressed || b.Inputs()[0].Driver != DriverChip {
			t.Errorf("told %q, it is %+v", got, b.Inputs())
		}
	})
}

func TestAStuckButtonIsAProblem(t *testing.T) {
	c := &contacts{}
	onContacts(t, c, InputConfig{}, func(b *Board, told func() []string) {
		c.set(true)
		time.Sleep(9 * time.Minute)
		if got := b.Problems(); len(got) != 0 {
			t.Errorf("problems %q", got)
		}
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if got := b.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], "ack has been pressed for more than 10 min") {
			t.Errorf("problems %q", got)
		}
		c.set(false)
		synctest.Wait()
		if got := b.Problems(); len(got) != 0 {
			t.Errorf("let go, the problems are %q", got)
		}
	})
}

func TestAFloodOfEdgesIsBounded(t *testing.T) {
	in := &input{}
	for i := range 1000 {
		in.took(i%2 == 0, time.Time{}.Add(time.Duration(i)))
	}
	got := in.changes()
	if len(got) != maxWaiting || got[maxWaiting-1].pressed || got[maxWaiting-1].at.Nanosecond() != 999 {
		t.Errorf("%d wait, the last %+v", len(got), got[len(got)-1])
	}
	if len(in.changes()) != 0 {
		t.Error("they are told twice")
	}
}

func TestNothingWakesABoardWhoseButtonIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openWith(t, Config{Driver: DriverSimulated, Inputs: []InputConfig{{Name: "ack", Pin: "GPIO27", MinPress: time.Second}}}, nil)
		if next := b.advance(time.Now()); !next.IsZero() {
			t.Errorf("there is something to do at %v", next)
		}
		if err := b.Press("ack", 2*time.Second); err != nil {
			t.Fatal(err)
		}
		for _, want := range []time.Duration{time.Second, time.Second, 0} {
			next := b.advance(time.Now())
			if want == 0 && !next.IsZero() || want != 0 && time.Until(next) != want {
				t.Errorf("next in %v, want %v", time.Until(next), want)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestAButtonHasItsLineThoughTheOutputsAreSimulated(t *testing.T) {
	h, c := newHardware(), &contacts{}
	config := Config{Outputs: []OutputConfig{{Name: "lamp", Pin: "GPIO27"}}, SimulatedOutputs: true, Inputs: []InputConfig{{Name: "ack", Pin: "GPIO27"}}}
	b, err := open(config, slog.New(slog.DiscardHandler), h.open, c.open)
	if err != nil {
		t.Fatal(err)
	}
	if in, out := b.Inputs()[0], b.Outputs()[0]; in.Driver != DriverChip || out.Driver != DriverSimulated || h.opens != 0 || len(b.Problems()) != 0 {
		t.Errorf("%+v, %+v, %d lines asked for, %q", in, out, h.opens, b.Problems())
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestPressingWhatIsNotThere(t *testing.T) {
	b := openWith(t, Config{Driver: DriverSimulated, Inputs: []InputConfig{{Name: "ack", Pin: "GPIO27"}}}, nil)
	if err := b.Press("bell", time.Second); !errors.Is(err, ErrUnknownInput) {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Press("ack", time.Second); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}
