package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// mount puts a disk of so many bytes at a folder, which needs root.
func mount(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", bytes)); err != nil {
		if errors.Is(err, syscall.EPERM) && os.Geteuid() != 0 {
			t.Skip("mounting a small disk needs root")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	disk := mount(t, 4<<20)
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxSize = 64 << 20
		dir := filepath.Join(disk, "store")
		l := openLog(t, dir, o)
		n, err := fill(l, 1<<20)
		if !errors.Is(err, ErrNoSpace) || !errors.Is(l.Ready(), ErrNoSpace) {
			t.Fatalf("after %d events: %v, ready: %v", n, err, l.Ready())
		}
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], dir) {
			t.Errorf("problems: %q", p)
		}
		if got := l.Stats().Records; got != n {
			t.Errorf("%d records, %d were stored", got, n)
		}

		// Cursors go on, for that needs no room that is not there already.
		l.commit("hub", Update{Position: 2, Put: map[string][]byte{"k": []byte("v")}})
		if _, err := fill(l, 200); !errors.Is(err, ErrNoSpace) {
			t.Errorf("still full: %v", err)
		}
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
		l.cursor("hub").Save(Update{Position: 3})
		time.Sleep(probeEvery + flushAfter)
		synctest.Wait()
		if err := l.Ready(); err != nil || len(l.Problems()) != 0 {
			t.Errorf("with room again: %v, %q", err, l.Problems())
		}
		if _, err := fill(l, 200); err != nil {
			t.Error(err)
		}
		l.stop()
		l = openLog(t, dir, o)
		if got := l.Stats().Records; got != n+200 || l.cursor("hub").Position() != 3 {
			t.Errorf("%d records, want %d, hub at %d", got, n+200, l.cursor("hub").Position())
		}
	})
}

// TestDiskFullDuringLoad has many callers meet the end of the disk: whoever
// was answered well is stored.
func TestDiskFullDuringLoad(t *testing.T) {
	disk := mount(t, 3<<20)
	o := testOptions()
	o.MaxSize = 64 << 20
	l := openLog(t, disk, o)
	var mu sync.Mutex
	good := make(map[uint64]string)
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for i, failed := 0, 0; failed < 3; i++ {
				text := fmt.Sprint(caller, "-", i, strings.Repeat("x", 700))
				seqs, err := l.Append(context.Background(), []Entry{event(text)})
				switch {
				case err == nil:
					mu.Lock()
					good[seqs[0]] = text
					mu.Unlock()
				case errors.Is(err, ErrNoSpace):
					failed++
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for range 2 {
		if got := len(l.sequences()); got != len(good) {
			t.Errorf("%d events, %d were answered well", got, len(good))
		}
		for seq, text := range good {
			if r, err := l.Get(seq); err != nil || string(r.Data) != text {
				t.Fatalf("event %d: %q, %v", seq, r.Data, err)
			}
		}
		l.stop()
		l = openLog(t, disk, o)
	}
}

// TestNotPermitted runs without the rights of root.
func TestNotPermitted(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(dir string) error
		want    error
	}{
		{"a folder that may not be made", func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Chmod(filepath.Dir(dir), 0o555))
		}, syscall.EACCES},
		{"a folder that may not be read", func(dir string) error { return os.Chmod(dir, 0) }, syscall.EACCES},
		{"a folder that may not be written", func(dir string) error {
			return errors.Join(os.Remove(storePath(dir)), os.Chmod(dir, 0o555))
		}, syscall.EACCES},
		{"a file that may not be read", func(dir string) error { return os.Chmod(storePath(dir), 0) }, syscall.EACCES},
		{"a file that may not be written", func(dir string) error { return os.Chmod(storePath(dir), 0o444) }, syscall.EACCES},
		{"a folder in place of the file", func(dir string) error {
			return errors.Join(os.Remove(storePath(dir)), os.Mkdir(storePath(dir), 0o755))
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "store")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			filled(t, dir, 3)
			if err := test.prepare(dir); err != nil {
				t.Fatal(err)
			}
			o := testOptions()
			o.Check = func(context.Context, string) error { t.Error("it was checked"); return nil }
			err := withoutRights(t, above, func() error {
				l, err := Open(context.Background(), dir, o)
				if err == nil {
					_ = l.Close()
				}
				return err
			})
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v", err)
			}
			if aside, _ := filepath.Glob(storePath(dir) + ".damaged*"); len(aside) > 0 {
				t.Errorf("it was taken for damage: %q", aside)
			}
			_ = os.Chmod(above, 0o755)
			_ = os.Chmod(dir, 0o755)
		})
	}
}

// TestReadOnlyDisk is what a card becomes that fails.
func TestReadOnlyDisk(t *testing.T) {
	dir := mount(t, 4<<20)
	filled(t, dir, 3)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if l, err := Open(context.Background(), dir, testOptions()); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), storePath(dir)) {
		t.Errorf("%v, %v", l, err)
	}
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.Records != 3 {
		t.Errorf("%+v", s)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// withoutRights calls f as the user nobody, who owns above and what is in it.
// Only the thread of f changes its user.
func withoutRights(t *testing.T, above string, f func() error) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return f()
	}
	const nobody = 65534
	if err := filepath.Walk(above, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	}); err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		// The thread ends with the goroutine, for it is never unlocked.
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
			result <- errno
			return
		}
		result <- f()
	}()
	return <-result
}
