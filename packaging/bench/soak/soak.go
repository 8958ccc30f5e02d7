package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"deskbell/packaging/bench/load"
)

// A soak is the box with all that is around it.
type soak struct {
	*books
	seed    uint64
	without string // kinds that are left out
	dir     string
	agent   *agent
	broker  *broker
	proxy   *proxy
	ledger  *load.Ledger
	sub     *load.Subscriber
	disk    bool // the data folder is on a mount of its own
	tracer  bool // strace is permitted

	mu      sync.Mutex
	locks   map[string]*sync.Mutex
	begun   time.Time     // when the agent was started last
	newest  kind          // the last action that may have the agent not ready
	lasting map[kind]bool // that are under way
	unload  func()        // ends the load at hand
	actions sync.WaitGroup
}

// lock is what the actions of one resource take.
func (s *soak) lock(resource string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[resource] == nil {
		s.locks[resource] = &sync.Mutex{}
	}
	return s.locks[resource]
}

// reason is why the agent is not ready, as far as it can be told: the fault that
// lasts, or else the newest.
func (s *soak) reason() kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range []kind{failSync, failWrite, fillDisk} {
		if s.lasting[k] {
			return k
		}
	}
	return s.newest
}

// lasts notes that an action begins or ends.
func (s *soak) lasts(k kind, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasting[k] = on
	if on && k != changeLoad && k != command {
		s.newest = k
	}
}

// newSoak builds the world and starts it. What it has made is in s also when
// there is an error.
func (s *soak) open(ctx context.Context, binary string) error {
	r := newRand(s.seed)
	maxSize := pick(r, int64(8), 12, 16) << 20
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		// Room for the store, three damaged ones and the one that is being saved.
		err := syscall.Mount("soak", data, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", 6*maxSize))
		if s.disk = err == nil; err != nil {
			s.say("no mount of its own (%v): the disk does not get full", err)
		}
	} else {
		s.say("not root: the disk does not get full")
	}
	if s.tracer = tracing(); !s.tracer {
		s.say("strace is not there or not permitted: syncs and writes do not fail")
	}
	brokerDir := filepath.Join(s.dir, "broker")
	if err := os.Mkdir(brokerDir, 0o755); err != nil {
		return err
	}
	var err error
	if s.broker, err = newBroker(brokerDir); err != nil {
		return err
	}
	if err := s.broker.start(ctx); err != nil {
		return err
	}
	if s.sub, err = load.Subscribe(ctx, "tcp://"+s.broker.address, "deskbell/soak/event/#", s.ledger); err != nil {
		return err
	}
	if err := s.broker.save(ctx); err != nil {
		return err
	}
	if s.proxy, err = newProxy(s.broker.address); err != nil {
		return err
	}
	s.proxy.take(true)
	if s.agent, err = newAgent(binary, s.dir, data, s.proxy.address(), maxSize); err != nil {
		return err
	}
	s.setClock(0)
	s.say("store of %d MiB, logs in %s", maxSize>>20, s.dir)
	s.started()
	if err := s.ready(ctx, time.Minute); err != nil {
		return err
	}
	return nil
}

// close ends all that was started, whatever went wrong.
func (s *soak) close() error {
	if s.unload != nil {
		s.unload()
	}
	if s.agent != nil && s.agent.process != nil {
		s.agent.process.End(syscall.SIGKILL, time.Minute)
	}
	if s.sub != nil {
		s.sub.Close()
	}
	if s.broker != nil {
		if s.broker.process != nil {
			s.broker.process.Signal(syscall.SIGCONT)
		}
		s.broker.stop(syscall.SIGTERM)
	}
	if s.proxy != nil {
		s.proxy.close()
	}
	if s.disk {
		if len(s.breaches) > 0 { // what is on the mount goes with it
			_ = os.Remove(filepath.Join(s.dir, "data", "control.sock"))
			if err := os.CopyFS(filepath.Join(s.dir, "kept"), os.DirFS(filepath.Join(s.dir, "data"))); err != nil {
				s.say("keep the data folder: %v", err)
			}
		}
		return syscall.Unmount(filepath.Join(s.dir, "data"), syscall.MNT_DETACH)
	}
	return nil
}

// started starts the agent, which must work.
func (s *soak) started() {
	s.mu.Lock()
	s.begun = time.Now()
	s.mu.Unlock()
	if err := s.agent.start(); err != nil {
		s.breach("%v", err)
	}
}

// buried looks at what an agent that has ended has said.
func (s *soak) buried(why kind, dumped bool) (goroutines int) {
	faults, goroutines, err := s.agent.ended(dumped)
	if err != nil {
		s.breach("read the agent's log: %v", err)
	}
	for _, f := range faults {
		s.breach("%s", f)
	}
	return goroutines
}

// ready waits until the agent takes events.
func (s *soak) ready(ctx context.Context, within time.Duration) error {
	client := http.Client{Timeout: 5 * time.Second}
	said := ""
	err := await(ctx, within, "the agent is ready", func() bool {
		answer, err := client.Get("http://" + s.agent.address + "/readyz")
		if err != nil {
			said = err.Error()
			return false
		}
		b, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		said = string(b)
		return answer.StatusCode == http.StatusOK
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said))
	}
	return nil
}

// settle ends the soak: everything is well again, and what was accepted must
// come.
func (s *soak) settle(ctx context.Context) {
	s.unload()
	s.unload = nil
	s.setClock(0)
	s.say("all faults are over; %d events are under way", s.ledger.Pending())
	// A store that did not mend at its second try is tried again after 5 min.
	if err := s.ready(ctx, 6*time.Minute); err != nil {
		s.breach("%v", err)
	}
	waiting, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := s.ledger.Settle(waiting); err != nil {
		s.breach("%v", err)
	}
	_ = load.Sleep(ctx, time.Second) // for what should not come
	if out, code, err := s.agent.run(ctx, "status"); err != nil || code != 0 {
		s.breach("status ended with %d, %v: %s", code, err, out)
	} else {
		s.say("status:\n%s", out)
	}
	lock := s.lock("agent")
	lock.Lock()
	defer lock.Unlock()
	took, fault := s.agent.stop()
	if fault != "" {
		s.breach("the agent: %s", fault)
	}
	s.buried(stopAgent, false)
	s.say("stopped in %v", took.Round(time.Millisecond))
	if damaged, err := filepath.Glob(s.agent.store() + ".damaged-*"); err != nil || len(damaged) > 3 {
		s.breach("%d damaged stores kept, %v", len(damaged), err)
	}
}

var errStopped = errors.New("stopped by a signal")

// run carries out the plan until ctx ends.
func (s *soak) run(ctx context.Context) {
	for a := range plan(s.seed) {
		if !load.Sleep(ctx, a.pause) {
			break
		}
		if !s.possible(a.kind) {
			continue
		}
		lock := s.lock(a.kind.resource())
		lock.Lock()
		if ctx.Err() != nil {
			lock.Unlock()
			break
		}
		s.lasts(a.kind, true)
		s.actions.Go(func() {
			defer lock.Unlock()
			defer s.lasts(a.kind, false)
			s.act(ctx, a)
		})
	}
	s.actions.Wait()
}
