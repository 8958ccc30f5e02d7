package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCopyOnAFullDisk(t *testing.T) {
	disk := mount(t, 1<<20)
	l := liveStore(t, t.TempDir())
	path := filepath.Join(disk, "copy")
	if err := build(context.Background(), path, l.source().values(context.Background())); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// TestCopyThatIsNotSynced has the kernel fail the last sync, in a child: those
// of bbolt are fdatasync.
func TestCopyThatIsNotSynced(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	path := filepath.Join(t.TempDir(), "copy")
	cmd := child(t.Context(), "build", path)
	cmd.Args = append([]string{strace, "-f", "-o", os.DevNull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO"}, cmd.Args...)
	cmd.Path = strace
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "input/output error") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}
