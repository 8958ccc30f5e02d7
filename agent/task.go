package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
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

// A stage is tasks that are started and stopped together.
type stage struct {
	tasks []Task
	// patience is how long the stop of the next stage waits for the end of this
	// one; 0: for as long as there is.
	patience time.Duration
}

// supervisor runs tasks in stages. A stage is stopped when those before it have
// ended, so that what feeds a task does not outlive it; or else when they had
// their time, so that one that hangs keeps nobody from a proper end.
type supervisor struct {
	log     *slog.Logger
	changed func()

	mu     sync.Mutex
	faults map[string]error // by task: why it does not run at the moment
}

// run runs all tasks until ctx ends or an essential one fails, then stops the
// stages in their order. It returns the first essential error, and whether all
// tasks have ended: those that have not within so much time are left behind.
func (s *supervisor) run(ctx context.Context, within time.Duration, stages ...stage) (ended bool, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	begun := make([]*started, len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		begun[i] = s.start(ctx, fail, stages[i].tasks)
	}
	<-ctx.Done()
	limit := time.Now().Add(within)
	for i, r := range begun {
		r.stop()
		patience := time.Until(limit)
		if p := stages[i].patience; p > 0 {
			patience = min(patience, p)
		}
		r.await(patience)
	}
	var late []string
	for _, r := range begun {
		late = append(late, r.await(time.Until(limit))...)
	}
	if len(late) > 0 {
		s.log.Warn("parts do not end and are left behind", "parts", strings.Join(late, ", "))
	}
	if err = context.Cause(ctx); errors.Is(err, context.Canceled) {
		err = nil
	}
	return len(late) == 0, err
}

// started is a stage that was started.
type started struct {
	stop  context.CancelFunc
	ended []chan struct{} // by task, closed when it has ended
	names []string
}

// start runs tasks until they are stopped; fail is told the error of an
// essential one.
func (s *supervisor) start(ctx context.Context, fail context.CancelCauseFunc, tasks []Task) *started {
	r := &started{}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, t := range tasks {
		ended := make(chan struct{})
		r.ended, r.names = append(r.ended, ended), append(r.names, t.String())
		go func() {
			defer close(ended)
			if err := s.keep(ctx, t); err != nil {
				fail(err)
			}
		}()
	}
	return r
}

// await waits until every task has ended, for a while. It returns the names of
// those that have not.
func (r *started) await(patience time.Duration) (late []string) {
	over := time.NewTimer(patience)
	defer over.Stop()
	for i, ended := range r.ended {
		select {
		case <-ended:
			continue
		default:
		}
		if len(late) == 0 {
			select {
			case <-ended:
				continue
			case <-over.C:
			}
		}
		late = append(late, r.names[i])
	}
	return late
}

// keep runs one task again and again until ctx ends. It returns the error of
// an essential one.
func (s *supervisor) keep(ctx context.Context, t Task) error {
	_, must := t.(essential)
	for {
		settled := time.AfterFunc(settledAfter, func() { s.fault(t.String(), nil) })
		err := t.Run(ctx)
		settled.Stop()
		if err != nil && ctx.Err() != nil && !errors.Is(err, context.Canceled) {
			s.log.Warn("a part did not end well", "part", t.String(), "error", err)
		}
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
