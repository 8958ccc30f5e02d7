//go:build unix

package mqtttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A Mosquitto is a real broker for one test, on a loopback port of its own.
// It keeps sessions and messages over Stop and Start.
type Mosquitto struct {
	Addr string // host:port

	t      testing.TB
	within []string // a command that runs another where the broker is to be
	attr   *syscall.SysProcAttr
	config string
	output output
	cmd    *exec.Cmd
	ended  chan struct{}
}

// StartMosquitto starts mosquitto with lines added to its configuration, and
// ends it with the test. Where mosquitto is not installed the test fails.
func StartMosquitto(t testing.TB, lines ...string) *Mosquitto {
	t.Helper()
	m := &Mosquitto{t: t}
	m.begin("127.0.0.1", lines)
	return m
}

// begin configures it for an address and starts it.
func (m *Mosquitto) begin(host string, lines []string) {
	t := m.t
	t.Helper()
	dir := t.TempDir()
	port := FreePort(t)
	m.Addr, m.config = fmt.Sprintf("%s:%d", host, port), filepath.Join(dir, "mosquitto.conf")
	var b bytes.Buffer
	fmt.Fprintf(&b, "listener %d %s\npersistence true\npersistence_location %s/\n", port, host, dir)
	fmt.Fprintf(&b, "max_queued_messages 0\nmax_inflight_messages 100\n")
	if os.Getuid() == 0 {
		b.WriteString("user root\n") // else it gives up the rights to its own folder
	}
	open := true
	for _, line := range lines {
		fmt.Fprintln(&b, line)
		open = open && line != "allow_anonymous false"
	}
	if slices.Contains(lines, "protocol websockets") {
		fmt.Fprintf(&b, "listener %d %s\n", FreePort(t), host) // one with WebSockets alone does not start (2.0.11)
	}
	if open {
		b.WriteString("allow_anonymous true\n")
	}
	if err := os.WriteFile(m.config, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Start()
	t.Cleanup(m.Stop)
}

// Start starts it again after Stop, on the same port.
func (m *Mosquitto) Start() {
	m.t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // Debian puts it where users do not look
	}
	args := append(slices.Clone(m.within), program, "-c", m.config)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &m.output, &m.output
	cmd.SysProcAttr = m.attr
	if err := cmd.Start(); err != nil {
		m.t.Fatalf("start mosquitto (apt-get install mosquitto): %v", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	m.cmd, m.ended = cmd, ended
	deadline := time.After(20 * time.Second)
	for {
		if c, err := net.Dial("tcp", m.Addr); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			m.t.Fatalf("mosquitto ended: %s", m.output.String())
		case <-deadline:
			m.t.Fatalf("mosquitto does not listen: %s", m.output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends it, as a service manager would.
func (m *Mosquitto) Stop() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	m.Thaw()
	<-m.ended
	m.cmd = nil
}

// Freeze stops it in its tracks: connections stay and nothing answers. Thaw
// lets it go on.
func (m *Mosquitto) Freeze() { _ = m.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (m *Mosquitto) Thaw() { _ = m.cmd.Process.Signal(syscall.SIGCONT) }

// URL returns its address in the form of mqtt.Config.
func (m *Mosquitto) URL() string { return "mqtt://" + m.Addr }

// The ports of FreePort. The system gives none of them to a connection or a
// listener that asks for any: Linux begins at 32768.
const (
	firstPort = 12000
	ports     = 20000
)

var (
	begin  = rand.Uint32N(ports) // another in each process
	chosen atomic.Uint32
)

// FreePort returns a TCP port of 127.0.0.1 on which nobody listens, each time
// another. One that the system chooses may be given to anybody else, such as
// the next connection of a test beside this one, before it is used.
func FreePort(t testing.TB) int {
	t.Helper()
	for range ports {
		port := firstPort + int((begin+chosen.Add(1))%ports)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// output collects what a process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
