package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newSupervisor() *supervisor {
	return &supervisor{log: slog.New(slog.DiscardHandler), changed: func() {}}
}

func TestStagesStopInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ended []string
		part := func(name string) Task {
			return task{name, func(ctx context.Context) error {
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, name)
				return nil
			}}
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := newSupervisor().run(ctx, time.Minute, stage{tasks: []Task{part("webhook")}}, stage{tasks: []Task{part("forward")}}, stage{tasks: []Task{part("store")}})
			done <- err
		}()
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []string{"webhook", "forward", "store"}; !slices.Equal(ended, want) {
			t.Errorf("ended %q, want %q", ended, want)
		}
	})
}

func TestAnEssentialPartThatFailsEndsAllOthersAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, taken := newSupervisor(), errors.New("the port is taken")
		tries := 0
		admin := task{"admin", func(ctx context.Context) error {
			if tries++; tries < 3 {
				return taken
			}
			<-ctx.Done()
			return nil
		}}
		broken := errors.New("the disk is gone")
		fail := make(chan struct{})
		store := essential{task{"store", func(context.Context) error { <-fail; return broken }}}
		done := make(chan error, 1)
		go func() {
			_, err := s.run(t.Context(), time.Minute, stage{tasks: []Task{admin}}, stage{tasks: []Task{store}})
			done <- err
		}()
		synctest.Wait()
		if p := s.problems(); len(p) != 1 || !strings.Contains(p[0], "admin does not run: the port is taken") {
			t.Errorf("problems %q", p)
		}
		<-time.After(2*retryAfter + 2*settledAfter) // by the test's own clock
		synctest.Wait()
		if p := s.problems(); tries != 3 || len(p) != 0 {
			t.Errorf("after %d tries: problems %q", tries, p)
		}
		close(fail)
		if err := <-done; !errors.Is(err, broken) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestAPartThatHangsHoldsNobodyUp(t *testing.T) {
	for name, tt := range map[string]struct {
		hangs         map[string]time.Duration // by part: how long after its stop it ends
		stopped, ends time.Duration            // the store is stopped, all is over: after the stop of all
		log           string
	}{
		"all end at once":                     {},
		"one is slow, and the next ones wait": {hangs: map[string]time.Duration{"webhook": 2 * time.Second}, stopped: 2 * time.Second, ends: 2 * time.Second},
		"one needs more than its time":        {hangs: map[string]time.Duration{"webhook": 5 * time.Second}, stopped: 3 * time.Second, ends: 5 * time.Second},
		"all do, and the store has its rest": {
			hangs:   map[string]time.Duration{"webhook": 5 * time.Second, "forward": 7 * time.Second, "store": time.Second},
			stopped: 4 * time.Second, ends: 8 * time.Second, log: "left behind\" parts=forward\n",
		},
		"one never ends": {
			hangs:   map[string]time.Duration{"other": time.Hour, "forward": time.Hour},
			stopped: 4 * time.Second, ends: 8 * time.Second, log: "left behind\" parts=\"other, forward\"\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				s := newSupervisor()
				s.log = slog.New(slog.NewTextHandler(&log, nil))
				ctx, stop := context.WithCancel(t.Context())
				var stopped time.Time // of the store
				part := func(name string) Task {
					return task{name, func(ctx context.Context) error {
						<-ctx.Done()
						if name == "store" {
							stopped = time.Now()
						}
						<-time.After(tt.hangs[name])
						return nil
					}}
				}
				var began time.Time
				time.AfterFunc(time.Minute, func() {
					began = time.Now()
					stop()
				})
				ended, err := s.run(ctx, 8*time.Second,
					stage{tasks: []Task{part("webhook"), part("other")}, patience: 3 * time.Second},
					stage{tasks: []Task{part("forward")}, patience: time.Second},
					stage{tasks: []Task{part("store")}},
				)
				if took := time.Since(began); took != tt.ends || err != nil || ended != (tt.log == "") {
					t.Errorf("over after %v, %t, %v, want %v", took, ended, err, tt.ends)
				}
				if after := stopped.Sub(began); after != tt.stopped {
					t.Errorf("the store was stopped after %v, want %v", after, tt.stopped)
				}
				if got := log.String(); !strings.Contains(got, tt.log) || (tt.log == "") != (got == "") {
					t.Errorf("logged %q, want %q", got, tt.log)
				}
				<-time.After(2 * time.Hour) // those left behind
			})
		})
	}
}

func TestWhatAPartSaysAtItsEndIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSupervisor()
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		ctx, stop := context.WithCancel(t.Context())
		store := essential{task{"store", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("the last commit failed")
		}}}
		stop()
		if ended, err := s.run(ctx, time.Second, stage{tasks: []Task{store}}); !ended || err != nil || !strings.Contains(log.String(), "part=store error=\"the last commit failed\"") {
			t.Errorf("%t, %v, logged %q", ended, err, log.String())
		}
	})
}
