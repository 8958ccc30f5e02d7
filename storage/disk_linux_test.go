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
	"sync/atomic"
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

// resize gives the disk of mount another size.
func resize(t *testing.T, dir, size string) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}

// counted counts the commits of a store.
func counted(o *Options) *atomic.Int64 {
	var n atomic.Int64
	o.Committed = func(time.Duration) { n.Add(1) }
	return &n
}

// TestDiskFull fills a disk with events that are not delivered.
func TestDiskFull(t *testing.T) {
	for _, dropOldest := range []bool{false, true} { // never for want of disk
		t.Run(fmt.Sprint("drop oldest ", dropOldest), func(t *testing.T) {
			disk := mount(t, 20<<20)
			synctest.Test(t, func(t *testing.T) { fillDisk(t, disk, dropOldest) })
		})
	}
}

func fillDisk(t *testing.T, disk string, dropOldest bool) {
	o := testOptions()
	o.MaxSize, o.DropOldest = 64<<20, dropOldest
	commits := counted(&o)
	dir := filepath.Join(disk, "store")
	l := openLog(t, dir, o)
	n, err := fill(l, 1<<20)
	full := func(when string) {
		t.Helper()
		if !errors.Is(err, ErrNoSpace) || !errors.Is(l.Ready(), ErrNoSpace) {
			t.Fatalf("%s: %v, ready: %v, %+v", when, err, l.Ready(), l.Stats())
		}
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], dir) {
			t.Errorf("%s: problems: %q", when, p)
		}
	}
	full("filled")
	if s := l.Stats(); s.Records != n || n < 10_000 || s.Dropped > 0 || !s.NearlyFull || s.Full {
		t.Errorf("%d events were stored, %+v", n, s)
	}

	// Whoever posts costs nothing: no commit, and nothing is written.
	before, wrote := commits.Load(), written(t)
	for i := range 1000 {
		if _, err = l.Append(context.Background(), []Entry{event(fmt.Sprint("refused ", i))}); err == nil {
			t.Fatal("stored")
		}
	}
	if got := commits.Load() - before; got > 0 {
		t.Errorf("%d commits for what was refused", got)
	}
	if got := written(t) - wrote; got >= pageSize { // 8 bytes are what Go's runtime writes to wake itself
		t.Errorf("%d bytes written for what was refused", got)
	}
	full("after many posts")

	// Cursors and entries go on, by the pages that are kept for them.
	l.commit("desk", Update{Position: uint64(n), Put: map[string][]byte{"k": make([]byte, 100_000)}})
	_, err = fill(l, 8)
	full("after a commit of a cursor")

	// Delivery alone makes room.
	l.pass(uint64(n / 2))
	if err := l.Ready(); err != nil || l.Stats().NearlyFull {
		t.Errorf("with half of it delivered: %v, %+v", err, l.Stats())
	}
	m, err := fill(l, 1<<20)
	full("filled again")
	if m < n/3 {
		t.Errorf("stored again: %d, before %d", m, n)
	}
	if s := l.Stats(); int(s.FirstSequence) < n/3 || s.Undelivered != n+m-n/2 {
		t.Errorf("%+v", s)
	}

	// Room alone makes room, and nobody has to ask for it.
	resize(t, disk, "40m")
	time.Sleep(probeEvery + time.Second)
	synctest.Wait()
	if err := l.Ready(); err != nil || len(l.Problems()) != 0 {
		t.Errorf("with room again: %v, %q", err, l.Problems())
	}
	more, err := fill(l, 2000)
	if err != nil {
		t.Error(err)
	}
	l.stop()
	l = openLog(t, dir, o)
	if s := l.Stats(); s.Undelivered != n+m+more-n/2 || s.Dropped > 0 {
		t.Errorf("%+v, want %d that are not delivered", s, n+m+more-n/2)
	}
}

// TestDiskFullOfWhatIsDelivered goes on for ever.
func TestDiskFullOfWhatIsDelivered(t *testing.T) {
	o := testOptions()
	o.MaxSize = 64 << 20
	l := openLog(t, mount(t, 12<<20), o)
	for range 40 {
		if _, err := fill(l, 1000); err != nil {
			t.Fatal(err, l.Stats())
		}
		l.pass(l.Stats().LastSequence)
		if err := l.Ready(); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Records < 4000 || s.Dropped > 0 || s.NearlyFull {
		t.Errorf("%+v", s)
	}
}

// TestDiskFullFromTheBeginning has no place for the ballast.
func TestDiskFullFromTheBeginning(t *testing.T) {
	disk := mount(t, 2<<20)
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxSize = 64 << 20
		l := openLog(t, disk, o)
		n, err := fill(l, 1<<20)
		if !errors.Is(err, ErrNoSpace) || n < 100 {
			t.Fatalf("after %d events: %v", n, err)
		}
		l.pass(l.Stats().LastSequence)
		if err := l.Ready(); err != nil {
			t.Errorf("all is delivered: %v, %+v", err, l.Stats())
		}
		if _, err := fill(l, 2*n); !errors.Is(err, ErrNoSpace) {
			t.Errorf("full again: %v", err)
		}
		resize(t, disk, "16m")
		time.Sleep(probeEvery + time.Second)
		synctest.Wait()
		if err := l.Ready(); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}

// TestTheFileIsLongerThanEventsNeed has blocks of the disk behind all of it.
func TestTheFileIsLongerThanEventsNeed(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.MaxSize = 64 << 20
	l := openLog(t, dir, o)
	look := func() {
		t.Helper()
		info := fileInfo(t, dir)
		if got := info.Size() - l.Stats().Bytes; got < 4<<20 {
			t.Errorf("%d bytes of %d are for other than events, %+v", got, info.Size(), l.Stats())
		}
		if got := info.Sys().(*syscall.Stat_t).Blocks * 512; got < info.Size() {
			t.Errorf("%d bytes have %d on the disk", info.Size(), got)
		}
		if info.Size() > o.MaxSize {
			t.Errorf("it has %d bytes", info.Size())
		}
	}
	look()
	for range 70 {
		if _, err := fillWith(l, 800, 1000, 200); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		look()
	}
	if !errors.Is(l.Ready(), ErrFull) {
		t.Errorf("%+v", l.Stats())
	}
}

// TestACopyWithHoles has what somebody's copying left out.
func TestACopyWithHoles(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	l := openLog(t, dir, o)
	if _, err := fill(l, 2000); err != nil {
		t.Fatal(err)
	}
	l.pass(1900)
	l.stop()
	for _, size := range []int64{l.writer.size.high, 6 << 20} { // without its end, and with a long hole there
		if err := os.Truncate(storePath(dir), size); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, dir, o)
		info := fileInfo(t, dir)
		if got := info.Sys().(*syscall.Stat_t).Blocks * 512; got < info.Size() || info.Size()-l.Stats().Bytes < 1<<20 {
			t.Errorf("%d bytes have %d on the disk, %+v", info.Size(), got, l.Stats())
		}
		if len(l.sequences()) != 2000 {
			t.Errorf("%+v", l.Stats())
		}
		l.stop()
	}
}

// TestDiskFullDuringLoad has many callers meet the end of the disk: whoever
// was answered well is stored.
func TestDiskFullDuringLoad(t *testing.T) {
	disk := mount(t, 10<<20)
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
		if got := len(l.sequences()); got != len(good) || got < 1000 {
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
