package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// quiet is an agent of which nothing runs.
func quiet() *Agent {
	return &Agent{log: slog.New(slog.DiscardHandler), pulses: pulses{began: time.Now(), asked: make(chan struct{}, 1)}}
}

func TestALoopThatIsStuckIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := quiet()
		one, other := a.pulses.of("one"), a.pulses.of("other")
		works := func(d time.Duration, want bool, said string) {
			t.Helper()
			time.Sleep(d)
			if got, text := a.Alive(), a.slow(); got != want || !strings.HasPrefix(text, said) || (text == "") != (said == "") {
				t.Errorf("alive: %v, %q", got, text)
			}
		}
		works(time.Hour, true, "") // nobody has begun
		one(true)
		other(true)
		works(slowAfter, true, "")
		other(false)
		works(time.Second, true, "one has been at work on one thing for 11 s; after 30 s")
		works(stuckAfter-slowAfter-time.Second, true, "one has been at work on one thing for 30 s")
		works(time.Second, false, "one has been at work on one thing for 31 s")
		one(true) // it comes forward
		works(stuckAfter, true, "one has")
		one(false)
		works(24*time.Hour, true, "")
	})
}

func TestARoomThatKeepsItsLockIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := quiet()
		lock := make(chan struct{})
		works := a.pulses.of("status")
		go func() { // as look does
			<-a.pulses.asked
			works(true)
			<-lock
			works(false)
		}()
		for range 3 {
			if !a.Alive() {
				t.Error("not alive within 30 s")
			}
			time.Sleep(15 * time.Second)
			synctest.Wait()
		}
		if a.Alive() {
			t.Error("alive though a room keeps its lock for 45 s")
		}
		close(lock)
		synctest.Wait()
		if !a.Alive() {
			t.Error("not alive when it is over")
		}
	})
}

// TestWhoIsAtWork runs an agent, has its loops wait for whatever they wait for,
// and then wedges them one after the other.
func TestWhoIsAtWork(t *testing.T) {
	refuses, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer refuses.Close()
	c, err := Load(fmt.Appendf(nil, "data_dir = '%s'\nwebhook = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n[output.lamp]\npin='GPIO17'\n[gpio]\ndriver='simulated'\n"+
		"[[forward]]\nname = 'silent'\nbroker = 'mqtt://%s'\n[[forward]]\nname = 'gone'\nbroker = 'mqtt://127.0.0.1:1'\n[[forward]]\nname = 'here'\nbroker = 'embedded'\n[broker]\nlisten='127.0.0.1:0'", t.TempDir(), refuses.Addr()), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	ready, hold := make(chan struct{}), make(chan struct{})
	wedge := make(chan struct{}) // closed when the lamp is to hold whoever drives it
	a, err := New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }, Trace: func(string, bool, time.Time) {
		select {
		case <-wedge:
			<-hold
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-ready
	until(t, a, "the broker here", func() bool { return a.Status().Forward[2].Connected && a.AdminAddr() != "" })
	var names []string
	a.pulses.mu.Lock()
	for _, p := range a.pulses.all {
		names = append(names, p.name)
	}
	a.pulses.mu.Unlock()
	slices.Sort(names)
	want := []string{"admin", "connection of gone", "connection of here", "connection of silent", "forward gone", "forward here", "forward silent", "indicator", "outputs", "status", "store", "webhook"}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
	if resp, err := http.Post("http://"+a.WebhookAddr()+"/webhook", "application/json", strings.NewReader(`{"events":[{"event":{"type":"message"}}]}`)); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	working := func() (list []string) {
		a.pulses.mu.Lock()
		defer a.pulses.mu.Unlock()
		for _, p := range a.pulses.all {
			if p.since.Load() > 0 {
				list = append(list, p.name)
			}
		}
		slices.Sort(list)
		return list
	}
	comes := func(want ...string) {
		t.Helper()
		over := time.After(20 * time.Second)
		for !slices.Equal(working(), want) {
			select {
			case <-over:
				t.Fatalf("at work are %q, want %q", working(), want)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	comes() // brokers that are away, silent or there, no event, nobody at the page: all wait
	a.Alive()
	comes()
	close(wedge)
	go http.Post("http://"+a.AdminAddr()+"/api/outputs/lamp/test", "application/json", strings.NewReader(`{"pattern":"on"}`)) //nolint:errcheck // it hangs
	comes("indicator")
	a.Alive()
	comes("indicator", "status") // which needs the lock of the outputs
	close(hold)
	comes()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	comes()
}
