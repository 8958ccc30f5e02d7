package storage

import (
	"context"
	"errors"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestMoreThanIsRemembered: of a store with more records than ids are remembered
// of all are known when it is opened, and the newest ids.
func TestMoreThanIsRemembered(t *testing.T) {
	dir := memory(t)
	const n = remembered + 3000
	o := testOptions()
	o.MaxSize = 64 << 20
	l := openLog(t, dir, o)
	for i := 0; i < n; i += 1000 {
		l.append(events(i, 1000)...)
	}
	l.pass(n)
	l.stop()
	gone := []uint64{1, 2, 700, 701, 3000, 3001, n - 1} // as damage may have it
	rewrite(t, storePath(dir), func(tx *bolt.Tx) (err error) {
		for _, seq := range gone {
			err = errors.Join(err, tx.Bucket(bucketEvents).Delete(sequenceKey(seq)))
		}
		return err
	})
	h, err := openHandle(context.Background(), storePath(dir), boltOptions(&o))
	if err != nil {
		t.Fatal(err)
	}
	s, err := look(h, &o)
	if err := errors.Join(err, h.close()); err != nil {
		t.Fatal(err)
	}
	var want ledger
	for i, e := range events(0, n) {
		seq := uint64(i + 1)
		there := !slices.Contains(gone, seq)
		if there {
			want.add(seq, dataAt+len(e.Data))
		}
		if _, known := s.ids.find(e.ID); known != (there && seq > n-remembered) {
			t.Errorf("event %d: its id is known: %v", seq, known)
		}
	}
	if s.ledger.records != want.records || s.ledger.bytes != want.bytes || !slices.Equal(s.ledger.blocks, want.blocks) {
		t.Errorf("%d records of %d bytes, want %d of %d", s.ledger.records, s.ledger.bytes, want.records, want.bytes)
	}
}
