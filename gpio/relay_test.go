package gpio

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

var heater = Config{Outputs: []OutputConfig{{Name: "relay", Pin: "GPIO22", Kind: Relay}}}

// pulse1s is what the rules ask of a relay at an event.
var pulse1s = Pattern{Name: "pulse", Steps: []Step{{On: true, For: time.Second}}}

func TestARelay(t *testing.T) {
	const ms = time.Millisecond
	on, off := Steady(true), Steady(false)
	blink, _ := Builtin("blink")
	double, _ := Builtin("double")
	type ask struct {
		at time.Duration
		p  Pattern
	}
	for name, c := range map[string]struct {
		asks []ask
		want []string
	}{
		"a state is steadily on":                           {[]ask{{0, blink}}, []string{"relay on 0s"}},
		"a pulse is 1 s":                                   {[]ask{{0, pulse1s}}, []string{"relay on 0s", "relay off 1s"}},
		"whatever is shown once is one pulse":              {[]ask{{0, double.Once()}}, []string{"relay on 0s", "relay off 1s"}},
		"off is off":                                       {[]ask{{0, on}, {5000 * ms, off}}, []string{"relay on 0s", "relay off 5s"}},
		"a state that is short stays 2 s":                  {[]ask{{0, on}, {300 * ms, off}}, []string{"relay on 0s", "relay off 2s"}},
		"off, and on again at once, stays on":              {[]ask{{0, on}, {300 * ms, off}, {400 * ms, on}}, []string{"relay on 0s"}},
		"a state soon after another waits 2 s":             {[]ask{{0, on}, {5000 * ms, off}, {5100 * ms, on}}, []string{"relay on 0s", "relay off 5s", "relay on 7s"}},
		"a pulse soon after a state waits, and is whole":   {[]ask{{0, on}, {5000 * ms, off}, {5100 * ms, pulse1s}}, []string{"relay on 0s", "relay off 5s", "relay on 7s", "relay off 8s"}},
		"a pulse soon after a pulse waits":                 {[]ask{{0, pulse1s}, {1200 * ms, pulse1s}}, []string{"relay on 0s", "relay off 1s", "relay on 2s", "relay off 3s"}},
		"a pulse in a pulse draws it out":                  {[]ask{{0, pulse1s}, {900 * ms, pulse1s}, {2 * time.Second, on}}, []string{"relay on 0s", "relay off 1.9s", "relay on 2.9s"}},
		"a pulse that is over too early is whole":          {[]ask{{0, pulse1s}, {100 * ms, off}}, []string{"relay on 0s", "relay off 1s"}},
		"a state soon after a pulse waits":                 {[]ask{{0, pulse1s}, {1080 * ms, on}}, []string{"relay on 0s", "relay off 1s", "relay on 2s"}},
		"a state in a pulse stays":                         {[]ask{{0, pulse1s}, {500 * ms, on}}, []string{"relay on 0s"}},
		"a state in a pulse stays 2 s in all":              {[]ask{{0, pulse1s}, {500 * ms, on}, {600 * ms, off}}, []string{"relay on 0s", "relay off 2s"}},
		"a pulse on a relay that is on does not clatter":   {[]ask{{0, on}, {5000 * ms, pulse1s}, {6080 * ms, on}}, []string{"relay on 0s"}},
		"a pulse on a relay that is on is its end as well": {[]ask{{0, on}, {5000 * ms, pulse1s}}, []string{"relay on 0s", "relay off 7s"}},
		"a pulse that waits and is taken back is none":     {[]ask{{0, on}, {5000 * ms, off}, {5100 * ms, pulse1s}, {5200 * ms, off}}, []string{"relay on 0s", "relay off 5s"}},
		"the same state again changes nothing":             {[]ask{{0, blink}, {700 * ms, blink}, {1900 * ms, on}}, []string{"relay on 0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, heater, nil, func(b *bench) {
				for _, a := range c.asks {
					time.Sleep(a.at - time.Since(b.start))
					synctest.Wait()
					if err := b.Show("relay", a.p, b.start); err != nil {
						t.Fatal(err)
					}
				}
				b.passes(time.Minute, c.want...)
			})
		})
	}
}

func TestAStopSwitchesARelayOffAtOnce(t *testing.T) {
	onBench(t, heater, nil, func(b *bench) {
		b.show("relay", "on")
		time.Sleep(100 * time.Millisecond)
		b.stop()
		b.passes(time.Minute, "relay on 0s", "relay off 100ms")
	})
}

// TestARelayNeverClatters asks for anything at any time.
func TestARelayNeverClatters(t *testing.T) {
	var patterns []Pattern
	for _, name := range Patterns() {
		p, _ := Builtin(name)
		patterns = append(patterns, p, p.Once())
	}
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			b := newBench(t, heater, nil)
			type change struct {
				on bool
				at time.Time
			}
			var changes []change
			b.config.Trace = func(output string, on bool, at time.Time) { changes = append(changes, change{on, at}) }
			for range 100 {
				if err := b.Show("relay", patterns[random.IntN(len(patterns))], time.Time{}); err != nil {
					t.Fatal(err)
				}
				until := time.Now().Add(time.Duration(random.ExpFloat64() * float64(time.Second)))
				for time.Now().Before(until) { // Run, without its goroutine
					sleep := time.Until(until)
					if next := b.advance(time.Now()); !next.IsZero() {
						sleep = min(sleep, time.Until(next))
					}
					time.Sleep(sleep)
				}
			}
			for i := 1; i < len(changes); i++ {
				c, last := changes[i], changes[i-1]
				if gap := c.at.Sub(last.at); c.on == last.on || gap < relayPulse {
					t.Fatalf("seed %d: change %d came %v after the one before", seed, i, gap)
				}
				if i > 1 {
					if two := c.at.Sub(changes[i-2].at); two < relayRest {
						t.Fatalf("seed %d: three changes in %v", seed, two)
					}
				}
			}
			if len(changes) < 10 {
				t.Fatalf("seed %d: only %d changes", seed, len(changes))
			}
		})
	}
}
