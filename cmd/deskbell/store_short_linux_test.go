package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"deskbell/storage"
)

// TestAShortMachineDamagesNoStore: taken for damaged, a store that nobody could look through was replaced by an empty one.
func TestAShortMachineDamagesNoStore(t *testing.T) {
	for _, said := range []string{
		"runtime: failed to create new OS thread (have 4 already; errno=11)", "runtime/cgo: pthread_create failed: Resource temporarily unavailable",
		"fatal error: runtime: out of memory", "fatal error: runtime: cannot allocate memory", "fatal error: failed to reserve page summary memory",
		"runtime: epollcreate failed with 24\nfatal error: runtime: netpollinit failed", "runtime: eventfd failed with 24",
	} {
		for _, end := range []string{"exit 2", "kill -ABRT $$"} {
			_, exit, err := runApart(exec.Command("sh", "-c", fmt.Sprintf("echo '%s' >&2; %s", said, end)))
			if !errors.Is(err, storage.ErrUnchecked) || exit != nil {
				t.Errorf("%s, %s: %v, %v", said, end, exit, err)
			}
		}
	}
	_, exit, err := runApart(exec.Command("sh", "-c", "echo 'panic: page 7 already freed' >&2; exit 2"))
	if err != nil || exit == nil || !crashed(exit) {
		t.Errorf("a crash: %v, %v", exit, err)
	}
}

func TestAShortMachineIsToldFromADamagedStore(t *testing.T) {
	dir := t.TempDir()
	l, err := storage.Open(t.Context(), dir, storage.Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("deskbell")
	if err != nil {
		t.Fatal(err)
	}
	told := false // a limit that lets the program begin, and no more
	for files := 4; files <= 16; files++ {
		cmd := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, files), "sh", program, "check-store", filepath.Join(dir, "deskbell.db"))
		_, exit, err := runApart(cmd)
		switch {
		case exit != nil && (exit.ExitCode() == exitDamaged || crashed(exit)), err != nil && !errors.Is(err, storage.ErrUnchecked):
			t.Errorf("with %d files: %v, %v", files, exit, err)
		case exit != nil:
			told = true
		}
	}
	if !told {
		t.Error("no limit had the check itself fail")
	}
}
