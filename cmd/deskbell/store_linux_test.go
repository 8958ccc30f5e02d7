package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deskbell/storage"
)

// TestChildrenDieWithTheAgent: one that lived on would keep the next agent from
// the store. Stopped, it does not end by itself.
func TestChildrenDieWithTheAgent(t *testing.T) {
	p := newProgram(t, "", "")
	p.start()
	p.stop()
	// Somebody has the file, so the child that looks it through waits.
	f, err := os.Open(filepath.Join(p.dir, "deskbell.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(p.path, "run", "--config", p.config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := 0
	p.eventually("the store is looked through", func() bool {
		out, _ := exec.Command("pgrep", "-P", fmt.Sprint(cmd.Process.Pid)).Output()
		_, err := fmt.Sscan(string(out), &child)
		return err == nil && syscall.Kill(child, syscall.SIGSTOP) == nil
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	p.eventually("the child is dead", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

// TestSalvageStore is what the agent runs on a damaged store.
func TestSalvageStore(t *testing.T) {
	dir := t.TempDir()
	l, err := storage.Open(t.Context(), dir, storage.Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	from, to := filepath.Join(dir, "deskbell.db"), filepath.Join(dir, "saved")
	program, err := exec.LookPath("deskbell")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "salvage-store", from, to, "1000000").Output()
	if err != nil || string(out) != `{"records":0,"places":0,"missing":0}`+"\n" {
		t.Errorf("%q, %v", out, err)
	}
	out, err = exec.Command(program, "salvage-store", from, to, "1000000").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "file exists") {
		t.Errorf("over a file: %q, %v", out, err)
	}
	if err := storage.Check(to); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := salvageStore(ended, from, filepath.Join(dir, "another"), 1000000, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
