package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Task is a long-lived part of the agent. Run blocks until ctx ends and then
// returns nil, or earlier with an error; it may be called again after that.
// String is its name for logs and problems.
type Task interface {
	Run(ctx context.Context) error
	String() string
}

// task makes a Task of a function.
type task struct {
	name string
	run  func(context.Context) error
}

func (t task) Run(ctx context.Context) error { return t.run(ctx) }
func (t task) String() string                { return t.name }

// essential marks a Task whose error ends the process.
type essential struct{ Task }

// retryAfter is how long after its error a task that is not essential is run
// again.
const retryAfter = 5 * time.Second

// settledAfter is how long a part must run for its last error to be over.
const settledAfter = time.Second

// supervisor runs tasks in stages. A stage is stopped only when those before
// it have ended, so that what feeds a task never outlives it.
type supervisor struct {
	log     *slog.Logger
	changed func()

	mu     sync.Mutex
	faults map[string]error // by task: why it does not run at the moment
}

// run runs all tasks until ctx ends or an essential one fails, then stops the
// stages in their order. It returns the first essential error.
func (s *supervisor) run(ctx context.Context, stages ...[]Task) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	type running struct {
		stop context.CancelFunc
		done sync.WaitGroup
	}
	started := make([]running, len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		stage, stop := context.WithCancel(context.WithoutCancel(ctx))
		started[i].stop = stop
		for _, t := range stages[i] {
			started[i].done.Go(func() {
				if err := s.keep(stage, t); err != nil {
					fail(err)
				}
			})
		}
	}
	<-ctx.Done()
	for i := range started {
		started[i].stop()
		started[i].done.Wait()
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// keep runs one task again and again until ctx ends. It returns the error of
// an essential one.
func (s *supervisor) keep(ctx context.Context, t Task) error {
	_, must := t.(essential)
	for {
		settled := time.AfterFunc(settledAfter, func() { s.fault(t.String(), nil) })
		err := t.Run(ctx)
		settled.Stop()
		if ctx.Err() != nil || err == nil {
			s.fault(t.String(), nil)
			return nil
		}
		if must {
			return err
		}
		s.fault(t.String(), err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

// fault books why a task does not run; nil: it does, or has ended. The same
// error again is not logged again.
func (s *supervisor) fault(name string, err error) {
	s.mu.Lock()
	old := s.faults[name]
	if err != nil {
		if s.faults == nil {
			s.faults = map[string]error{}
		}
		s.faults[name] = err
	} else {
		delete(s.faults, name)
	}
	s.mu.Unlock()
	switch {
	case err == nil && old != nil:
		s.log.Info("a part runs again", "part", name)
		s.changed()
	case err != nil && (old == nil || old.Error() != err.Error()):
		s.log.Warn("a part does not run and is tried again", "part", name, "error", err)
		s.changed()
	}
}

// problems names the tasks that do not run, in words.
func (s *supervisor) problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.faults)) {
		list = append(list, fmt.Sprintf("%s does not run: %v", name, s.faults[name]))
	}
	return list
}
