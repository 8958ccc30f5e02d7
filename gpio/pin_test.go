package gpio

import (
	"testing"
	"time"

	periph "periph.io/x/conn/v3/gpio"
)

// driver is one way to have a pin; the conformance test runs against each that this machine has.
type driver struct {
	name  string
	chip  string
	level func(t *testing.T, pin string) (volts, held bool) // looked at from outside; nil where there is no outside
}

// drivers are the simulated one and, on a machine that allows it, the chip: see chip_test.go.
func drivers(t *testing.T) []driver {
	return append(chipDrivers(t), driver{name: DriverSimulated})
}

func TestEveryDriverConforms(t *testing.T) {
	for _, d := range drivers(t) {
		for _, activeLow := range []bool{false, true} {
			name := d.name + " active high"
			if activeLow {
				name = d.name + " active low"
			}
			t.Run(name, func(t *testing.T) {
				conform(t, d, OutputConfig{Name: "lamp", Pin: "GPIO17", ActiveLow: activeLow})
			})
		}
	}
}

func conform(t *testing.T, d driver, o OutputConfig) {
	p, err := openPin(Config{Driver: d.name, Chip: d.chip}, o)
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want periph.Level) {
		t.Helper()
		for range 2 { // reading changes nothing
			if got := p.Read(); got != want {
				t.Errorf("%s it reads %v, want %v", when, got, want)
			}
		}
		if d.level != nil {
			volts, held := d.level(t, o.Pin)
			if !held || volts != (bool(want) != o.ActiveLow) {
				t.Errorf("%s the kernel shows held %v, high %v; want it held at %v, active low %v", when, held, volts, want, o.ActiveLow)
			}
		}
	}
	check("when claimed", periph.Low)
	for _, l := range []periph.Level{periph.High, periph.High, periph.Low, periph.High} {
		if err := p.Out(l); err != nil {
			t.Fatal(err)
		}
		check("after Out", l)
	}
	if err := p.Halt(); err != nil {
		t.Error(err)
	}
	check("after Halt", periph.Low)
	if err := p.Out(periph.High); err != nil {
		t.Errorf("after Halt the line is still claimed, but Out: %v", err)
	}
	check("after Halt and Out", periph.High)
	if p.Name() != o.Pin || p.String() != o.Pin {
		t.Errorf("it is called %s, %s", p.Name(), p.String())
	}
	if p.In(periph.PullUp, periph.BothEdges) == nil || p.PWM(periph.DutyHalf, 0) == nil {
		t.Error("an output was taken for an input or for PWM")
	}
	if p.WaitForEdge(time.Hour) || p.Pull() != periph.PullNoChange || p.DefaultPull() != periph.PullNoChange {
		t.Error("an output has edges or a pull")
	}
	check("after all this", periph.High)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if d.level != nil {
		if _, held := d.level(t, o.Pin); held {
			t.Error("after Close the kernel still shows it held")
		}
	}
	if err := p.Out(periph.High); err == nil {
		t.Error("after Close a level can be set")
	}
	again, err := openPin(Config{Driver: d.name, Chip: d.chip}, o)
	if err != nil {
		t.Fatalf("after Close it cannot be claimed again: %v", err)
	}
	if again.Read() != periph.Low {
		t.Error("claimed again it is on")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
