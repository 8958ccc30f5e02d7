package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a program that was started here. The kernel ends it when this
// program dies.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is gone
	err   error         // of Wait, once ended is closed
}

// start runs a program that writes to a file.
func start(output *os.File, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.Env = append(os.Environ(), env...)
	// A group of its own: Ctrl-C is for this program, which then ends them in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// alive says whether it has not ended yet.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// end sends a signal and waits; a process that goes on longer than it may is
// killed, and the answer is false.
func (p *process) end(s syscall.Signal, within time.Duration) bool {
	p.signal(s)
	select {
	case <-p.ended:
		return true
	case <-time.After(within):
		p.signal(syscall.SIGKILL)
		<-p.ended
		return false
	}
}

// A size is what a process takes.
type size struct {
	at      time.Time
	age     time.Duration
	memory  int64 // resident bytes beside the mapped store
	files   int
	threads int
}

// measure looks at a process.
func measure(pid int, store string) (size, error) {
	s := size{at: time.Now()}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return s, err
	}
	mapped := false
	for line := range bytes.Lines(b) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) > 0 && !strings.HasSuffix(fields[0], ":"): // the head of a mapping
			mapped = strings.Contains(string(line), store)
		case len(fields) == 3 && fields[0] == "Rss:" && !mapped:
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return s, err
			}
			s.memory += n << 10
		}
	}
	for _, list := range []struct {
		folder string
		n      *int
	}{{"fd", &s.files}, {"task", &s.threads}} {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, list.folder))
		if err != nil {
			return s, err
		}
		*list.n = len(entries)
	}
	return s, nil
}
