package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deskbell/packaging/bench/load"
)

func TestTheSameSeedGivesTheSamePlan(t *testing.T) {
	draw := func(seed uint64) (list []string) {
		for a := range plan(seed) {
			list = append(list, string(a.kind)+a.pause.String()+a.lasts.String()+pick(a.rand, "a", "b", "c"))
			if len(list) == 300 {
				return list
			}
		}
		return nil
	}
	first, again, other := draw(7), draw(7), draw(8)
	if strings.Join(first, ",") != strings.Join(again, ",") || strings.Join(first, ",") == strings.Join(other, ",") {
		t.Error("the plan does not follow from the seed")
	}
	for _, k := range kinds {
		if !strings.Contains(strings.Join(first, ","), string(k.kind)) {
			t.Errorf("300 actions without: %s", k.kind)
		}
	}
}

func TestWhatAnAgentMustNeverSay(t *testing.T) {
	for name, tt := range map[string]struct {
		log    string
		dumped bool
		faults int
	}{
		"nothing":                          {log: "level=INFO msg=ready\n"},
		"a panic":                          {log: "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n", faults: 2},
		"one of Go itself":                 {log: "fatal error: all goroutines are asleep\n\ngoroutine 1 [select]:\n", faults: 2},
		"a race":                           {log: "WARNING: DATA RACE\nRead at 0x1\n", faults: 1},
		"goroutines that it was asked for": {log: "SIGQUIT: quit\n\ngoroutine 1 [select]:\n\ngoroutine 2 gp=0x1 [running]:\n", dumped: true},
		"the word in a problem":            {log: "level=WARN msg=\"looking it through ended in a crash\" error=\"panic: x\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &agent{dir: t.TempDir(), starts: 1}
			if err := os.WriteFile(a.log(), []byte(tt.log), 0o600); err != nil {
				t.Fatal(err)
			}
			var err error
			if a.output, err = os.Open(a.log()); err != nil {
				t.Fatal(err)
			}
			faults, goroutines, err := a.ended(tt.dumped)
			if err != nil || len(faults) != tt.faults || goroutines != strings.Count(tt.log, "goroutine ") {
				t.Errorf("%q, %d goroutines, %v", faults, goroutines, err)
			}
		})
	}
}

// TestProxy has a network that works, then swallows, then cuts, and then is not
// there.
func TestProxy(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	p, err := newProxy(echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.take(true)
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	says := func(deadline time.Duration) error {
		if _, err := io.WriteString(c, "hello"); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(deadline))
		_, err := io.ReadFull(c, make([]byte, 5))
		return err
	}
	if err := says(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	n, release := p.swallow()
	if err := says(50 * time.Millisecond); n != 1 || !os.IsTimeout(err) {
		t.Errorf("%d swallowed, then %v", n, err)
	}
	release()
	if err := says(10 * time.Second); err == nil || os.IsTimeout(err) {
		t.Errorf("cut: %v", err)
	}
	p.take(false)
	if c, err = net.Dial("tcp", p.address()); err == nil {
		if err := says(10 * time.Second); err == nil {
			t.Error("taken though closed")
		}
	}
}

func TestDuplicatesMustBeExplained(t *testing.T) {
	for name, tt := range map[string]struct {
		allowed, came int
		good          bool
	}{
		"none":              {good: true},
		"as many as may be": {allowed: 3, came: 3, good: true},
		"one too many":      {allowed: 3, came: 4},
		"without a cause":   {came: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			b := newBooks(&out, load.NewLedger())
			b.allow(cutLinks, tt.allowed)
			b.book(tt.came)
			if good := b.sum(1, "folder"); good != tt.good {
				t.Errorf("%t: %s", good, out.String())
			}
		})
	}
}

func TestMemoryThatGrowsIsNoticed(t *testing.T) {
	for name, tt := range map[string]struct {
		grows int64 // bytes a second
		files int
		good  bool
	}{
		"it does not":         {good: true},
		"it settles":          {grows: 100 << 10, good: true},
		"it grows":            {grows: 3 << 20},
		"files are left open": {files: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(io.Discard, load.NewLedger())
			b.began = time.Now().Add(-60 * time.Second)
			for i := range 60 {
				b.sized(size{at: b.began.Add(time.Duration(i) * time.Second), age: time.Minute, memory: 20<<20 + int64(i)*tt.grows, files: tt.files})
			}
			if text, fault := b.flat(); (fault == "") != tt.good {
				t.Errorf("%s: %s", text, fault)
			}
		})
	}
}

func TestMeasureLooksAtAProcess(t *testing.T) {
	s, err := measure(os.Getpid(), filepath.Join(t.TempDir(), "none"))
	if err != nil || s.memory < 1<<20 || s.files < 3 || s.threads < 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
