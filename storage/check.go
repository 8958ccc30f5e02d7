package storage

import (
	"context"
	"errors"
	"fmt"
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
		return newer(f)
	}
	return nil
}

// newer is the error of a format.
func newer(format uint32) error {
	return fmt.Errorf("%w: format %d, known are those up to %d", ErrNewer, format, formatVersion)
}

// checkNewer returns ErrNewer for such a store, whatever else may be wrong with
// it, and nil where that cannot be told.
func checkNewer(path string) error {
	p, err := openPager(path)
	if err != nil {
		return err
	}
	defer func() { _ = p.file.Close() }()
	metas, _ := p.metas()
	for _, m := range metas {
		if f := p.peek(m.root).format; f > formatVersion {
			return newer(f)
		}
	}
	return nil
}

// Check reads the store's file at path and returns an error where its
// structure or a record is damaged, something is missing, or it is ErrNewer. It
// writes nothing. On a damaged file it may end the process, with whatever
// signal or panic: run it in a child.
func Check(path string) error {
	// As long as it is open nobody writes it.
	db, err := openBolt(context.Background(), path, &bolt.Options{ReadOnly: true, FreelistType: bolt.FreelistMapType, Timeout: lockTimeout})
	if err == nil {
		err = errors.Join(checkTree(path), db.Close())
	}
	if err != nil {
		return fmt.Errorf("check store %s: %w", path, err)
	}
	return nil
}

// checkTree looks at every page and value without bbolt, which takes a value
// for what it is, and a page that was there long ago for one that is there now.
// All that bbolt asks of a file before it writes it has been asked then: it
// panics where that is not so.
func checkTree(path string) error {
	p, err := openPager(path)
	if err != nil {
		return err
	}
	defer func() { _ = p.file.Close() }()
	metas, faults := p.metas()
	if len(faults) > 0 {
		return faults[0] // bbolt would go back to the other one, and lose a commit
	}
	t := p.look(metas[0].root, false)
	if err := t.fault(); err != nil {
		return err
	}
	for id := metas[0].end; id < p.pages(); id++ {
		if t.uses(id) {
			return fmt.Errorf("page %d is damaged: it is used, and the pages end at %d", id, metas[0].end)
		}
	}
	if metas[0].list == noList {
		return nil
	}
	return t.checkList(metas[0])
}

// lockTimeout is how long to wait for whoever still has the file open: a child
// of an agent that was killed, or a Reader.
const (
	lockTimeout = 5 * time.Second
	lockRetry   = 50 * time.Millisecond
)
