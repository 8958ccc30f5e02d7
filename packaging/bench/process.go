package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a program that was started here and is ended here. The kernel
// ends it too when this program dies.
type process struct {
	cmd    *exec.Cmd
	name   string
	output tail
	ended  chan struct{} // closed when it is gone
}

func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), name: filepath.Base(name), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// A group of its own: Ctrl-C is for this program, which then ends them in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends it as a service manager does.
func (p *process) stop() { p.stopChild(p.pid()) }

// stopChild ends the program that p watches over, and waits for p.
func (p *process) stopChild(pid int) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// lives returns a context that ends with ctx or with the process.
func (p *process) lives(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-p.ended:
		case <-ctx.Done():
		}
	}()
	return ctx
}

// await calls ready until it is true, and fails when ctx ends, p does, or three
// minutes have passed: a large store on an SD card takes its time.
func (p *process) await(ctx context.Context, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s %s: %w\n%s", p.name, what, ctx.Err(), p.output.String())
		case <-p.ended:
			return fmt.Errorf("wait until %s %s: it ended\n%s", p.name, what, p.output.String())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// cpu is what the process itself has used.
func (p *process) cpu(pid int) (time.Duration, error) {
	fields, err := statFields(pid)
	if err != nil {
		return 0, err
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// tick is the unit of times in /proc: USER_HZ, 100 on every Linux that Go has.
const tick = 10 * time.Millisecond

// statFields are those of /proc/PID/stat after the name, from the state on.
func statFields(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(fields))
	}
	return fields, nil
}

// memory returns the bytes of a process that are in memory: all, and those of
// the mapped file alone whose name ends so.
func memory(pid int, file string) (all, mapped int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return 0, 0, err
	}
	inFile := false
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 0 && !strings.HasSuffix(fields[0], ":"): // the head of a mapping
			inFile = strings.HasSuffix(fields[len(fields)-1], file)
		case len(fields) == 3 && fields[0] == "Rss:":
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			all += n << 10
			if inFile {
				mapped += n << 10
			}
		}
	}
	return all, mapped, nil
}

// child returns the process that parent has started.
func child(parent int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// freeAddresses finds n addresses, host:port, that nobody listens on.
func freeAddresses(n int) (list []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // after the last: no address twice
		list = append(list, l.Addr().String())
	}
	return list, nil
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
