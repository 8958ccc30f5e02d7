package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// errNoStore is a sound bbolt file that is not a store.
var errNoStore = errors.New("not a store")

// checkFormat returns nil for a store that can be used here.
func checkFormat(tx *bolt.Tx) error {
	switch f := format(tx); {
	case f == 0:
		return errNoStore
	case f > formatVersion:
		return fmt.Errorf("%w: format %d, known are those up to %d", ErrNewer, f, formatVersion)
	}
	return nil
}

// Check reads the store's file at path and returns an error where its
// structure or a record is damaged. Of a store in a newer format it looks at
// the structure only. It writes nothing. On a damaged file it may end the
// process, with whatever signal or panic: run it in a child.
func Check(path string) error {
	// At the same time, for start waits for it. On a file whose structure is
	// damaged the one may crash before the other has found it out: all the same.
	content := make(chan error, 1)
	go func() { content <- checkFile(path, false, checkContent) }()
	err := errors.Join(checkFile(path, true, checkStructure), <-content)
	if err != nil {
		return fmt.Errorf("check store %s: %w", path, err)
	}
	return nil
}

// checkFile calls check on the file. With walk bbolt looks for the free pages
// first: it goes through all that are in use, and panics where they do not fit
// together.
func checkFile(path string, walk bool, check func(*bolt.Tx, string) error) error {
	db, err := openBolt(path, &bolt.Options{ReadOnly: true, PreLoadFreelist: walk, FreelistType: bolt.FreelistMapType, Timeout: lockTimeout})
	if err != nil {
		return err
	}
	return errors.Join(db.View(func(tx *bolt.Tx) error { return check(tx, path) }), db.Close())
}

// checkStructure looks at a file whose pages were walked through. Where it has
// no list of free pages, that walk was the one that bbolt's own check makes.
func checkStructure(tx *bolt.Tx, path string) error {
	if listless(path) {
		return nil
	}
	// Every error is taken, so that the goroutine of bbolt comes to its end.
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = err
		}
	}
	return first
}

// listless says whether neither of the file's two heads points to a list of
// free pages: all bits of that number are set then. It stands behind the page's
// head of 16 bytes, four numbers of 4 bytes, and the root of 16.
func listless(path string) bool {
	const at = 16 + 4*4 + 16
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for _, head := range []int64{0, pageSize} {
		number := make([]byte, 8)
		if _, err := f.ReadAt(number, head+at); err != nil || bytes.Count(number, []byte{0xff}) != len(number) {
			return false
		}
	}
	return true
}

// lockTimeout is how long to wait for whoever still has the file open: a child
// of an agent that was killed, or a Reader.
const lockTimeout = 5 * time.Second

// checkContent looks at every value.
func checkContent(tx *bolt.Tx, _ string) error {
	if format(tx) > formatVersion {
		return nil
	}
	events, ids := tx.Bucket(bucketEvents), tx.Bucket(bucketIDs)
	if format(tx) == 0 || events == nil || ids == nil {
		return errNoStore
	}
	if k, _ := events.Cursor().Last(); sequenceOf(k) > events.Sequence() {
		return fmt.Errorf("event %d is there, and the last one was %d", sequenceOf(k), events.Sequence())
	}
	return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			_, ok := unseal(k, v)
			switch string(name) {
			case string(bucketMeta):
				ok = ok || bytes.Equal(k, keyFormat)
			case string(bucketEvents):
				ok = ok && sequenceOf(k) > 0 && len(v) >= dataAt
			case string(bucketIDs):
				n := len(v) - sealSize
				ok = ok && sequenceOf(k) > 0 && n > 0 && n <= idsInRun*len(ID{}) && n%len(ID{}) == 0
			}
			if !ok {
				return fmt.Errorf("%s %x: %w", name, k, ErrDamaged)
			}
			return nil
		})
	})
}
