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
	// At the same time, for start waits for it. On a file whose structure is
	// damaged the one may crash before the other has found it out: all the same.
	content := make(chan error, 1)
	go func() { content <- checkTree(path) }()
	err := errors.Join(checkStructure(path), <-content)
	if err != nil {
		return fmt.Errorf("check store %s: %w", path, err)
	}
	return nil
}

// checkStructure has bbolt look whether it can use the file. It looks for the
// free pages first: it goes through all that are in use, and panics where they
// do not fit together. Where the file has no list of free pages, that walk is
// the one that bbolt's own check makes.
func checkStructure(path string) error {
	db, err := openBolt(context.Background(), path, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, FreelistType: bolt.FreelistMapType, Timeout: lockTimeout})
	if err != nil {
		return err
	}
	return errors.Join(db.View(func(tx *bolt.Tx) error {
		if tx.DB().Info().PageSize == pageSize && listless(path) {
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
	}), db.Close())
}

// listless says whether neither of the file's two heads points to a list of
// free pages.
func listless(path string) bool {
	p, err := openPager(path)
	if err != nil {
		return false
	}
	defer func() { _ = p.file.Close() }()
	metas, faults := p.metas()
	return len(faults) == 0 && !metas[0].list && !metas[1].list
}

// checkTree looks at every page and value without bbolt, which takes a value
// for what it is, and a page that was there long ago for one that is there now.
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
	return p.look(metas[0].root, false).fault()
}

// lockTimeout is how long to wait for whoever still has the file open: a child
// of an agent that was killed, or a Reader.
const (
	lockTimeout = 5 * time.Second
	lockRetry   = 50 * time.Millisecond
)
