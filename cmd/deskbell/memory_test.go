//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"deskbell/agent/mqtt/mqtttest"
)

// besideTheStore is the resident memory in bytes of a process, but for what is
// mapped of its store.
func besideTheStore(t testing.TB, pid int) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum, ofStore := int64(0), false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasSuffix(fields[0], ":") {
			ofStore = strings.HasSuffix(line, "deskbell.db")
		}
		if kb, ok := strings.CutPrefix(line, "Rss:"); ok && !ofStore {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n << 10
		}
	}
	return sum
}

func TestMemoryStaysFlatWithAFullStoreAndWhileItDrains(t *testing.T) {
	// The race detector's memory is its own, so this is about a plain build.
	plain := filepath.Join(t.TempDir(), "deskbell")
	if out, err := exec.Command("go", "build", "-o", plain, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	broker := mqtttest.StartMosquitto(t)
	broker.Stop()
	p := newProgram(t, "", "[storage]\nmax_size = \"64MiB\"\n"+hubForward(broker.Addr))
	p.path = plain
	p.start()
	const limit = 40 << 20
	most := int64(0)
	look := func() {
		t.Helper()
		if most = max(most, besideTheStore(t, p.cmd.Process.Pid)); most > limit {
			t.Fatalf("%d MiB beside the store", most>>20)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	c := load(ctx, p.url(), 16, 0, strings.Repeat("x", 4000))
	p.eventually("the store is full", func() bool { look(); return p.status().Storage.Full })
	stop()
	c.wg.Wait()
	full := most
	if n := p.status().Storage.Records; n < c.count() {
		t.Errorf("%d events answered 200, %d in the store", c.count(), n)
	}
	broker.Start()
	p.eventually("all is delivered", func() bool { look(); return p.status().Forward[0].Pending == 0 })
	t.Logf("%d events; beside the store %d MiB when full, %d MiB at most while draining", c.count(), full>>20, most>>20)
}
