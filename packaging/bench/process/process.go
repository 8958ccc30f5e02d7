// Package process has the programs that a bench or a soak starts, ends and looks
// at. Linux only.
package process

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A Process is a program that was started here and is ended here. The kernel
// ends it too when this program dies.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of Wait, once ended is closed
}

// Start runs a program with this one's environment and what env adds. All that
// it says goes to output.
func Start(output io.Writer, env []string, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
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

// PID is its number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal; one that has ended does not get it.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Ended is closed when it is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Alive says whether it has not ended yet.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Wait waits until it is gone and returns the code it ended with, -1 when that
// was a signal, and what went wrong.
func (p *Process) Wait() (code int, err error) {
	<-p.ended
	return p.cmd.ProcessState.ExitCode(), p.err
}

// End sends a signal and waits; a process that goes on longer than it may is
// killed, and the answer is false.
func (p *Process) End(s syscall.Signal, within time.Duration) bool {
	p.Signal(s)
	select {
	case <-p.ended:
		return true
	case <-time.After(within):
		p.Signal(syscall.SIGKILL)
		<-p.ended
		return false
	}
}

// Addresses finds n addresses, host:port, that nobody listens on.
func Addresses(n int) (list []string, err error) {
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
