package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
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

// mendStore is the child. The writer stays on its thread, so that its calls can
// be counted.
func mendStore(dir string) {
	l, err := Open(context.Background(), dir, testOptions())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	before, _ := os.Stat(storePath(dir))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()
		ended <- l.Run(ctx)
	}()
	for i := range 40 {
		seqs, err := l.Append(ctx, events(i, 1))
		switch {
		case err == nil:
			fmt.Println("stored", i, seqs)
			l.cursors[1].Save(Update{Position: seqs[0]})
		case errors.Is(err, ErrBroken):
			fmt.Println("refused", i, l.Problems())
			for began := time.Now(); l.Ready() != nil && time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			}
		default:
			fmt.Println("error", err)
		}
	}
	if err := l.cursors[1].Commit(ctx, Update{Position: l.Stats().LastSequence}); err != nil {
		fmt.Println(err)
	}
	cancel()
	fmt.Println("ended", <-ended)
	after, _ := os.Stat(storePath(dir))
	fmt.Println("the same file:", os.SameFile(before, after), "problems", l.Problems())
	_ = l.Close()
}
