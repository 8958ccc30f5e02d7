package agent

import (
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
			done <- newSupervisor().run(ctx, []Task{part("webhook")}, []Task{part("forward")}, []Task{part("store")})
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
		go func() { done <- s.run(t.Context(), []Task{admin}, []Task{store}) }()
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
