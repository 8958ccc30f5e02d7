package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// commit stores what plan and begin prepared, and tells everybody but those in
// the batch. It is one transaction, unless room has to be made first: pages that
// are given up can only be used by the one after it.
func (w *writer) commit(now stamp) error {
	w.tried, w.trimming = time.Now(), asNeeded
	defer func() { w.drops = false }()
	if !w.blind && w.handle.Load().nameless(w.path) {
		if err := w.nameAgain(); err != nil {
			return err
		}
	}
	if len(w.fresh) > 0 && w.over() {
		if id, err := w.makeRoom(now); err != nil {
			return w.failed(id, err)
		}
	}
	if len(w.fresh) == 0 && !w.wanted {
		w.putBack()
		return nil
	}
	if id, err := w.try(now); err != nil {
		return w.failed(id, err)
	}
	return nil
}

// nameAgain makes the file anew where somebody has removed it, or put another one
// in its place: what is stored in one without a name is gone at the next start.
func (w *writer) nameAgain() error {
	aside := ""
	_, err := os.Lstat(w.path)
	if err == nil {
		aside, err = setAside(filepath.Dir(w.path))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = w.rebuild(w.ctx, nil)
	}
	switch {
	case err == nil:
		w.blind = w.handle.Load().nameless(w.path)
		w.options.Log.Error("the store's file was removed or replaced while it was in use, and was made anew", "store", w.path, "replacement", aside)
		return nil
	case errors.Is(err, ErrNoSpace):
		w.putBack()
		w.stuck = stuck{err, time.Now()}
		return err
	}
	w.putBack()
	return w.breaks(fmt.Errorf("its file was removed or replaced: %w", err))
}

// over says whether the events of the batch would go beyond the limit.
func (w *writer) over() bool { return w.size.used()+w.need > w.size.limit() }

// makeRoom gives records up for the events of the batch, in transactions of
// their own, or refuses them. The first one stores everything else: what was
// passed may only be given up once the file says so.
func (w *writer) makeRoom(now stamp) (id int, err error) {
	fresh := w.fresh
	w.fresh, w.withheld = nil, true
	id, err = w.try(now)
	w.fresh, w.withheld, w.wanted = fresh, false, false
	w.trimming = asNeeded
	for more := true; err == nil && w.over() && more; more = len(w.gone) > 0 {
		if id, err = w.giveUp(now, aRun); outOfPages(err) && w.untied() {
			id, err = w.giveUp(now, aRun)
		}
	}
	switch {
	case err == nil && !w.over(), outOfPages(err) && w.rebuilt():
		return id, nil
	case err == nil, outOfPages(err):
		w.refuse(w.fullness())
		return id, nil
	}
	return id, err
}

// try makes the transaction.
func (w *writer) try(now stamp) (id int, err error) {
	if id, err = w.transact(now); outOfPages(err) {
		id, err = w.findPages(now, err)
	}
	return id, err
}

// outOfPages says whether a transaction has ended before anything was written:
// there were not pages enough, or not enough of them side by side, which bbolt
// wants for large values.
func outOfPages(err error) bool { return errors.Is(err, bolterrors.ErrMaxSizeReached) }

// findPages makes the transaction that cause ended, by one means after the
// other.
func (w *writer) findPages(now stamp, cause error) (id int, err error) {
	gaveUp, more := false, w.size.growth()
	for err = cause; outOfPages(err); id, err = w.transact(now) {
		longer, cannot := w.size.lengthen(w.handle.Load().file, more)
		more *= 2
		switch {
		case cannot != nil:
			return id, cannot
		case longer, w.rebuilt():
		case !gaveUp:
			gaveUp = true
			if id, err := w.giveUp(now, everything); err != nil && !outOfPages(err) {
				return id, err
			}
		case w.untied():
		case len(w.fresh) > 0:
			w.knot = w.tie()
			w.refuse(w.knot.err)
			if !w.wanted {
				w.putBack()
				return id, nil
			}
		case w.trimming != nothing:
			w.trimming = nothing
		case len(w.taken) > 0:
			w.leaveLists()
		case !w.size.short() && w.size.beyond():
		default:
			return id, err
		}
	}
	return id, err
}

// transact makes one transaction. bbolt may use the file as long as it is,
// so that nothing is written where the disk may have no room.
func (w *writer) transact(now stamp) (id int, err error) {
	if w.broken != nil { // since the batch was begun: the name of a file made anew may not be durable
		return 0, w.broken
	}
	w.options.Working(true)
	h := w.handle.Load()
	if runtime.GOOS != "windows" { // where a file is as long as its map
		h.db.MaxSize = int(w.size.file)
	}
	if id, err = w.commitWithList(h.db, now); err == nil {
		w.options.Committed(time.Since(w.tried))
		err = w.stored(h)
	}
	return id, err
}

// giveUp makes a transaction that only gives records up, as far as the cursors
// stand in the file: with positions and entries in memory it needs no pages for
// those. What is gone then is in w.gone.
func (w *writer) giveUp(now stamp, how trimming) (id int, err error) {
	fresh, before, boundary := w.fresh, w.trimming, w.boundary
	w.fresh, w.trimming = nil, how
	for _, c := range w.cursors {
		w.boundary = min(w.boundary, c.saved.position)
	}
	id, err = w.transact(now)
	w.fresh, w.trimming, w.boundary = fresh, before, boundary
	return id, err
}

// store returns the number of its transaction.
func (w *writer) store(db *bolt.DB, now stamp) (id int, err error) {
	tx, err := db.Begin(true)
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
	if w.trimming.alone() {
		return id, tx.Commit()
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
		if err := li.write(tx, &w.values, w.options.listBytes()); err != nil {
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
func (w *writer) stored(h *handle) error {
	err := w.size.measure(h)
	newest := w.newest()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trimmed()
	if w.trimming.alone() {
		w.stats = w.count()
		return err
	}
	if !w.withheld {
		w.ids.settle()
	}
	w.tail.add(newest)
	for _, s := range w.fresh {
		w.last++
		w.ledger.add(w.last, s.to-s.from)
	}
	w.inFile = w.last
	w.since += int64(len(w.arena))
	w.settles.Add(1)
	for _, c := range w.cursors {
		c.settle()
	}
	for _, li := range w.taken {
		li.settle()
	}
	w.taken, w.drop, w.stuck = w.taken[:0], w.drop[:0], stuck{}
	if w.largest() >= w.knot.bytes {
		w.knot = knot{}
	}
	if w.visible != w.last {
		w.visible = w.last
		w.wakeNext()
	}
	w.stats = w.count()
	return err
}

// failed puts back what was to be stored by transaction id, and returns why it
// was not.
func (w *writer) failed(id int, cause error) error {
	noRoom, broken := w.explain(id, cause)
	if broken != nil {
		w.putBack()
		return w.breaks(broken)
	}
	w.leaveLists()
	w.putBack()
	w.stuck = stuck{noRoom, time.Now()}
	if fullDisk(cause) {
		w.size.starved, w.size.tight, w.size.tried = true, cause, time.Now()
	}
	return noRoom
}

// putBack has what was to be stored wait for another commit.
func (w *writer) putBack() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cursors {
		c.restore()
	}
	for _, li := range w.taken {
		li.restore()
	}
	w.taken = w.taken[:0]
	if w.saved {
		w.dirty = true
		w.arm(flushAfter)
	}
}

// leaveLists throws away what was to be added to lists: it may be just what
// there is no room for.
func (w *writer) leaveLists() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, li := range w.taken {
		li.settle()
	}
	w.taken = w.taken[:0]
}

// explain tells a commit that can be tried again from one that cannot.
func (w *writer) explain(id int, cause error) (noRoom, broken error) {
	if outOfPages(cause) {
		return w.fullness(), nil
	}
	// bbolt syncs pages, then the page that points to them. If that last one was
	// written, nobody knows what a later Open will find, and the next commit might
	// overwrite what it points to. Of pages that could not be synced nobody knows
	// either what has become; that error comes bare.
	var writing *fs.PathError
	if fullDisk(cause) && errors.As(cause, &writing) {
		var newest int
		if err := w.view(func(tx *bolt.Tx) error { newest = tx.ID(); return nil }); err == nil && newest < id {
			return fmt.Errorf("%w: %w", ErrNoSpace, cause), nil
		}
	}
	return nil, cause
}

// fullDisk says whether err is about room. bbolt wraps some errors as text
// only.
func fullDisk(err error) bool {
	if err == nil {
		return false
	}
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
