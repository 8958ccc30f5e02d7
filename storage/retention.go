package storage

import (
	"cmp"
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

// full says whether undelivered records alone fill the store.
func (w *writer) full() bool {
	return w.size.used() >= w.options.fullAt() && !w.trimmable()
}

// trimmable says whether any record may be trimmed.
func (w *writer) trimmable() bool { return w.first <= w.boundary }

// trim gives up delivered records: those older than Keep, by runs, and as many
// as are needed for what is to be stored now. It writes their ids.
func (w *writer) trim(tx *bolt.Tx, events *bolt.Bucket, now stamp) error {
	w.gone, w.next = w.gone[:0], w.first
	w.released(events)
	need := w.size.used() + int64(len(w.arena)) - w.options.fullAt()
	if need > 0 || w.runIsOld(events, now) {
		w.choose(events, now, need)
	}
	if len(w.gone) == 0 {
		return nil
	}
	for _, g := range w.gone {
		if err := events.Delete(sequenceKey(g.seq)); err != nil {
			return err
		}
	}
	return w.keepIDs(tx.Bucket(bucketIDs))
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

// choose chooses records from the front: all that are old, and if need is
// above zero at least a run, until so many bytes are gained.
func (w *writer) choose(events *bolt.Bucket, now stamp, need int64) {
	gained, n := int64(0), 0
	c := events.Cursor()
	for k, v := c.Seek(sequenceKey(w.first)); ; k, v = c.Next() {
		seq := sequenceOf(k)
		if k == nil || seq > w.boundary {
			w.next = w.boundary + 1
			return
		}
		if !w.held[seq] {
			old := now.running-recordStamp(v).running >= w.options.Keep
			short := need > 0 && (gained < need || n < trimRun)
			if n == trimAtMost || !old && !short {
				return
			}
			w.gone = append(w.gone, gone{seq, recordID(v), len(v)})
			gained += int64(len(v)) + recordOverhead
			n++
		}
		w.next = seq + 1
	}
}

// trimmed tells the writer that what trim did is in the file.
func (w *writer) trimmed() {
	for _, g := range w.gone {
		w.ledger.remove(g.seq, g.bytes)
	}
	if w.next != w.first {
		w.run = run{}
	}
	w.findFirst(w.next)
}

// findFirst finds the first record from a sequence on that is not held.
func (w *writer) findFirst(from uint64) {
	w.first = w.ledger.next(max(from, 1) - 1)
	for w.held[w.first] {
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

// count returns what the store holds; the caller holds the lock.
func (w *writer) count() Stats {
	s := Stats{LastSequence: w.last, Records: w.ledger.records, Bytes: w.size.used(), MaxBytes: w.options.MaxSize, Full: w.full()}
	s.FirstSequence = w.ledger.next(0)
	return s
}
