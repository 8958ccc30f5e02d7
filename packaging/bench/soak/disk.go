package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// damage spoils places of the store from which all that was not delivered can be
// saved. With the positions lost, everything in it may be sent again.
func (s *soak) damage(ctx context.Context, a action) {
	// Damaged before and not yet saved, for want of room, it would end us.
	if out, code, err := s.agent.run(ctx, "check-store", s.agent.store()); err != nil || code != 0 {
		s.acted(a, "not now: %.100s %v", strings.TrimSpace(out), err)
		return
	}
	l, err := readLayout(s.agent.store(), "hub")
	if err != nil {
		s.acted(a, "not now: %v", err) // killed at its first start
		return
	}
	what, positions, err := l.damage(s.agent.store(), a.rand)
	if err != nil {
		s.breach("damage the store: %v", err)
	}
	if positions {
		s.expect(a.kind, l.records)
	}
	s.acted(a, "%s, of %d records", what, l.records)
}

// fill takes the room on the data folder's mount, but for some.
func (s *soak) fill(ctx context.Context, a action) {
	filler := filepath.Join(s.agent.data, "filler")
	left := pick(a.rand, 0, 0, 4<<10, 100<<10, 2<<20)
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.agent.data, &st); err != nil {
		s.breach("%v", err)
		return
	}
	f, err := os.Create(filler)
	if err != nil {
		s.breach("%v", err)
		return
	}
	defer os.Remove(filler)
	defer f.Close()
	if room := int64(st.Bavail)*int64(st.Bsize) - int64(left); room > 0 {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, room)
	}
	s.unsaved(true)
	s.acted(a, "but for %d kB, for %v (%v)", left>>10, a.lasts, err)
	load.Sleep(ctx, a.lasts)
	s.unsaved(false)
}

// inject has calls of the agent to the system fail.
func (s *soak) inject(ctx context.Context, a action, calls, fault string) {
	lock := s.lock("agent")
	lock.Lock()
	p := s.agent.process
	lock.Unlock()
	if p == nil {
		return
	}
	when := pick(a.rand, "", "", ":when=1", ":when=2", ":when=2+3")
	log := filepath.Join(s.dir, "strace.log")
	out, err := os.Create(log)
	if err != nil {
		s.breach("%v", err)
		return
	}
	defer out.Close()
	s.unsaved(true)
	tracer, err := process.Start(out, nil, "strace", "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(p.PID()),
		"-e", "trace="+calls, "-e", "inject="+calls+":error="+fault+when)
	if err != nil {
		s.breach("%v", err)
		return
	}
	s.acted(a, "%s of process %d with %s%s, for %v", calls, p.PID(), fault, when, a.lasts)
	load.Sleep(ctx, a.lasts)
	tracer.End(syscall.SIGINT, 10*time.Second)
	load.Sleep(ctx, time.Second) // positions are saved again
	s.unsaved(false)
}

// tracing says whether strace may be used.
func tracing() bool {
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer out.Close()
	p, err := process.Start(out, nil, "strace", "-e", "trace=none", "true")
	if err != nil {
		return false
	}
	_, err = p.Wait()
	return err == nil
}
