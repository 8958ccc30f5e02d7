package storage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A value is what one key of one bucket holds in the file, seal and all. With
// a nil key it says which sequence the bucket gave last.
type value struct {
	bucket   string
	key      []byte
	sealed   []byte
	sequence uint64
}

// payload returns what was sealed, if it is what was.
func (v value) payload() ([]byte, bool) { return unseal(v.key, v.sealed) }

// record returns the record that v is, with v's own Data.
func (v value) record() (r Record, ok bool) {
	if v.bucket != string(bucketEvents) {
		return Record{}, false
	}
	return parseRecord(v.key, v.sealed)
}

// batchBytes is about how much one transaction of a copy reads or writes.
const batchBytes = 1 << 20

// syncedBatches is after how many of them a copy is synced: else the last sync
// would take as long as the whole copy, and nobody knew before.
const syncedBatches = 16

// build makes a store file of values at path, where nothing may be yet. The
// file is durable when build returns, its name is not. After an error there is
// no file. A value is used up when the next one is asked for; of two with one key
// the later one stays.
func build(ctx context.Context, path string, values iter.Seq2[value, error]) (err error) {
	// Errors of writing that come late are told to those who have the file open:
	// this one does from the beginning to the end.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	size, err := pour(ctx, path, values)
	if err == nil {
		err = file.Truncate(size)
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	switch {
	case err == nil:
		return nil
	case fullDisk(err):
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return errors.Join(err, os.Remove(path))
}

// pour puts values into an empty file, and returns where its pages end.
func pour(ctx context.Context, path string, values iter.Seq2[value, error]) (size int64, err error) {
	db, err := openBolt(ctx, path, &bolt.Options{
		PageSize:       pageSize,
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
		NoGrowSync:     true,
		NoSync:         true,
		Timeout:        lockTimeout,
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Update(create); err != nil {
		return 0, err
	}
	next, stop := iter.Pull2(values)
	defer stop()
	for more, n := true, 1; more; n++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n%syncedBatches == 0 {
			if err := db.Sync(); err != nil {
				return 0, err
			}
		}
		err := db.Update(func(tx *bolt.Tx) (err error) {
			more, err = put(tx, next)
			size = tx.Size()
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	err = db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil })
	return size, err
}

// put writes a batch of values; more says that they have not come to an end.
func put(tx *bolt.Tx, next func() (value, error, bool)) (more bool, err error) {
	var kept values // what bbolt is given must stay until the transaction ends
	for most := batchBytes; len(kept) < most; {
		v, err, more := next()
		if !more || err != nil {
			return false, err
		}
		b := tx.Bucket([]byte(v.bucket))
		if b == nil {
			if b, err = tx.CreateBucket([]byte(v.bucket)); err != nil {
				return false, err
			}
		}
		if v.key == nil {
			if err := b.SetSequence(v.sequence); err != nil {
				return false, err
			}
			continue
		}
		switch v.bucket {
		case string(bucketEvents), string(bucketIDs):
			b.FillPercent = 1 // they come in their order
		}
		if len(v.sealed) > pageSize {
			// The last four large values are written anew by the next batch. With
			// those of 300 kB, 41 MB became 61 MB in batches of 1 MiB, 43 in these.
			most = 8 * batchBytes
		}
		from := len(kept)
		kept = append(kept, v.sealed...)
		if err := b.Put(v.key, kept[from:len(kept):len(kept)]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// A source reads the values of a store that is in use, by transactions that
// are short: a long one would keep the pages that are given up meanwhile from
// being used again.
type source struct {
	// view is where each transaction is made.
	view viewer
	// keep says which records, entries and items of lists are wanted; nil: all.
	// Of a record that is not, the id is kept all the same.
	keep func(value) bool
	// damaged is told what is left out because its seal does not hold; may be
	// nil.
	damaged func(value)
}

// values are those of one moment, that of the last transaction, and records
// that were given up since the first one. Records come first, in their order.
func (s source) values(ctx context.Context) iter.Seq2[value, error] {
	return func(yield func(value, error) bool) {
		c := chunk{source: s}
		for last := false; !last; {
			err := ctx.Err()
			if err == nil {
				err = s.view(func(tx *bolt.Tx) error {
					last = c.read(tx)
					return nil
				})
			}
			if err != nil {
				yield(value{}, err)
				return
			}
			for _, v := range c.values {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// A chunk is what one transaction has read.
type chunk struct {
	source
	values []value
	bytes  []byte
	after  uint64    // records up to it are read
	given  []stretch // and these are in the copy
	gone   []gone    // records that are not kept
	gaps   []stretch // and those that are damaged, too
}

// read reads more records and, once there are no more, everything else. It
// says whether that was the last of it.
func (c *chunk) read(tx *bolt.Tx) (last bool) {
	c.values, c.bytes = c.values[:0], c.bytes[:0]
	events := tx.Bucket(bucketEvents)
	records := events.Cursor()
	for k, v := records.Seek(sequenceKey(c.after + 1)); k != nil; k, v = records.Next() {
		if len(c.bytes) >= batchBytes {
			return false
		}
		c.take(value{bucket: string(bucketEvents), key: k, sealed: v})
		c.after = max(c.after, sequenceOf(k))
	}
	for v := range idRuns(c.gone) {
		c.add(v)
	}
	names := tx.Cursor()
	for name, _ := names.First(); name != nil; name, _ = names.Next() {
		bucket := string(name)
		if bucket == string(bucketEvents) {
			continue
		}
		b := tx.Bucket(name).Cursor()
		for k, v := b.First(); k != nil; k, v = b.Next() {
			if bucket != string(bucketMeta) || !bytes.Equal(k, keyFormat) {
				c.take(value{bucket: bucket, key: k, sealed: v})
			}
		}
	}
	slowest := slowestPosition(tx)
	for _, g := range c.gaps {
		var vs values
		if g.to > slowest {
			k, v := vs.sealGap(g)
			c.add(value{bucket: string(bucketGaps), key: k, sealed: v})
		}
	}
	c.values = append(c.values, value{bucket: string(bucketEvents), sequence: events.Sequence()})
	return true
}

// take adds a copy of v if it is wanted.
func (c *chunk) take(v value) {
	if _, ok := v.payload(); !ok {
		if v.bucket == string(bucketEvents) {
			c.gaps = grown(c.gaps, sequenceOf(v.key))
		}
		if c.damaged != nil {
			c.damaged(v)
		}
		return
	}
	record, cursor := v.bucket == string(bucketEvents), strings.HasPrefix(v.bucket, prefixCursor)
	switch {
	case cursor && v.key[0] == prefixHeld && c.without(sequenceOf(v.key[1:])):
	case (record || cursor && v.key[0] == prefixEntry || strings.HasPrefix(v.bucket, prefixList)) && c.keep != nil && !c.keep(v):
		if record {
			c.gone = append(c.gone, gone{sequenceOf(v.key), recordID(v.sealed), len(v.sealed)})
			c.gaps = grown(c.gaps, sequenceOf(v.key))
		}
	case v.bucket == string(bucketIDs):
		for part := range idsWithout(v, c.given) { // what was trimmed since it was read is trimmed again
			c.add(part)
		}
	default:
		if record {
			c.given = grown(c.given, sequenceOf(v.key))
		}
		c.add(v)
	}
}

// slowestPosition is the lowest of those that deliver.
func slowestPosition(tx *bolt.Tx) uint64 {
	slowest := uint64(math.MaxUint64)
	c := tx.Bucket(bucketMeta).Cursor()
	for k, v := c.Seek([]byte(prefixPosition)); bytes.HasPrefix(k, []byte(prefixPosition)); k, v = c.Next() {
		if p, ok := parsePosition(k, v); ok && p.delivers {
			slowest = min(slowest, p.position)
		}
	}
	return slowest
}

// without says whether a record is not kept.
func (c *chunk) without(seq uint64) bool {
	_, found := slices.BinarySearchFunc(c.gone, seq, func(g gone, seq uint64) int { return cmp.Compare(g.seq, seq) })
	return found
}

// add adds a copy of v.
func (c *chunk) add(v value) {
	from := len(c.bytes)
	c.bytes = append(append(c.bytes, v.key...), v.sealed...)
	own := c.bytes[from:len(c.bytes):len(c.bytes)]
	c.values = append(c.values, value{bucket: v.bucket, key: own[:len(v.key):len(v.key)], sealed: own[len(v.key):]})
}

// idRuns are the values of bucketIDs for records that are not there any more,
// given in their order.
func idRuns(gone []gone) iter.Seq[value] {
	return func(yield func(value) bool) {
		for len(gone) > 0 {
			n := 0
			var ids []byte
			for n < len(gone) && n < idsInRun && gone[n].seq == gone[0].seq+uint64(n) {
				ids = append(ids, gone[n].id[:]...)
				n++
			}
			key := sequenceKey(gone[0].seq)
			var vs values
			if !yield(value{bucket: string(bucketIDs), key: key, sealed: vs.seal(key, ids)}) {
				return
			}
			gone = gone[n:]
		}
	}
}

// idsWithout is a run of ids but for those of records that are there.
func idsWithout(v value, there []stretch) iter.Seq[value] {
	return func(yield func(value) bool) {
		ids, _ := v.payload()
		from := sequenceOf(v.key)
		const one = uint64(len(ID{}))
		for _, s := range without(stretch{from, from + uint64(len(ids))/one - 1}, there) {
			var vs values
			key := sequenceKey(s.from)
			if !yield(value{bucket: v.bucket, key: key, sealed: vs.seal(key, ids[(s.from-from)*one:(s.to-from+1)*one])}) {
				return
			}
		}
	}
}
