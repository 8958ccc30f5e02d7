package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// commit stores what plan and begin prepared, in one transaction, and tells
// everybody but those in the batch.
func (w *writer) commit(now stamp) error {
	w.tried = time.Now()
	w.size.reserve(w.handle.Load().file, int64(len(w.arena)), &w.options)
	id, err := w.store(now)
	if err != nil {
		return w.failed(id, err)
	}
	w.options.Committed(time.Since(w.tried))
	return w.stored()
}

// store returns the number of its transaction.
func (w *writer) store(now stamp) (id int, err error) {
	tx, err := w.handle.Load().db.Begin(true)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // nothing once it is committed
	id = tx.ID()
	w.values.reset()
	events := tx.Bucket(bucketEvents)
	events.FillPercent = 1 // sequences only grow
	if err := w.trim(tx, events, now); err != nil {
		return id, err
	}
	if err := w.put(events); err != nil {
		return id, err
	}
	for _, name := range w.drop {
		if err := dropCursor(tx, name); err != nil {
			return id, err
		}
	}
	for _, c := range w.cursors {
		if err := c.write(tx, &w.values); err != nil {
			return id, err
		}
	}
	for _, li := range w.taken {
		if err := li.write(tx, &w.values); err != nil {
			return id, err
		}
	}
	if err := tx.Bucket(bucketMeta).Put(keyClock, w.values.seal(keyClock, now.appendTo(w.scratch[:0]))); err != nil {
		return id, err
	}
	return id, tx.Commit()
}

// put puts the new records in.
func (w *writer) put(events *bolt.Bucket) error {
	seq := w.last
	for _, s := range w.fresh {
		seq++
		binary.BigEndian.PutUint64(w.number[:], seq)
		if err := events.Put(w.number[:], w.arena[s.from:s.to]); err != nil {
			return err
		}
	}
	if seq == w.inFile {
		return nil
	}
	if w.inFile < w.last { // the file was exchanged for one that does not know of these
		if err := putGap(events.Tx(), stretch{w.inFile + 1, w.last}); err != nil {
			return err
		}
	}
	return events.SetSequence(seq)
}

// stored tells of a commit.
func (w *writer) stored() error {
	w.ids.settle()
	err := w.size.measure(w.handle.Load())

	w.mu.Lock()
	for _, s := range w.fresh {
		w.last++
		w.ledger.add(w.last, s.to-s.from)
	}
	w.inFile = w.last
	w.trimmed()
	for _, c := range w.cursors {
		c.settle()
	}
	for _, li := range w.taken {
		li.settle()
	}
	w.drop = w.drop[:0]
	if w.visible != w.last {
		w.visible = w.last
		w.wakeNext()
	}
	before, noRoom := w.stats, w.noRoom
	w.stats, w.noRoom = w.count(), nil
	after := w.stats
	w.mu.Unlock()

	log := w.options.Log
	if noRoom != nil {
		log.Info("store has room again", "store", w.path)
	}
	if after.Full && !before.Full {
		log.Warn("store is full of undelivered events", "store", w.path, "bytes", after.Bytes, "records", after.Records)
	}
	if before.Full && !after.Full {
		log.Info("store is not full any more", "store", w.path, "bytes", after.Bytes, "records", after.Records)
	}
	return err
}

// failed puts back what was to be stored by transaction id, and returns why it
// was not.
func (w *writer) failed(id int, cause error) error {
	noRoom, broken := w.explain(id, cause)
	w.mu.Lock()
	for _, c := range w.cursors {
		c.restore()
	}
	for _, li := range w.taken {
		li.restore()
	}
	known := w.noRoom != nil
	w.noRoom, w.broken = noRoom, broken
	w.dirty, w.dirtySince = true, w.tried
	if broken == nil {
		w.arm(probeEvery)
	}
	w.mu.Unlock()

	switch {
	case broken != nil:
		w.options.Log.Error("store cannot be written any more", "store", w.path, "error", cause)
		return broken
	case !known:
		w.options.Log.Warn("store has no room", "store", w.path, "error", cause)
	}
	return noRoom
}

// explain tells a commit that can be tried again from one that cannot.
func (w *writer) explain(id int, cause error) (noRoom, broken error) {
	if errors.Is(cause, bolterrors.ErrMaxSizeReached) {
		return fmt.Errorf("%w: %w", ErrFull, cause), nil
	}
	if fullDisk(cause) {
		// bbolt syncs pages, then the page that points to them. If that last one
		// was written, nobody knows what a later Open will find, and the next
		// commit might overwrite what it points to.
		var newest int
		if err := w.view(func(tx *bolt.Tx) error { newest = tx.ID(); return nil }); err == nil && newest < id {
			return fmt.Errorf("%w: %w", ErrNoSpace, cause), nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrBroken, cause)
}

// fullDisk says whether err is about room. bbolt wraps some errors as text
// only.
func fullDisk(err error) bool {
	for _, no := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, no) || strings.HasSuffix(err.Error(), no.Error()) {
			return true
		}
	}
	return false
}

// dropCursor takes a cursor out of the file.
func dropCursor(tx *bolt.Tx, name string) error {
	if err := tx.Bucket(bucketMeta).Delete([]byte(prefixPosition + name)); err != nil {
		return err
	}
	if err := tx.DeleteBucket([]byte(prefixCursor + name)); !errors.Is(err, bolterrors.ErrBucketNotFound) {
		return err
	}
	return nil
}
