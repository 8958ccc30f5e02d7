package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"deskbell/packaging/bench/process"
)

// A broker is a mosquitto on a loopback port of its own. It keeps sessions and
// messages while it is away.
type broker struct {
	config  string
	address string // host:port
	process *child
}

func newBroker(dir string) (*broker, error) {
	dir, err := os.MkdirTemp(dir, "mosquitto-")
	if err != nil {
		return nil, err
	}
	free, err := process.Addresses(1)
	if err != nil {
		return nil, err
	}
	b := &broker{config: filepath.Join(dir, "mosquitto.conf"), address: free[0]}
	_, port, err := net.SplitHostPort(b.address)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 200\n"+
		"persistence true\npersistence_location %s/\n", port, dir)
	if os.Getuid() == 0 {
		config += "user root\n" // else it gives up the rights to its folder
	}
	return b, os.WriteFile(b.config, []byte(config), 0o600)
}

func (b *broker) start(ctx context.Context) error {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // Debian puts it where users do not look
	}
	if b.process, err = start("mosquitto", program, "-c", b.config); err != nil {
		return err
	}
	return b.process.await(ctx, "listens", func() bool { return listens(b.address) })
}

// stop ends it for a while.
func (b *broker) stop() {
	if b.process != nil {
		b.process.stop()
		b.process = nil
	}
}

// end ends it for good.
func (b *broker) end() {
	b.stop()
	_ = os.RemoveAll(filepath.Dir(b.config))
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}
