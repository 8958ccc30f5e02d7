package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// A broker is a mosquitto that keeps its sessions, with the proxy before it.
type broker struct {
	dir     string
	address string
	output  *os.File
	process *process.Process // nil: it is away
}

func newBroker(dir string) (*broker, error) {
	free, err := process.Addresses(1)
	if err != nil {
		return nil, err
	}
	b := &broker{dir: dir, address: free[0]}
	_, port, _ := net.SplitHostPort(b.address)
	// It saves when it is told to and when it ends: what it has saved must not be
	// older than what it has sent, or it would send that again.
	config := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"+
		"persistence true\npersistence_location %s/\nautosave_interval 0\n", port, dir)
	if os.Getuid() == 0 {
		config += "user root\n" // else it gives up the rights to its folder
	}
	if err := os.WriteFile(b.config(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	b.output, err = os.OpenFile(filepath.Join(dir, "mosquitto.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return b, err
}

func (b *broker) config() string { return filepath.Join(b.dir, "mosquitto.conf") }

func (b *broker) start(ctx context.Context) error {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // Debian puts it where users do not look
	}
	if b.process, err = process.Start(b.output, nil, program, "-c", b.config()); err != nil {
		return err
	}
	return await(ctx, 30*time.Second, "the broker listens", func() bool {
		c, err := net.Dial("tcp", b.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// save has it write its sessions, so that they outlive a kill.
func (b *broker) save(ctx context.Context) error {
	file := filepath.Join(b.dir, "mosquitto.db")
	before, _ := os.Stat(file)
	b.process.Signal(syscall.SIGUSR1)
	return await(ctx, 10*time.Second, "the broker has saved its sessions", func() bool {
		now, err := os.Stat(file)
		return err == nil && now.Size() > 0 && (before == nil || !os.SameFile(before, now) || now.ModTime().After(before.ModTime()))
	})
}

func (b *broker) stop(s syscall.Signal) {
	if b.process != nil {
		b.process.End(s, 30*time.Second)
		b.process = nil
	}
}

// await calls ready until it is true.
func await(ctx context.Context, within time.Duration, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !ready() {
		if !load.Sleep(ctx, 5*time.Millisecond) {
			return errors.New("wait until " + what + ": " + ctx.Err().Error())
		}
	}
	return nil
}
