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
	var f Forgotten
	var slowest uint64
	keep := func(v value) bool {
		cursor, isEntry := strings.CutPrefix(v.bucket, prefixCursor)
		list, isItem := strings.CutPrefix(v.bucket, prefixList)
		switch payload, _ := v.payload(); {
		case v.bucket == string(bucketEvents):
			r, ok := v.record()
			if !ok || m.Record == nil || !m.Record(r) {
				return true
			}
			if f.Records++; r.Sequence > slowest {
				f.Undelivered++
			}
		case isEntry && m.Entry != nil && m.Entry(cursor, string(v.key[1:])), isItem && m.Item != nil && m.Item(list, payload):
			f.Items++
		default:
			return true
		}
		return false
	}
	if err := writeAnew(ctx, dir, check, keep, func(tx *bolt.Tx) { slowest = slowestPosition(tx) }); err != nil {
		return Forgotten{}, fmt.Errorf("forget in store %s: %w", dir, err)
	}
	return f, nil
}
