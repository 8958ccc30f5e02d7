package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/gpio"
	"deskbell/storage"
)

func TestARestartDoesNotFlash(t *testing.T) {
	for takes, want := range map[time.Duration]struct {
		shown bool
		over  time.Duration
	}{
		0:                       {false, 0},
		time.Second - 1:         {false, time.Second - 1},
		time.Second + 1:         {true, 1100 * time.Millisecond}, // what is being shown is shown before it is over
		1050 * time.Millisecond: {true, 1100 * time.Millisecond},
		time.Minute:             {true, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			shown, start := make(chan bool, 1), time.Now()
			unlessWithin(startingAfter, func() {
				time.Sleep(100 * time.Millisecond)
				shown <- true
			}, func() { time.Sleep(takes) })
			if got, over := len(shown) > 0, time.Since(start); got != want.shown || over != want.over {
				t.Errorf("a store that takes %v to open: shown %v, over after %v, want %+v", takes, got, over, want)
			}
			time.Sleep(time.Hour)
			if got := len(shown) > 0; got != want.shown {
				t.Errorf("a store that takes %v to open: it is shown later", takes)
			}
		})
	}
}

// TestTheLightsSayThatTheStoreIsBeingChecked holds the check up until a lamp
// has said so.
func TestTheLightsSayThatTheStoreIsBeingChecked(t *testing.T) {
	dir := t.TempDir()
	l, err := storage.Open(t.Context(), dir, storage.Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := Load(fmt.Appendf(nil, "device = 'lobby'\ndata_dir = '%s'\nwebhook = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n"+
		"broker = { listen = '127.0.0.1:0' }\n[gpio]\ndriver = 'simulated'\n[output]\nlamp = { pin = 'GPIO17' }\ndoor = { pin = 'GPIO22', kind = 'relay' }\nbell = { pin = 'GPIO18', kind = 'tone' }", dir), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	lit, ready := make(chan string, 100), make(chan struct{})
	a, err := New(c, Options{
		Log:   slog.New(slog.DiscardHandler),
		Ready: func() { close(ready) },
		Trace: func(output string, on bool, _ time.Time) { lit <- output },
		CheckStore: func(ctx context.Context, _ string, _ func()) error {
			select {
			case name := <-lit:
				if name != "lamp" {
					t.Errorf("%s says that the store is being checked", name)
				}
			case <-ctx.Done():
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-ready
	until(t, a, "the lamp is dark", func() bool {
		return !slices.ContainsFunc(a.board.Outputs(), func(s gpio.State) bool { return s.On || s.Pattern != "off" })
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(lit)
	for name := range lit {
		if name != "lamp" {
			t.Errorf("%s was on", name)
		}
	}
}
