package storage

import (
	"context"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A Match says what Forget removes; a nil function matches nothing.
type Match struct {
	Record func(Record) bool
	Entry  func(cursor, name string) bool
	Item   func(list string, data []byte) bool
}

// Forgotten says what Forget has removed.
type Forgotten struct {
	Records     int
	Undelivered int // of these, not passed by every cursor that delivers
	Items       int // entries of cursors, and items of lists
}

// Forget writes the store of a stopped agent anew, without what m matches: its
// bytes are then nowhere in the file. The ids of the records stay, so that an
// event that comes again is not taken. Errors are those of Compact.
func Forget(ctx context.Context, dir string, m Match, check func(ctx context.Context, path string) error) (Forgotten, error) {
	f := forgetting{match: m}
	if err := writeAnew(ctx, dir, check, f.keep, func(tx *bolt.Tx) { f.slowest = slowestPosition(tx) }); err != nil {
		return Forgotten{}, fmt.Errorf("forget in store %s: %w", dir, err)
	}
	return f.found, nil
}

// A forgetting is what one Forget looks for, and has found.
type forgetting struct {
	ctx     context.Context // of Log.Forget
	match   Match
	slowest uint64 // the lowest position that delivers
	found   Forgotten
}

// keep is that of source.
func (f *forgetting) keep(v value) bool {
	cursor, isEntry := strings.CutPrefix(v.bucket, prefixCursor)
	list, isItem := strings.CutPrefix(v.bucket, prefixList)
	m := &f.match
	switch payload, _ := v.payload(); {
	case v.bucket == string(bucketEvents):
		r, ok := v.record()
		if !ok || m.Record == nil || !m.Record(r) {
			return true
		}
		if f.found.Records++; r.Sequence > f.slowest {
			f.found.Undelivered++
		}
	case isEntry && m.Entry != nil && m.Entry(cursor, string(v.key[1:])), isItem && m.Item != nil && m.Item(list, payload):
		f.found.Items++
	default:
		return true
	}
	return false
}
