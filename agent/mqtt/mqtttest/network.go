//go:build linux

package mqtttest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// A Network is one of its own beside this machine's, with a wire between the
// two. It ends with the test, or with the test's process.
type Network struct {
	Addr string // of the other end of the wire; no port

	t    testing.TB
	pid  int    // of a process that holds it
	here string // our address
	wire string // the name of our end; the other has the same
}

var networks atomic.Uint32

// NewNetwork makes a network, or skips the test where that is not permitted.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	for _, program := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("a network of its own needs iproute2 and util-linux: %v", err)
		}
	}
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	end, err := holder.StdinPipe() // closed with this process, however that ends
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Skipf("a network of its own needs root (CAP_SYS_ADMIN): %v", err)
	}
	// Of the addresses meant for the measuring of networks (RFC 2544), four
	// for each wire.
	n := networks.Add(1)
	number := (uint32(os.Getpid())*16 + n) & 0x7fff * 4
	address := func(host uint32) string {
		return fmt.Sprintf("198.%d.%d.%d", 18+number>>16, number>>8&255, number&255+host)
	}
	w := &Network{t: t, Addr: address(2), here: address(1), pid: holder.Process.Pid, wire: fmt.Sprintf("bell%d.%d", os.Getpid(), n)}
	t.Cleanup(func() { w.end(end, holder) })
	if out, err := exec.Command("ip", "link", "add", w.wire, "type", "veth", "peer", "name", w.wire, "netns", strconv.Itoa(w.pid)).CombinedOutput(); err != nil {
		t.Skipf("a wire to a network of its own needs root (CAP_NET_ADMIN) and veth: %v %s", err, out)
	}
	w.do("ip", "addr", "add", w.here+"/30", "dev", w.wire)
	w.do("ip", "link", "set", w.wire, "up")
	w.inside("ip", "addr", "add", w.Addr+"/30", "dev", w.wire)
	w.inside("ip", "link", "set", "lo", "up")
	w.Plug()
	return w
}

func (w *Network) end(held io.Closer, holder *exec.Cmd) {
	_ = exec.Command("ip", "link", "del", w.wire).Run() // it goes with the holder, but later
	_ = held.Close()
	_ = holder.Wait()
}

// Unplug pulls the wire: nothing arrives any more, on either side, and nobody
// is told.
func (w *Network) Unplug() { w.inside("ip", "link", "set", w.wire, "down") }

// Plug ends Unplug.
func (w *Network) Plug() { w.inside("ip", "link", "set", w.wire, "up") }

// Silence lets nothing out of the network; what is sent there arrives.
func (w *Network) Silence() { w.inside("ip", "route", "add", "blackhole", w.here) }

// Speak ends Silence.
func (w *Network) Speak() { w.inside("ip", "route", "del", "blackhole", w.here) }

// StartMosquitto is StartMosquitto in the network.
func (w *Network) StartMosquitto(lines ...string) *Mosquitto {
	w.t.Helper()
	m := &Mosquitto{t: w.t, within: []string{"nsenter", "-t", strconv.Itoa(w.pid), "-n"},
		attr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}} // else it would keep the network
	m.begin(w.Addr, lines)
	return m
}

func (w *Network) inside(command ...string) {
	w.t.Helper()
	w.do("nsenter", append([]string{"-t", strconv.Itoa(w.pid), "-n"}, command...)...)
}

func (w *Network) do(program string, args ...string) {
	w.t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s %s: %v %s", program, strings.Join(args, " "), err, out)
	}
}
