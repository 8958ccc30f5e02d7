package storage

import (
	"math"
	"os"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// load reads what the file holds into l, which nobody else knows yet. It
// writes nothing: what is to be changed goes with the first commit.
func (l *Log) load(file *os.File) error {
	w := &writer{Log: l, file: file, held: make(map[uint64]bool)}
	l.writer = w
	if err := w.size.measure(l.db); err != nil {
		return err
	}
	return view(l.db, func(tx *bolt.Tx) error {
		var saved stamp
		if v, ok := unseal(keyClock, tx.Bucket(bucketMeta).Get(keyClock)); ok && len(v) == stampSize {
			saved = parseStamp(v)
		}
		l.clock = newClock(saved, l.options.Now)
		events := tx.Bucket(bucketEvents)
		w.last, w.records = events.Sequence(), events.Stats().KeyN
		l.visible, l.start = w.last, w.last
		l.loadCursors(tx)
		w.first = w.last + 1
		c := events.Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			if seq := sequenceOf(k); !w.held[seq] {
				w.first = seq
				break
			}
		}
		w.loadIDs(tx)
		l.loadLists(tx)
		w.boundary = w.last
		for _, c := range l.cursors {
			w.boundary = min(w.boundary, c.position)
		}
		l.stats = w.count()
		return nil
	})
}

// loadCursors makes the cursors of the options, from what the file says.
func (l *Log) loadCursors(tx *bolt.Tx) {
	events := tx.Bucket(bucketEvents)
	last := events.Sequence()
	found := make(map[string]savedPosition)
	undelivered := uint64(math.MaxUint64) // where the slowest found cursor stands
	c := tx.Bucket(bucketMeta).Cursor()
	for k, v := c.Seek([]byte(prefixPosition)); k != nil && strings.HasPrefix(string(k), prefixPosition); k, v = c.Next() {
		p, ok := parsePosition(k, v)
		if !ok {
			continue
		}
		found[string(k[len(prefixPosition):])] = p
		if p.delivers {
			undelivered = min(undelivered, p.position)
		}
	}
	oldest := last
	if k, _ := events.Cursor().First(); k != nil {
		oldest = sequenceOf(k) - 1
	}
	for _, spec := range l.options.Cursors {
		c := newCursor(l, spec)
		l.cursors = append(l.cursors, c)
		saved, ok := found[spec.Name]
		delete(found, spec.Name)
		switch {
		case ok:
			c.saved, c.position = saved, min(saved.position, last)
		case spec.Delivers:
			c.position = min(undelivered, last)
		default:
			c.position = oldest
		}
		if !ok || saved.delivers != spec.Delivers || saved.position != c.position {
			l.dirty = true
		}
		c.loadHeld(tx, events)
	}
	for name := range found {
		l.drop, l.dirty = append(l.drop, name), true
		l.options.Log.Info("cursor is not configured any more and dropped", "store", l.path, "cursor", name)
	}
}

// loadHeld reads what the cursor holds, where it is still there.
func (c *Cursor) loadHeld(tx *bolt.Tx, events *bolt.Bucket) {
	b := tx.Bucket(c.bucket)
	if b == nil {
		return
	}
	keys := b.Cursor()
	for k, _ := keys.Seek([]byte{prefixHeld}); len(k) > 0 && k[0] == prefixHeld; k, _ = keys.Next() {
		if events.Get(k[1:]) != nil {
			seq := sequenceOf(k[1:])
			c.held[seq], c.log.writer.held[seq] = true, true
		}
	}
}

// loadIDs fills the window, in the order of the sequences: from the ids of
// trimmed records and from the records.
func (w *writer) loadIDs(tx *bolt.Tx) {
	from := uint64(1)
	if w.last > remembered {
		from = w.last - remembered + 1
	}
	w.ids = newWindow(int(w.last - from + 1))
	runs, events := tx.Bucket(bucketIDs).Cursor(), tx.Bucket(bucketEvents).Cursor()
	run, ids := runs.First()
	event, v := events.Seek(sequenceKey(from))
	for run != nil || event != nil {
		if run == nil || event != nil && sequenceOf(event) < sequenceOf(run) {
			w.ids.add(recordID(v))
			event, v = events.Next()
			continue
		}
		ids, _ = unseal(run, ids)
		for seq := sequenceOf(run); len(ids) >= len(ID{}); seq++ {
			if seq >= from {
				w.ids.add(ID(ids))
			}
			ids = ids[len(ID{}):]
		}
		run, ids = runs.Next()
	}
	w.ids.settle()
}

// loadLists finds where the lists go on.
func (l *Log) loadLists(tx *bolt.Tx) {
	c := tx.Cursor()
	for k, _ := c.Seek([]byte(prefixList)); k != nil && strings.HasPrefix(string(k), prefixList); k, _ = c.Next() {
		last, _ := tx.Bucket(k).Cursor().Last()
		l.lists[string(k[len(prefixList):])] = &list{bucket: append([]byte(nil), k...), next: sequenceOf(last) + 1}
	}
}
