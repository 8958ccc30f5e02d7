package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"deskbell/packaging/bench/load"
)

// possible says whether an action can be had on this machine.
func (s *soak) possible(k kind) bool {
	if slices.Contains(strings.Split(s.without, ","), string(k)) {
		return false
	}
	switch k {
	case fillDisk:
		return s.disk
	case failSync, failWrite:
		return s.tracer
	}
	return true
}

// act does one action. A fault ends before it returns, also when ctx does.
func (s *soak) act(ctx context.Context, a action) {
	switch a.kind {
	case changeLoad:
		s.changeLoad(a)
	case killAgent, killStart, stopAgent, dumpAgent, damageStore:
		s.endAgent(ctx, a)
	case stopBroker, killBroker, freezeBroker:
		s.awayBroker(ctx, a)
	case cutLinks:
		s.expect(a.kind, window*s.proxy.cut())
		s.acted(a, "")
	case halfOpen:
		n, release := s.proxy.swallow()
		s.acted(a, "for %v", a.lasts)
		load.Sleep(ctx, a.lasts)
		s.expect(a.kind, window*n)
		release()
	case fillDisk:
		s.fill(ctx, a)
	case failSync:
		s.inject(ctx, a, "fdatasync,fsync", "EIO")
	case failWrite:
		s.inject(ctx, a, "pwrite64", pick(a.rand, "EIO", "ENOSPC"))
	case jumpClock:
		now := time.Now().Unix()
		seconds := pick(a.rand, 0, 0, 20-now, 86400, -86400, 5*365*86400, -3*365*86400)
		s.setClock(seconds)
		s.acted(a, "to %s", time.Unix(now+seconds, 0).UTC().Format(time.DateOnly))
	case command:
		s.command(ctx, a)
	}
}

// changeLoad ends the load that there is and begins another.
func (s *soak) changeLoad(a action) {
	p := load.Poster{URL: s.agent.url(), Token: token, Timeout: 20 * time.Second}
	r := a.rand
	p.Connections, p.Batch, p.Again, p.Tries = 1+r.IntN(24), 1, pick(r, 0, 5, 20), pick(r, 1, 1, 3)
	p.Rate = pick(r, 5.0, 50, 200, 200, 500, 1000)
	switch r.IntN(6) {
	case 0:
		p.Batch = 2 + r.IntN(20)
	case 1:
		p.Pad, p.Rate = 300<<10, 1+3*r.Float64()
	case 2:
		p.Connections, p.Rate = min(p.Connections, 4), 0 // as fast as it goes
	}
	s.startLoad(p)
	rate := fmt.Sprintf("%.0f a second", p.Rate)
	if p.Rate == 0 {
		rate = "as fast as it goes"
	}
	s.acted(a, "%s over %d connections, %d events each, %d bytes more, again after %d, %d tries", rate, p.Connections, p.Batch, p.Pad, p.Again, p.Tries)
}

func (s *soak) startLoad(p load.Poster) {
	if s.unload != nil {
		s.unload()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, s.ledger) }()
	s.unload = func() {
		cancel()
		if err := <-done; err != nil {
			s.breach("%v", err)
		}
	}
}

func (s *soak) endAgent(ctx context.Context, a action) {
	p := s.agent.process
	switch a.kind {
	case killStart:
		// The one that runs ends first; then one is cut off while it starts.
		s.expectUnsaved(a.kind)
		p.End(syscall.SIGKILL, time.Minute)
		s.buried(a.kind, false)
		s.started()
		after := between(a.rand, time.Millisecond, 150*time.Millisecond)
		time.Sleep(after)
		s.expectUnsaved(a.kind)
		s.agent.process.End(syscall.SIGKILL, time.Minute)
		s.buried(a.kind, false)
		s.acted(a, "after %v", after)
	case killAgent:
		s.expectUnsaved(a.kind)
		p.End(syscall.SIGKILL, time.Minute)
		s.buried(a.kind, false)
		s.acted(a, "")
	case dumpAgent:
		s.expectUnsaved(a.kind)
		p.End(syscall.SIGQUIT, time.Minute)
		n := s.buried(a.kind, true)
		s.acted(a, "%d", n)
		if n > 400 {
			s.breach("%d goroutines", n)
		}
	case stopAgent:
		s.expect(a.kind, window)
		took, fault := s.agent.stop()
		s.acted(a, "in %v", took.Round(time.Millisecond))
		if fault != "" {
			s.breach("the agent: %s; see %s", fault, s.agent.log())
		}
		s.buried(a.kind, false)
	case damageStore:
		s.expectUnsaved(a.kind)
		p.End(pick(a.rand, syscall.SIGKILL, syscall.SIGTERM), time.Minute)
		s.buried(a.kind, false)
		s.damage(ctx, a)
	}
	if a.rand.IntN(3) == 0 {
		load.Sleep(ctx, a.lasts)
	}
	s.started()
	load.Sleep(ctx, between(a.rand, 0, 2*time.Second)) // the next one does not always meet a start
}

// awayBroker has the broker be away. What it acknowledged it has passed on
// before: only what is on its way is lost with it.
func (s *soak) awayBroker(ctx context.Context, a action) {
	lock := s.lock("link")
	lock.Lock()
	defer lock.Unlock()
	if a.kind == freezeBroker {
		s.broker.process.Signal(syscall.SIGSTOP)
		s.acted(a, "for %v", a.lasts)
		load.Sleep(ctx, a.lasts)
		s.expect(a.kind, 2*window)
		s.broker.process.Signal(syscall.SIGCONT)
		return
	}
	s.proxy.take(false)
	n, release := s.proxy.swallow()
	s.quiet()
	s.expect(a.kind, window*n)
	if a.kind == killBroker {
		if err := s.broker.save(ctx); err != nil && ctx.Err() == nil {
			s.breach("%v", err)
		}
		s.broker.stop(syscall.SIGKILL)
	} else {
		s.broker.stop(syscall.SIGTERM)
	}
	release()
	s.acted(a, "for %v", a.lasts)
	load.Sleep(ctx, a.lasts)
	back := context.WithoutCancel(ctx)
	if err := s.broker.start(back); err != nil {
		s.breach("%v", err)
		return
	}
	// It is open to the agent when somebody listens, or nobody would hear.
	if err := await(back, 30*time.Second, "the subscriber is back", s.sub.Connected); err != nil {
		s.breach("%v", err)
	}
	time.Sleep(100 * time.Millisecond)
	s.proxy.take(true)
}

// quiet waits until nothing comes from the broker any more.
func (s *soak) quiet() {
	for range 20 {
		n, _, _ := s.ledger.Came(time.Now().Add(-200 * time.Millisecond))
		if n == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// setClock has the agent's wall clock be off.
func (s *soak) setClock(seconds int64) {
	file := s.agent.clock()
	err := os.WriteFile(file+".new", strconv.AppendInt(nil, seconds, 10), 0o600)
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		s.breach("%v", err)
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
