package main

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"deskbell/storage"
)

// TestLayout looks at a store of 400 events, half of them delivered, and damages
// it.
func TestLayout(t *testing.T) {
	dir := t.TempDir()
	l, err := storage.Open(t.Context(), dir, storage.Options{MaxSize: 8 << 20, Cursors: []storage.CursorSpec{{Name: "forward/hub", Delivers: true}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	const events = 400
	for i := range events {
		e := storage.Entry{Data: make([]byte, 1000)}
		binary.BigEndian.PutUint64(e.ID[:], uint64(i+1))
		if _, err := l.Append(ctx, []storage.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Cursor("forward/hub")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(ctx, storage.Update{Position: events / 2}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "deskbell.db")
	found, err := readLayout(path, "hub")
	if err != nil {
		t.Fatal(err)
	}
	if found.records != events || len(found.places[placeRoot]) != 1 || len(found.places[placeBranch]) == 0 || len(found.places[placeFree]) == 0 {
		t.Errorf("%d records, places %v", found.records, found.places)
	}
	if n := len(found.places[placeDelivered]); n < events/2/4 || n > events/2 {
		t.Errorf("%d pages of %d delivered events", n, events/2)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	what, _, err := found.damage(path, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i := range before {
		if before[i] != after[i] {
			changed++
		}
	}
	if changed == 0 || len(before) != len(after) {
		t.Errorf("nothing was damaged: %s", what)
	}
}
