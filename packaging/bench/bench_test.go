package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"deskbell/packaging/bench/load"
)

func newTestBench(t *testing.T, rows string) *bench {
	b := &bench{
		extent: extent{Rounds: 1, Load: 200 * time.Millisecond, Away: time.Second, Idle: time.Second, Store: 8 << 20, Large: 8 << 20},
		dir:    t.TempDir(), root: "../..", wanted: regexp.MustCompile(rows), progress: t.Output(),
		samples: map[string][]sample{}, skipped: map[string]string{}, stores: map[int64]string{},
	}
	t.Cleanup(func() {
		if pids := children(t); len(pids) > 0 {
			t.Errorf("processes are left: %v", pids)
		}
		if left, _ := filepath.Glob(filepath.Join(b.dir, "mosquitto-*")); len(left) > 0 {
			t.Errorf("folders are left: %v", left)
		}
	})
	return b
}

// children of this process.
func children(t *testing.T) (pids []string) {
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(files) == 0 {
		t.Fatal("no threads", err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			pids = append(pids, strings.Fields(string(b))...)
		}
	}
	return pids
}

// TestMeasure has some rows measured with the real programs.
func TestMeasure(t *testing.T) {
	b := newTestBench(t, "^(speed-16|pin|away-lost|memory-full|start-cold)$")
	if err := b.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.faults) > 0 {
		t.Errorf("%q", b.faults)
	}
	for _, name := range []string{"speed-16", "cpu-16", "pin", "away-accepted", "away-lost", "away-order", "away-drained", "memory-full", "start-cold"} {
		if samples := b.samples[name]; len(samples) != 1 {
			t.Errorf("%s: %v", name, samples)
		}
	}
	for _, s := range b.samples["away-accepted"] {
		if s.Value != 1 {
			t.Errorf("accepted while the broker was away: %v", s.Value)
		}
	}
	var table strings.Builder
	if err := b.report().writeTable(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
}

// TestInterrupt ends a measurement amid its load.
func TestInterrupt(t *testing.T) {
	b := newTestBench(t, "^speed-16$")
	b.Load = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		// The load begins when both processes run.
		for len(children(t)) < 2 && load.Sleep(ctx, time.Millisecond) {
		}
		load.Sleep(ctx, 200*time.Millisecond)
		cancel()
	}()
	if err := b.measure(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhatFailsIsAFault has programs that end at once.
func TestWhatFailsIsAFault(t *testing.T) {
	b := newTestBench(t, "^(speed-1|first-200)$")
	b.programs = map[kind]string{floor: "/bin/false", deskbell: "/bin/false"}
	if err := b.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.faults) != 2 || b.skipped["speed-1"] == "" || b.skipped["first-200"] == "" {
		t.Errorf("faults %q, not measured: %q", b.faults, b.skipped)
	}
}

// TestLostEventsAreAFault has an event be accepted that nobody publishes.
func TestLostEventsAreAFault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	l := load.NewLedger()
	if err := (load.Poster{URL: server.URL, Posts: 1}).Run(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	b := newTestBench(t, "")
	b.judge(deskbell, l.Report(0), l)
	if len(b.faults) != 1 || !strings.Contains(b.faults[0], "1 events lost") {
		t.Errorf("%q", b.faults)
	}
}
