package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bench is a board under synctest's clock whose level changes are written down as "lamp on 500ms", since its start.
type bench struct {
	*Board
	t     *testing.T
	start time.Time
	seen  []string
	told  int // calls of Changed
	stop  func()
}

// onBench runs a test in a bubble on a running board with a lamp, a buzzer and the outputs of c; c gives what is not the default.
func onBench(t *testing.T, c Config, openPin func(Config, OutputConfig, bool) (Pin, error), test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, c, openPin)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		stopped := false
		b.stop = func() {
			if !stopped {
				stopped = true
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("Run ended with %v", err)
				}
			}
		}
		defer func() {
			b.stop()
			if err := b.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		test(b)
	})
}

func newBench(t *testing.T, c Config, openPin func(Config, OutputConfig, bool) (Pin, error)) *bench {
	b := &bench{t: t, start: time.Now()}
	if c.Driver == "" {
		c.Driver = DriverSimulated
	}
	outputs := c.Outputs
	c.Outputs = []OutputConfig{{Name: "lamp", Pin: "GPIO17"}, {Name: "buzzer", Pin: "GPIO18", Kind: Buzzer}}
	c.Outputs = append(c.Outputs, outputs...)
	c.Trace = func(output string, on bool, at time.Time) {
		b.seen = append(b.seen, fmt.Sprintf("%s %s %v", output, Steady(on).Name, at.Sub(b.start)))
	}
	c.Changed = func() {
		b.told++
		b.Problems() // it may call the board
	}
	var err error
	b.Board, err = open(c, slog.New(slog.DiscardHandler), openPin, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) show(output, pattern string) {
	b.t.Helper()
	p, ok := Builtin(pattern)
	if !ok {
		b.t.Fatalf("no pattern %s", pattern)
	}
	if err := b.Show(output, p, time.Time{}); err != nil {
		b.t.Fatal(err)
	}
	if s := b.State(output); s.On != p.Steps[0].On && s.Pattern != "chirp" {
		b.t.Errorf("after Show %s has the level %v, want that of the first step", output, s.On)
	}
}

// showSince shows a pattern that began then.
func (b *bench) showSince(output, pattern string, since time.Time) {
	b.t.Helper()
	p, _ := Builtin(pattern)
	if err := b.Show(output, p, since); err != nil {
		b.t.Fatal(err)
	}
}

// passes lets time pass and checks the level changes in it.
func (b *bench) passes(d time.Duration, want ...string) {
	b.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if !slices.Equal(b.seen, want) {
		b.t.Errorf("seen:\n  %s\nwant:\n  %s", strings.Join(b.seen, "\n  "), strings.Join(want, "\n  "))
	}
	b.seen = nil
}

func TestEveryBuiltinPatternChangesAtItsEdges(t *testing.T) {
	for name, edges := range map[string]struct {
		in   time.Duration
		want string // the times of the changes, beginning with on
	}{
		"on":     {time.Hour, "0s"},
		"off":    {time.Hour, ""},
		"blink":  {2900 * time.Millisecond, "0s 500ms 1s 1.5s 2s 2.5s"},
		"fast":   {700 * time.Millisecond, "0s 125ms 250ms 375ms 500ms 625ms"},
		"pulse":  {4500 * time.Millisecond, "0s 1s 2s 3s 4s"},
		"double": {4200 * time.Millisecond, "0s 150ms 300ms 450ms 2s 2.15s 2.3s 2.45s 4s 4.15s"},
		"triple": {3200 * time.Millisecond, "0s 150ms 300ms 450ms 600ms 750ms 3s 3.15s"},
		"chirp":  {time.Hour, "0s 80ms"},
		"alarm":  {1500 * time.Millisecond, "0s 400ms 600ms 1s 1.2s"},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, Config{}, nil, func(b *bench) {
				var want []string
				for i, at := range strings.Fields(edges.want) {
					want = append(want, fmt.Sprintf("lamp %s %s", Steady(i%2 == 0).Name, at))
				}
				b.show("lamp", name)
				b.passes(edges.in, want...)
			})
		})
	}
}

func TestAPatternKeepsItsTime(t *testing.T) {
	onBench(t, Config{}, nil, func(b *bench) {
		b.show("lamp", "fast")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n, last := len(b.seen), b.seen[len(b.seen)-1]; n != 300*8+1 || last != "lamp on 5m0s" {
			b.t.Errorf("after five minutes there were %d changes, the last %q", n, last)
		}
	})
}

func TestABuzzerSoundsAPatternOnceAndIsOff(t *testing.T) {
	onBench(t, Config{}, nil, func(b *bench) {
		double, _ := Builtin("double")
		if err := b.Show("buzzer", double.Once(), time.Time{}); err != nil {
			b.t.Fatal(err)
		}
		b.passes(1900*time.Millisecond, "buzzer on 0s", "buzzer off 150ms", "buzzer on 300ms", "buzzer off 450ms")
		if got := b.State("buzzer").Pattern; got != "double" {
			b.t.Errorf("the pattern is %q within its period, want double", got)
		}
		b.passes(time.Hour)
		if got := b.State("buzzer"); got.Pattern != "off" || got.On {
			b.t.Errorf("an hour later it is %+v, want off", got)
		}
		alarm, _ := Builtin("alarm")
		if err := b.Show("buzzer", alarm.Once(), time.Time{}); err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := b.State("buzzer").Pattern; got != "alarm" {
			b.t.Errorf("an alarm has become %q, want it to go on", got)
		}
	})
}

func TestShow(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]func(b *bench){
		"the same repeating pattern again does not begin anew": func(b *bench) {
			b.show("lamp", "blink")
			time.Sleep(700 * ms)
			synctest.Wait()
			blink, _ := Builtin("blink")
			if err := b.Show("lamp", blink, time.Time{}); err != nil {
				b.t.Fatal(err)
			}
			b.passes(400*ms, "lamp on 0s", "lamp off 500ms", "lamp on 1s")
		},
		"another pattern begins with its first step": func(b *bench) {
			b.show("lamp", "blink")
			b.passes(700*ms, "lamp on 0s", "lamp off 500ms")
			b.show("lamp", "pulse")
			b.passes(1100*ms, "lamp on 700ms", "lamp off 1.7s")
		},
		"from one lit pattern to another without a gap": func(b *bench) {
			b.show("lamp", "blink")
			b.passes(100*ms, "lamp on 0s")
			b.show("lamp", "on")
			b.passes(time.Hour)
		},
		"off is off at once": func(b *bench) {
			b.show("lamp", "blink")
			b.passes(100*ms, "lamp on 0s")
			b.show("lamp", "off")
			b.passes(time.Hour, "lamp off 100ms")
		},
		"two outputs do not disturb each other": func(b *bench) {
			b.show("lamp", "pulse")
			time.Sleep(950 * ms)
			b.show("buzzer", "chirp")
			b.passes(100*ms, "lamp on 0s", "buzzer on 950ms", "lamp off 1s", "buzzer off 1.03s")
		},
		"a flash on a lit lamp is seen, after a gap": func(b *bench) {
			b.show("lamp", "on")
			b.passes(time.Second, "lamp on 0s")
			b.show("lamp", "chirp")
			b.passes(time.Second, "lamp off 1s", "lamp on 1.08s", "lamp off 1.16s")
		},
		"two chirps in a row are heard as two": func(b *bench) {
			b.show("buzzer", "chirp")
			time.Sleep(20 * ms)
			b.show("buzzer", "chirp")
			b.passes(time.Second, "buzzer on 0s", "buzzer off 20ms", "buzzer on 100ms", "buzzer off 180ms")
		},
		"outputs with one beginning blink in step, and come back in step": func(b *bench) {
			b.showSince("lamp", "pulse", b.start)
			time.Sleep(1300 * ms)
			b.showSince("buzzer", "pulse", b.start)
			b.passes(1200*ms, "lamp on 0s", "lamp off 1s", "lamp on 2s", "buzzer on 2s")
			b.show("lamp", "fast")
			b.passes(200*ms, "lamp off 2.625s")
			b.showSince("lamp", "pulse", b.start)
			b.passes(1400*ms, "lamp on 2.7s", "lamp off 3s", "buzzer off 3s", "lamp on 4s", "buzzer on 4s")
		},
		"a beginning in the middle of a flash shows what is left of it": func(b *bench) {
			b.showSince("lamp", "double", b.start.Add(-350*ms))
			b.passes(2*time.Second, "lamp on 0s", "lamp off 100ms", "lamp on 1.65s", "lamp off 1.8s", "lamp on 1.95s")
		},
		"a beginning to come is now": func(b *bench) {
			b.showSince("lamp", "blink", b.start.Add(time.Hour))
			b.passes(600*ms, "lamp on 0s", "lamp off 500ms")
		},
		"what is shown once is whole, whenever it began": func(b *bench) {
			b.showSince("lamp", "chirp", b.start.Add(-time.Hour))
			b.passes(time.Second, "lamp on 0s", "lamp off 80ms")
		},
		"what is shown already goes on, whenever it is said to have begun": func(b *bench) {
			b.showSince("lamp", "blink", b.start)
			b.passes(100*ms, "lamp on 0s")
			b.showSince("lamp", "blink", b.start.Add(-250*ms))
			b.passes(time.Second, "lamp off 500ms", "lamp on 1s")
		},
		"an output that is not there is an error": func(b *bench) {
			if err := b.Show("lantern", Steady(true), time.Time{}); !errors.Is(err, ErrUnknownOutput) {
				b.t.Errorf("got %v", err)
			}
			if got := b.State("lantern"); got != (State{}) {
				b.t.Errorf("got the state %+v", got)
			}
		},
		"a pattern that cannot be played is an error": func(b *bench) {
			for _, p := range []Pattern{{}, {Steps: []Step{{On: true, For: -1}}}, {Steps: []Step{{On: true}, {For: 1}}}, {Steps: []Step{{For: 1}, {On: true}}, Repeat: true}} {
				if err := b.Show("lamp", p, time.Time{}); err == nil {
					b.t.Errorf("%+v was taken", p)
				}
			}
			b.passes(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) { onBench(t, Config{}, nil, test) })
	}
}

func TestNothingWakesABoardThatIsSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{}, nil)
		b.show("lamp", "on")
		b.show("buzzer", "chirp")
		if next := b.advance(time.Now()); next.Sub(b.start) != 80*time.Millisecond {
			t.Errorf("the next edge is at %v, want 80ms", next.Sub(b.start))
		}
		time.Sleep(80 * time.Millisecond)
		if next := b.advance(time.Now()); !next.IsZero() {
			t.Errorf("all is steady, yet there is an edge at %v", next.Sub(b.start))
		}
	})
}

func TestABoardThatWasHeldUpLosesNoFlash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{}, nil)
		b.show("lamp", "double")
		for _, ms := range []time.Duration{350, 500, 700} { // instead of 150, 300 and 450
			time.Sleep(ms*time.Millisecond - time.Since(b.start))
			b.advance(time.Now())
		}
		// The first pulse was 200 ms too long, the pause after it is whole; the end of the second came 50 ms late, by less
		// than half the rest, which therefore keeps its time.
		b.passes(0, "lamp on 0s", "lamp off 350ms", "lamp on 500ms", "lamp off 700ms")
		if next := b.advance(time.Now()); next.Sub(b.start) != 2200*time.Millisecond {
			t.Errorf("the next edge is at %v, want 2.2s", next.Sub(b.start))
		}
	})
}

func TestTheEndOfRunLeavesEverythingOff(t *testing.T) {
	onBench(t, Config{}, nil, func(b *bench) {
		b.show("lamp", "on")
		b.show("buzzer", "alarm")
		b.passes(100*time.Millisecond, "lamp on 0s", "buzzer on 0s")
		b.stop()
		b.passes(time.Hour, "lamp off 100ms", "buzzer off 100ms")
		for _, s := range b.Outputs() {
			if s.On || s.Pattern != "off" {
				b.t.Errorf("%+v is not off", s)
			}
		}
		if err := b.Show("lamp", Steady(true), time.Time{}); !errors.Is(err, ErrStopped) {
			b.t.Errorf("Show after Run has ended: got %v, want ErrStopped", err)
		}
	})
}

func TestABoardCanRunAgain(t *testing.T) {
	onBench(t, Config{}, nil, func(b *bench) {
		b.stop()
		ctx, cancel := context.WithTimeout(b.t.Context(), 1400*time.Millisecond)
		defer cancel()
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		synctest.Wait()
		b.show("lamp", "fast")
		<-ended
		want := []string{"lamp on 0s", "lamp off 125ms", "lamp on 250ms", "lamp off 375ms", "lamp on 500ms", "lamp off 625ms",
			"lamp on 750ms", "lamp off 875ms", "lamp on 1s", "lamp off 1.125s", "lamp on 1.25s", "lamp off 1.375s"}
		b.passes(time.Hour, want...)
	})
}
