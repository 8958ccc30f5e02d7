package storage

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"
)

// TestSentAgainAfterTheFileWasMadeAnew has a commit fail, the file made anew and
// the event sent again: it is not known then, and is to be stored.
func TestSentAgainAfterTheFileWasMadeAnew(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(event("good"))
	l.stopRun() // this goroutine is the writer now
	l.state = running
	w := l.writer
	w.ctx = context.Background()
	send := func() *request {
		r := l.request([]Entry{event("again")})
		r.seqs = make([]uint64, 1)
		l.queue = append(l.queue, r)
		return r
	}

	// As round does it, on a disk that is full.
	send()
	w.take()
	w.plan(w.clock.read())
	if commit, err := w.begin(false); !commit || err != nil {
		t.Fatal(commit, err)
	}
	if err := w.failed(1<<30, &fs.PathError{Op: "write", Path: l.path, Err: syscall.ENOSPC}); err == nil {
		t.Fatal("it did not fail")
	}
	w.ids.undo()
	w.stuck, w.size.starved = stuck{}, false // there is room again

	if err := w.rebuild(w.ctx, nil); err != nil {
		t.Fatal(err)
	}
	r := send()
	if err := w.round(false); err != nil || r.err != nil {
		t.Fatal(err, r.err)
	}
	if got, err := l.Get(2); err != nil || string(got.Data) != "again" || r.seqs[0] != 2 {
		t.Errorf("answered %v: %v", r.seqs, err)
	}
}

// TestMadeAnewAmidABatch has the file made anew to find room for a batch: what
// is stored then is known when it is sent again.
func TestMadeAnewAmidABatch(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(event("good"))
	l.stopRun()
	l.state = running
	w := l.writer
	w.ctx = context.Background()
	for n := range 2 {
		r := l.request([]Entry{event("again")})
		r.seqs = make([]uint64, 1)
		l.queue = append(l.queue, r)
		w.take()
		now := w.clock.read()
		w.plan(now)
		if n == 0 {
			if commit, err := w.begin(false); !commit || err != nil {
				t.Fatal(commit, err)
			}
			// As in makeRoom.
			fresh := w.fresh
			w.fresh = nil
			if err := w.rebuild(w.ctx, nil); err != nil {
				t.Fatal(err)
			}
			w.fresh = fresh
			if err := w.commit(now); err != nil {
				t.Fatal(err)
			}
		}
		if want := uint64(2 - 2*n); r.seqs[0] != want {
			t.Errorf("answered %d, want %d", r.seqs[0], want)
		}
	}
}

// TestRoomReturnsWhileNothingComes has a commit of events alone fail: that there
// is room again shows although none comes.
func TestRoomReturnsWhileNothingComes(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(event("good"))
	l.stopRun()
	l.state = running
	w := l.writer
	w.ctx = context.Background()
	w.dirty = false // the one before was a commit of everything
	r := l.request([]Entry{event("lost")})
	r.seqs = make([]uint64, 1)
	l.queue = append(l.queue, r)
	w.take()
	w.plan(w.clock.read())
	if commit, err := w.begin(false); !commit || err != nil {
		t.Fatal(commit, err)
	}
	if err := w.failed(1<<30, &fs.PathError{Op: "write", Path: l.path, Err: syscall.ENOSPC}); err == nil {
		t.Fatal("it did not fail")
	}
	w.ids.undo()
	l.armed = time.Time{}
	w.assess()
	if l.Ready() == nil || l.armed.IsZero() {
		t.Errorf("ready: %v, and nothing is to be tried", l.Ready())
	}
	for range 2 { // the disk is asked, and a commit tried
		w.stuck.at, w.probed, w.size.tried = time.Time{}, time.Time{}, time.Time{}
		l.armed = time.Time{}
		w.tick()
	}
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
}

// TestSavedBeforeASwap is of what is saved when the file is exchanged: it goes into
// the new one although nothing else comes.
func TestSavedBeforeASwap(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 3)...)
	l.stopRun()
	l.state = running
	l.cursor("hub").Save(Update{Position: 2})
	l.armed = time.Time{} // the timer has fired
	l.writer.ctx = context.Background()
	if err := l.writer.rebuild(l.writer.ctx, nil); err != nil {
		t.Fatal(err)
	}
	if !l.dirty || l.armed.IsZero() {
		t.Error("nothing is to be stored")
	}
}

// TestBrokenAmidABatch has the file made anew to find room for a batch, under a
// name that cannot be made durable: the batch is not stored then.
func TestBrokenAmidABatch(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(event("good"))
	l.stopRun()
	l.state = running
	w := l.writer
	w.ctx = context.Background()
	r := l.request([]Entry{event("another")})
	r.seqs = make([]uint64, 1)
	l.queue = append(l.queue, r)
	w.take()
	w.plan(w.clock.read())
	if commit, err := w.begin(false); !commit || err != nil {
		t.Fatal(commit, err)
	}
	_ = w.breaks(syscall.EIO) // as swap does it
	if err := w.commit(w.clock.read()); !errors.Is(err, ErrBroken) {
		t.Errorf("commit: %v", err)
	}
	if _, err := l.Get(2); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
