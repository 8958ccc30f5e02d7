package agent

import (
	"bytes"
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

	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// deskFake notes what it is asked to do.
type deskFake struct {
	mu    sync.Mutex
	done  []string
	err   error
	takes time.Duration
}

func (d *deskFake) Input(_ context.Context, name string, a indicator.Action) error {
	time.Sleep(d.takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, name+" "+a.String())
	return d.err
}

// twoButtons are on a desk, with a task that runs.
func twoButtons(t *testing.T, d *deskFake) (b *buttons, log *bytes.Buffer, stop func()) {
	c, err := Load([]byte("input.ack = { pin = 'GPIO27', hold = 'mute 30m' }\ninput.kiosk = { pin = 'GPIO22', press = '', hold = 'test' }"), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	log = new(bytes.Buffer)
	b = newButtons(c, slog.New(slog.NewTextHandler(log, nil)), func() {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.run(ctx, d) }()
	return b, log, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestButtons(t *testing.T) {
	for name, c := range map[string]struct {
		press gpio.Press
		age   time.Duration
		err   error
		done  string
		last  string
		told  string // on MQTT
	}{
		"a press":                             {gpio.Press{Input: "ack"}, 0, nil, "ack acknowledge", "acknowledge", `{"press":"short","did":"acknowledge"}`},
		"a hold":                              {gpio.Press{Input: "ack", Held: true}, 0, nil, "ack mute 30m", "mute 30m", `{"press":"long","did":"mute 30m"}`},
		"a press where there is but a hold":   {gpio.Press{Input: "kiosk"}, 0, nil, "", "nothing to do", `{"press":"short","did":"nothing","reason":"nothing to do"}`},
		"a hold where there is no press":      {gpio.Press{Input: "kiosk", Held: true}, 0, nil, "kiosk test", "test", `{"press":"long","did":"test"}`},
		"a press that is too short":           {gpio.Press{Input: "ack", Short: true, For: 45 * time.Millisecond}, 0, nil, "", "too short (45ms)", ""},
		"a press while it is locked":          {gpio.Press{Input: "ack"}, 0, fmt.Errorf("press ack: %w", indicator.ErrLocked), "ack acknowledge", "locked", `{"press":"short","did":"nothing","reason":"locked"}`},
		"a press that the disk held up":       {gpio.Press{Input: "ack"}, 0, indicator.ErrTooLate, "ack acknowledge", "too late", `{"press":"short","did":"nothing","reason":"too late"}`},
		"a press from before it was ready":    {gpio.Press{Input: "ack"}, 3 * time.Second, nil, "", "too late", `{"press":"short","did":"nothing","reason":"too late"}`},
		"a press that could not be made sure": {gpio.Press{Input: "ack"}, 0, errors.New("disk"), "ack acknowledge", "acknowledge", `{"press":"short","did":"acknowledge","reason":"not written yet"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &deskFake{err: c.err}
				b, log, stop := twoButtons(t, d)
				c.press.At = time.Now().Add(-c.age)
				b.pressed(c.press)
				synctest.Wait()
				stop()
				if got := strings.Join(d.done, ", "); got != c.done {
					t.Errorf("done %q, want %q", got, c.done)
				}
				if last, n := b.of(c.press.Input); last != c.last || n != 1 {
					t.Errorf("%d presses, the last %q, want %q", n, last, c.last)
				}
				told, newest := b.since(0)
				if len(told) == 0 && c.told == "" {
					return
				}
				if len(told) != 1 || newest != 1 || told[0].Number != 1 || told[0].Input != c.press.Input || string(told[0].Payload) != c.told {
					t.Errorf("told %+v, %d, want %s", told, newest, c.told)
				}
				if warned := log.Len() > 0; warned != (c.last == "acknowledge" && c.err != nil) {
					t.Errorf("the log says %s", log)
				}
			})
		})
	}
}

// A disk that hangs bounds what waits, and keeps the board, which tells the presses, from nothing.
func TestTooManyPressesAreToldAndNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deskFake{takes: time.Second}
		b, _, stop := twoButtons(t, d)
		start := time.Now()
		for range 20 {
			b.pressed(gpio.Press{Input: "ack", At: time.Now()})
			synctest.Wait()
		}
		if time.Since(start) != 0 {
			t.Error("it blocked")
		}
		time.Sleep(time.Minute)
		stop()
		if len(d.done) != 3 { // at 0, 1 and 2 s; later they are too old
			t.Errorf("done %q", d.done)
		}
		if _, n := b.of("ack"); n != 20 {
			t.Errorf("of 20 presses %d are told of", n)
		}
		told, newest := b.since(0)
		if len(told) != pressTells || newest != 20 || told[0].Number != 13 {
			t.Errorf("%d are still told, from %d on, of %d", len(told), told[0].Number, newest)
		}
		if again, _ := b.since(19); len(again) != 1 || slices.Equal(again[0].Payload, nil) {
			t.Errorf("after the last but one: %v", again)
		}
	})
}
