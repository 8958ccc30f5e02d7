package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"deskbell/packaging/bench/process"
)

// A child is a process whose last words are kept.
type child struct {
	*process.Process
	name   string
	output tail
}

// start runs a program that a person knows by a name.
func start(name, program string, args ...string) (*child, error) {
	c := &child{name: name}
	var err error
	if c.Process, err = process.Start(&c.output, nil, program, args...); err != nil {
		return nil, err
	}
	return c, nil
}

// stop ends it as a service manager does.
func (c *child) stop() { c.End(syscall.SIGTERM, stopTime) }

// stopTraced ends the program that c watches over, and c with it.
func (c *child) stopTraced(pid int) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-c.Ended():
	case <-time.After(stopTime):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		c.End(syscall.SIGKILL, stopTime)
	}
}

// stopTime is how long a stop may take.
const stopTime = 15 * time.Second

// lives returns a context that ends with ctx or with the process.
func (c *child) lives(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-c.Ended():
		case <-ctx.Done():
		}
	}()
	return ctx
}

// await calls ready until it is true, and fails when ctx ends, c does, or three
// minutes have passed: a large store on an SD card takes its time.
func (c *child) await(ctx context.Context, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s %s: %w\n%s", c.name, what, ctx.Err(), c.output.String())
		case <-c.Ended():
			return fmt.Errorf("wait until %s %s: it ended\n%s", c.name, what, c.output.String())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// A tail keeps the end of what a process writes.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 4096
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
