package storage

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestSalvageStopsReadingInTime: what it has then is a store.
func TestSalvageStopsReadingInTime(t *testing.T) {
	p := newPatient(t)
	to := filepath.Join(t.TempDir(), fileName)
	r, err := salvageWithin(context.Background(), -time.Second, p.path, to, 1<<30)
	if err != nil || r.Whole() || r.Records > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := Check(to); err != nil {
		t.Error(err)
	}
}

// TestWhoWaitsForTheFileMayBeTold that it need not any more.
func TestWhoWaitsForTheFileMayBeTold(t *testing.T) {
	dir := t.TempDir()
	openLog(t, dir, testOptions()).stop()
	db, err := bolt.Open(storePath(dir), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := openBolt(ctx, storePath(dir), &bolt.Options{ReadOnly: true, Timeout: lockTimeout}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhatIsPutBackIsStoredLater: a commit that found no room takes nothing with
// it that was saved.
func TestWhatIsPutBackIsStoredLater(t *testing.T) {
	dir := t.TempDir()
	first := openLog(t, dir, testOptions())
	first.append(events(0, 3)...)
	first.stop()
	l, err := Open(context.Background(), dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	desk, err := l.Cursor("desk")
	if err != nil {
		t.Fatal(err)
	}
	desk.Save(Update{Position: 2, Put: map[string][]byte{"k": []byte("v")}, Hold: []uint64{1}})
	w := l.writer
	w.take()
	w.plan(w.clock.read())
	if commit, err := w.begin(true); !commit || err != nil {
		t.Fatal(commit, err)
	}
	w.putBack()
	if !w.dirty {
		t.Error("nothing is to be stored")
	}
	if err := errors.Join(w.round(true), l.Close()); err != nil {
		t.Fatal(err)
	}
	c := openLog(t, dir, testOptions()).cursor("desk")
	entries, err := c.Entries()
	if err != nil || c.Position() != 2 || string(entries["k"]) != "v" || len(c.Held()) != 1 {
		t.Errorf("at %d with %q, %v held, %v", c.Position(), entries, c.Held(), err)
	}
}
