package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func open(t *testing.T, path string, o options) *store {
	t.Helper()
	s, err := openStore(path, o)
	if err != nil {
		t.Fatal(err)
	}
	s.db.NoSync = true
	return s
}

// keys returns how many there are in a bucket.
func (s *store) keys(t *testing.T, bucket []byte) (n int) {
	t.Helper()
	if err := s.db.View(func(tx *bolt.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// store commits n events of 1,000 bytes in one group.
func (s *store) store(t *testing.T, n int) []record {
	t.Helper()
	p := &post{}
	for range n {
		p.events = append(p.events, bytes.Repeat([]byte("x"), 1000))
	}
	records, err := s.commit([]*post{p})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestWhatWasStoredIsThereAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "floor.db")
	s := open(t, path, options{})
	records := s.store(t, 3)
	s.acknowledged(records[0])
	s.store(t, 1) // takes the first one away
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, options{})
	var got []uint64
	for _, r := range s.undelivered {
		got = append(got, r.sequence)
	}
	if fmt.Sprint(got) != "[2 3 4]" {
		t.Errorf("events %v", got)
	}
	if next := s.store(t, 1); next[0].sequence != 5 {
		t.Errorf("the next has %d", next[0].sequence)
	}
}

func TestKeptEventsAreTrimmedInRuns(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "floor.db"), options{keep: 1 << 20})
	for i := range 1500 {
		r := s.store(t, 1)[0]
		if i != 500 { // which is never delivered
			s.acknowledged(r)
		}
		if i == 999 && s.keys(t, bucketEvents) != 1000 {
			t.Fatalf("%d events of 1000 while there is room", s.keys(t, bucketEvents))
		}
	}
	if s.first != 501 || s.keys(t, bucketEvents) != 1000 {
		t.Errorf("%d events from %d on", s.keys(t, bucketEvents), s.first)
	}
}

func TestIDsOfACommitAreOneValue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "floor.db"), options{ids: true})
	s.store(t, 10)
	s.store(t, 1)
	if n := s.keys(t, bucketIDs); n != 2 {
		t.Errorf("%d values", n)
	}
	s.last += remembered
	s.store(t, 1)
	if n := s.keys(t, bucketIDs); n != 2 {
		t.Errorf("%d values once the first is too old", n)
	}
}

func TestLinesAreEvents(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "floor.db"), options{})
	stored := make(chan []record, 1)
	s.stored = func(rs []record) { stored <- rs }
	go s.run()
	if err := s.append([]byte("one\ntwo\nthree"), true); err != nil {
		t.Fatal(err)
	}
	if rs := <-stored; len(rs) != 3 || string(rs[1].data) != "two" {
		t.Errorf("%v", rs)
	}
}
