package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func owner(info fs.FileInfo) string {
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(st.Uid, ":", st.Gid)
}

// TestKilledAtEachStep of a start that saves a damaged store: the kernel ends it
// at its first, second, ... call that changes a name or syncs. Whatever was
// reached, the next start has everything.
func TestKilledAtEachStep(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	p := newPatient(t)
	p.spoil(p.rootOf(p.commit, "events"))
	damaged, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	const calls = "linkat,renameat,renameat2,unlinkat,fsync,fdatasync,ftruncate"
	for step := 1; ; step++ {
		dir := t.TempDir()
		if err := os.WriteFile(storePath(dir), damaged, 0o640); err != nil {
			t.Fatal(err)
		}
		cmd := child(t.Context(), "start", dir)
		cmd.Args = append([]string{strace, "-f", "-o", os.DevNull, "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", calls, step)}, cmd.Args...)
		cmd.Path = strace
		out, err := cmd.CombinedOutput()
		killed := err != nil
		if killed && !strings.Contains(err.Error(), "killed") {
			t.Fatalf("step %d: %v\n%s", step, err, out)
		}
		l := openLog(t, dir, savedOptions())
		if got, want := len(l.sequences()), count(p.healthy, "events ")-1; got != want {
			t.Errorf("after a kill at step %d: %d events of %d", step, got, want)
		}
		if got := l.cursor("hub").Position(); got != 530 {
			t.Errorf("after a kill at step %d: hub is at %d", step, got)
		}
		l.stop()
		if got := namesIn(t, dir); len(got) > 2 {
			t.Errorf("after a kill at step %d: %q", step, got)
		}
		if !killed {
			if step < 4 {
				t.Errorf("%d steps", step)
			}
			return
		}
	}
}

// TestNoRoomToSave: the start waits, and goes on when there is room.
func TestNoRoomToSave(t *testing.T) {
	disk := mount(t, 16<<20)
	p := newPatient(t)
	p.spoil(p.rootOf(p.commit, "events"))
	data, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(disk, "store")
		if err := errors.Join(os.Mkdir(dir, 0o750), os.WriteFile(storePath(dir), data, 0o640), os.WriteFile(storePath(dir)+".damaged-1", []byte("of before"), 0o640)); err != nil {
			t.Fatal(err)
		}
		ballast := filepath.Join(disk, "ballast")
		_ = os.WriteFile(ballast, make([]byte, 15<<20), 0o600) // as much as there is room for
		var waits []error
		o := testOptions()
		o.Check = func(_ context.Context, path string) error { return checkTree(path) }
		o.Salvage = Salvage
		o.Waiting = func(why error) { waits = append(waits, why) }
		opened := make(chan *Log)
		go func() {
			l, err := Open(context.Background(), dir, o)
			if err != nil {
				t.Error(err)
			}
			opened <- l
		}()
		time.Sleep((1+2+4+8+16+32)*openAgain + 2*openLater + time.Second)
		synctest.Wait()
		if len(waits) != 9 || !errors.Is(waits[0], ErrNoSpace) {
			t.Errorf("waited for %q", waits)
		}
		if got := namesIn(t, dir); fmt.Sprint(got) != "[deskbell.db deskbell.db.damaged-1]" {
			t.Errorf("%q", got)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		l := runLog(t, <-opened)
		if got, want := len(l.sequences()), count(p.healthy, "events ")-1; got != want {
			t.Errorf("%d events of %d", got, want)
		}
		l.stop()
		if got := namesIn(t, dir); len(got) != 3 {
			t.Errorf("%q", got)
		}
	})
}

// TestNoRoomForTheFirstFile is the same for a store that was never there.
func TestNoRoomForTheFirstFile(t *testing.T) {
	disk := mount(t, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		ballast := filepath.Join(disk, "ballast")
		_ = os.WriteFile(ballast, make([]byte, 2<<20), 0o600)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		waits := 0
		o := testOptions()
		o.MaxSize = minSize
		o.Waiting = func(error) { waits++ }
		opened := make(chan *Log)
		go func() {
			l, err := Open(ctx, disk, o)
			if err != nil {
				t.Error(err)
			}
			opened <- l
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if waits != 1 {
			t.Errorf("waited %d times", waits)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		runLog(t, <-opened).stop()
	})
}

// TestSavedStoreIsOfTheSameMode and owner: whoever ran this, the agent must be
// able to use it.
func TestSavedStoreIsOfTheSameMode(t *testing.T) {
	p := newPatient(t)
	if err := os.Chmod(p.path, 0o604); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(p.path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	before := fileInfo(t, p.dir)
	p.spoil(0)
	openLog(t, p.dir, savedOptions()).stop()
	after := fileInfo(t, p.dir)
	if owner(before) != owner(after) || after.Mode() != fs.FileMode(0o604) {
		t.Errorf("%v of %s, was %v of %s", after.Mode(), owner(after), before.Mode(), owner(before))
	}
}
