package storage

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestSyncError is a commit whose last sync fails: bbolt cannot undo it any
// more, but nobody here may see it.
func TestSyncError(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(event("good"))
	l.stopRun()

	// Up to that sync it is a commit like any other.
	w := l.writer
	r := l.request([]Entry{event("doubtful")})
	r.seqs = make([]uint64, 1)
	w.queue = append(w.queue, r)
	w.take()
	w.plan(w.clock.read())
	if commit, err := w.begin(false); !commit || err != nil {
		t.Fatal(commit, err)
	}
	id, err := w.store(w.handle.Load().db, w.clock.read())
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		if noRoom, broken := w.explain(id, cause); noRoom != nil || !errors.Is(broken, cause) {
			t.Errorf("%v: %v, %v", cause, noRoom, broken)
		}
	}
	if err := w.failed(id, syscall.EIO); !errors.Is(err, ErrBroken) {
		t.Error(err)
	}
	if got := l.sequences(); len(got) != 1 {
		t.Errorf("seen: %v", got)
	}
	if _, err := l.Get(2); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get(2): %v", err)
	}
	l.state = running
	if err := l.Ready(); !errors.Is(err, ErrBroken) || len(l.Problems()) != 1 {
		t.Errorf("ready: %v, %q", err, l.Problems())
	}
	if _, err := l.Append(context.Background(), events(0, 1)); !errors.Is(err, ErrBroken) {
		t.Errorf("Append: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	// It was not answered well, and may be there all the same: sent again it is
	// stored once.
	l = openLog(t, dir, testOptions())
	l.append(event("doubtful"))
	if got := l.sequences(); len(got) != 2 {
		t.Errorf("after a restart: %v", got)
	}
}

// TestWriteError takes the file away beneath the store.
func TestWriteError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		changed := make(chan struct{}, 1)
		o := testOptions()
		o.Changed = func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		l := openLog(t, dir, o)
		l.append(events(0, 3)...)
		synctest.Wait()
		<-changed
		if err := l.handle.Load().file.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(context.Background(), events(3, 1)); !errors.Is(err, ErrBroken) {
			t.Errorf("Append: %v", err)
		}
		<-changed
		if err := l.Ready(); !errors.Is(err, ErrBroken) {
			t.Errorf("Ready: %v", err)
		}
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "restarted") {
			t.Errorf("problems: %q", p)
		}
		if err := l.cursor("hub").Commit(context.Background(), Update{Position: 3}); !errors.Is(err, ErrBroken) {
			t.Errorf("Commit: %v", err)
		}
		if got := l.sequences(); len(got) != 3 {
			t.Errorf("reading goes on: %v", got)
		}
		time.Sleep(time.Minute)
		l.cancel()
		l.cancel = nil
		if err := <-l.ended; !errors.Is(err, ErrBroken) {
			t.Errorf("Run: %v", err)
		}
		if err := l.Close(); err == nil {
			t.Error("Close closes a closed file")
		}
	})
}
