package storage

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// comes waits until something is so.
func comes(t *testing.T, what string, is func() bool) {
	t.Helper()
	over := time.After(20 * time.Second)
	for !is() {
		select {
		case <-over:
			t.Fatalf("not in 20 s: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestTheWriterTellsWhatItDoes: while it waits it does not work, whatever holds
// it up shows, and long work comes forward.
func TestTheWriterTellsWhatItDoes(t *testing.T) {
	var busy atomic.Bool
	var signs atomic.Int64
	hold := make(chan struct{}, 1)
	hold <- struct{}{}
	o := Options{MaxSize: 64 << 20, Keep: 1 << 60, Working: func(b bool) { busy.Store(b); signs.Add(1) }, Changed: func() { <-hold; hold <- struct{}{} }}
	l, err := Open(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	if busy.Load() || signs.Load() == 0 {
		t.Error("opened, it works, or never did")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	var es []Entry
	for i := range 1000 {
		e := Entry{Data: make([]byte, 1000)}
		e.ID[0], e.ID[1] = byte(i), byte(i>>8)
		es = append(es, e)
	}
	if _, err := l.Append(t.Context(), es); err != nil {
		t.Fatal(err)
	}
	comes(t, "it waits", func() bool { return !busy.Load() })
	<-hold
	go l.Append(t.Context(), []Entry{{ID: [16]byte{9, 9, 9}, Data: []byte("x")}}) //nolint:errcheck // it is answered before Changed
	comes(t, "it is held up", busy.Load)
	hold <- struct{}{}
	comes(t, "it waits again", func() bool { return !busy.Load() })
	before := signs.Load()
	if _, err := l.Forget(t.Context(), Match{Record: func(r Record) bool { return r.Sequence == 1 }}); err != nil {
		t.Fatal(err)
	}
	if n := signs.Load() - before; n < 1000/64 {
		t.Errorf("%d signs while 1000 records are written anew", n)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if busy.Load() {
		t.Error("ended, it works")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
