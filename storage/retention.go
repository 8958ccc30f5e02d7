package storage

import (
	"cmp"
	"math"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Records are trimmed in runs: each trimming rewrites pages at the front of the
// log, which costs more than what one record takes.
const (
	trimRun    = 256
	trimAtMost = 4096 // in one commit
)

// A run is the first trimRun records: the last of them, and its age. The zero
// run is not known.
type run struct {
	last    uint64
	running time.Duration
}

// gone is a record being trimmed.
type gone struct {
	seq   uint64
	id    ID
	bytes int
}

// trimming is how a commit gives records up.
type trimming int

const (
	asNeeded   trimming = iota // those that are old, and a run of others where room is short
	nothing                    // even that needs pages
	aRun                       // alone, a run for events that are stored next
	everything                 // alone, all that is delivered
)

// alone says that the commit does nothing else.
func (t trimming) alone() bool { return t >= aRun }

// trimmable says whether any record may be trimmed.
func (w *writer) trimmable() bool { return w.first <= w.boundary }

// trim gives records up: delivered ones that are older than Keep, by runs, and
// as many as are needed for what is to be stored; then undelivered ones where
// that is wanted. It writes their ids.
func (w *writer) trim(tx *bolt.Tx, events *bolt.Bucket, now stamp) error {
	w.gone, w.next, w.moved = w.gone[:0], w.first, 0
	need := w.size.used() + max(w.need, aFew) - w.size.limit()
	switch w.trimming {
	case nothing:
		return nil
	case aRun:
		need = max(need, 1)
	case everything:
		need = math.MaxInt64
	}
	if !w.trimming.alone() {
		w.released(events)
	}
	gained := int64(0)
	if need > 0 || w.runIsOld(events, now) {
		gained = w.choose(events, now, need)
	}
	if w.trimming == aRun && gained < need && w.mayDrop() {
		if w.drops = w.drops || w.enoughToDrop(events, need); w.drops {
			w.dropOldest(events, need-gained)
		}
	}
	if len(w.gone) == 0 {
		return nil
	}
	for _, g := range w.gone {
		if err := events.Delete(sequenceKey(g.seq)); err != nil {
			return err
		}
	}
	if err := w.keepIDs(tx.Bucket(bucketIDs)); err != nil {
		return err
	}
	return w.moveOver(tx)
}

// released chooses records that were held when their run was trimmed, and are
// not any more.
func (w *writer) released(events *bolt.Bucket) {
	for _, c := range w.cursors {
		for seq, hold := range c.flight.hold {
			if hold || seq >= w.first || w.held[seq] {
				continue
			}
			if v := events.Get(sequenceKey(seq)); v != nil {
				w.gone = append(w.gone, gone{seq, recordID(v), len(v)})
			}
		}
	}
	slices.SortFunc(w.gone, func(a, b gone) int { return cmp.Compare(a.seq, b.seq) })
	w.gone = slices.CompactFunc(w.gone, func(a, b gone) bool { return a.seq == b.seq }) // of two cursors
}

// runIsOld says whether the whole first run is delivered and older than Keep.
func (w *writer) runIsOld(events *bolt.Bucket, now stamp) bool {
	if w.boundary < w.first+trimRun-1 {
		return false
	}
	if w.run.last == 0 {
		n := 0
		c := events.Cursor()
		for k, v := c.Seek(sequenceKey(w.first)); k != nil; k, v = c.Next() {
			if w.held[sequenceOf(k)] {
				continue
			}
			if n++; n == trimRun {
				w.run = run{sequenceOf(k), recordStamp(v).running}
				break
			}
		}
	}
	return w.run.last != 0 && w.run.last <= w.boundary && now.running-w.run.running >= w.options.Keep
}

// choose chooses delivered records from the front: all that are old, and if
// need is above zero at least a run, until so many bytes are gained. It returns
// how many are.
func (w *writer) choose(events *bolt.Bucket, now stamp, need int64) (gained int64) {
	run := w.size.max / 64
	c := events.Cursor()
	for k, v := c.Seek(sequenceKey(w.first)); ; k, v = c.Next() {
		seq := sequenceOf(k)
		if k == nil || seq > w.boundary {
			w.next = w.boundary + 1
			return gained
		}
		if !w.held[seq] {
			old := now.running-recordStamp(v).running >= w.options.Keep
			short := need > 0 && (gained < need || gained < run && len(w.gone) < trimRun)
			if len(w.gone) >= trimAtMost || !old && !short {
				return gained
			}
			w.gone = append(w.gone, gone{seq, recordID(v), len(v)})
			gained += int64(len(v)) + recordOverhead
		}
		w.next = seq + 1
	}
}

// mayDrop says whether undelivered records are given up rather than new ones
// refused: never because of the disk, which may have room again.
func (w *writer) mayDrop() bool { return w.options.DropOldest && !w.size.short() }

// enoughToDrop says whether so many bytes are gained once all is given up that may
// be. Where that is not certain nothing is: it would be lost for events that are
// refused all the same.
func (w *writer) enoughToDrop(events *bolt.Bucket, need int64) bool {
	n, bytes := 0, int64(0)
	from := w.seen &^ 255 // the ledger is exact between blocks
	if from > 0 {
		n, bytes = w.ledger.upTo(from - 1)
	}
	c := events.Cursor()
	for k, v := c.Seek(sequenceKey(from)); k != nil && sequenceOf(k) <= w.seen; k, v = c.Next() {
		n, bytes = n+1, bytes+int64(len(v))+recordOverhead
	}
	return certain(n, bytes) >= need
}

// certain is what is gained for certain when so many records at the front are
// given up: they fill their pages at most, their ids take some, and the last page
// may hold others, too.
func certain(records int, bytes int64) int64 {
	return bytes - int64(records)*(pageSize/2/idsInRun+1) - 4*pageSize
}

// dropOldest chooses records that are not delivered, from the very front, and
// those that are held in their order, until so many bytes are gained. Those that
// a cursor has not seen which does not deliver stay: what it makes of them is
// made of each once.
func (w *writer) dropOldest(events *bolt.Bucket, need int64) (gained int64) {
	need = max(need, w.size.max/256) // some more, for each time pages are written for it
	c := events.Cursor()
	for k, v := c.First(); k != nil && gained < need && len(w.gone) < trimAtMost; k, v = c.Next() {
		seq := sequenceOf(k)
		if seq > w.seen {
			break
		}
		if w.held[seq] || seq >= w.next {
			w.gone = append(w.gone, gone{seq, recordID(v), len(v)})
			gained += int64(len(v)) + recordOverhead
			w.next, w.moved = max(w.next, seq+1), max(w.moved, seq)
		}
	}
	slices.SortFunc(w.gone, func(a, b gone) int { return cmp.Compare(a.seq, b.seq) })
	return gained
}

// moveOver has the cursors in the file stand behind what was dropped.
func (w *writer) moveOver(tx *bolt.Tx) error {
	for _, c := range w.cursors {
		if c.saved.position >= w.moved || !c.spec.Delivers {
			continue
		}
		var payload [9]byte
		to := savedPosition{w.moved, true}
		if err := tx.Bucket(bucketMeta).Put(c.key, w.values.seal(c.key, to.appendTo(payload[:0]))); err != nil {
			return err
		}
	}
	return nil
}

// trimmed tells the writer that what trim did is in the file; the caller holds
// the lock.
func (w *writer) trimmed() {
	for _, g := range w.gone {
		w.ledger.remove(g.seq, g.bytes)
		w.tail.gone(g.seq)
		if w.held[g.seq] || g.seq > w.delivered {
			w.stats.Dropped++
			w.dropping = true
		}
		w.unhold(g.seq) // also where it was given while this was stored
	}
	for _, c := range w.cursors {
		if c.spec.Delivers && w.moved > 0 {
			c.position = max(c.position, w.moved)
			c.saved.position = max(c.saved.position, w.moved)
			c.taken.position = max(c.taken.position, w.moved)
		}
	}
	if w.next != w.first {
		w.run = run{}
	}
	w.findFirst(w.next)
}

// unhold has no cursor hold a record that is not there any more; the caller
// holds the lock.
func (w *writer) unhold(seq uint64) {
	delete(w.held, seq)
	for _, c := range w.cursors {
		if c.held[seq] {
			delete(c.held, seq)
			c.pending.hold[seq] = false
			w.touch()
		}
	}
}

// findFirst finds the first record from a sequence on that is not held, or that
// not all cursors have passed: such a one is not to go when it is released.
func (w *writer) findFirst(from uint64) {
	w.first = w.ledger.next(max(from, 1) - 1)
	for w.held[w.first] && w.first <= w.boundary {
		w.first = w.ledger.next(w.first)
	}
	if w.first == 0 {
		w.first = w.last + 1
	}
}

// keepIDs writes the ids of what is gone, and lets those go that are too old
// to be remembered.
func (w *writer) keepIDs(b *bolt.Bucket) error {
	b.FillPercent = 1 // mostly, they only grow
	window := w.options.idWindow()
	last := w.last + uint64(len(w.fresh))
	c := b.Cursor()
	k, v := c.Last()
	from := sequenceOf(k)
	v, _ = unseal(k, v)
	ids, changed := append([]byte(nil), v...), false
	flush := func() error {
		if !changed {
			return nil
		}
		changed = false
		key := sequenceKey(from)
		return b.Put(key, w.values.seal(key, ids))
	}
	for _, g := range w.gone {
		if g.seq+window <= last {
			continue
		}
		if n := len(ids) / len(g.id); n == 0 || n == idsInRun || from+uint64(n) != g.seq {
			if err := flush(); err != nil {
				return err
			}
			from, ids = g.seq, nil
		}
		ids, changed = append(ids, g.id[:]...), true
	}
	if err := flush(); err != nil {
		return err
	}
	for {
		k, v := c.First()
		if end := sequenceOf(k) + uint64(len(v)-sealSize)/uint64(len(ID{})); k == nil || end+window > last+1 {
			return nil
		}
		if err := c.Delete(); err != nil {
			return err
		}
	}
}
