package storage

import (
	"iter"
	"math"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A survey is what a file says, looked through once when it is opened.
type survey struct {
	size      size
	clock     stamp
	last      uint64 // the newest sequence given
	ledger    ledger
	ids       *window
	positions map[string]savedPosition   // by cursor
	held      map[string]map[uint64]bool // by cursor, those that are there; the keys count
	lists     map[string]uint64          // by list, the number of the newest item
}

// look looks through the file of h. It changes nothing in it, but makes it as
// long as it is to be.
func look(h *handle, o *Options) (*survey, error) {
	s := &survey{
		positions: make(map[string]savedPosition),
		held:      make(map[string]map[uint64]bool),
		lists:     make(map[string]uint64),
	}
	if err := s.size.measure(h); err != nil {
		return nil, err
	}
	if err := s.size.begin(h.file, o); err != nil {
		return nil, err
	}
	return s, h.view(func(tx *bolt.Tx) error {
		meta, events := tx.Bucket(bucketMeta), tx.Bucket(bucketEvents)
		if v, ok := unseal(keyClock, meta.Get(keyClock)); ok && len(v) == stampSize {
			s.clock = parseStamp(v)
		}
		if k, v := events.Cursor().Last(); k != nil { // where the clock was lost
			if _, ok := parseRecord(k, v); ok {
				s.clock.atLeast(recordStamp(v))
			}
		}
		s.last = events.Sequence()
		if err := s.records(h, events.Cursor(), tx.Bucket(bucketIDs).Cursor()); err != nil {
			return err
		}
		for k, v := range under(meta.Cursor(), prefixPosition) {
			if p, ok := parsePosition(k, v); ok {
				s.positions[string(k[len(prefixPosition):])] = p
			}
		}
		for name := range under(tx.Cursor(), prefixCursor) {
			held := make(map[uint64]bool)
			for k := range under(tx.Bucket(name).Cursor(), string(rune(prefixHeld))) {
				if seq := sequenceOf(k[1:]); s.ledger.has(seq) {
					held[seq] = true
				}
			}
			s.held[string(name[len(prefixCursor):])] = held
		}
		for name := range under(tx.Cursor(), prefixList) {
			last, _ := tx.Bucket(name).Cursor().Last()
			s.lists[string(name[len(prefixList):])] = sequenceOf(last)
		}
		return nil
	})
}

// under ranges over the keys that begin with prefix.
func under(c *bolt.Cursor, prefix string) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := c.Seek([]byte(prefix)); k != nil && strings.HasPrefix(string(k), prefix) && yield(k, v); k, v = c.Next() {
		}
	}
}

// records fills ledger and window: this one in the order of the sequences, from
// the ids of trimmed records and from the records. Those whose ids are not
// remembered any more, which may be most, are counted meanwhile.
func (s *survey) records(h *handle, events, runs *bolt.Cursor) error {
	// Not before the last one given: damage may have made that jump.
	last, _ := events.Last()
	newest := sequenceOf(last)
	if k, v := runs.Last(); k != nil {
		newest = max(newest, sequenceOf(k)+uint64(len(v)/len(ID{}))-1)
	}
	from := uint64(1)
	if newest > remembered {
		from = newest - remembered + 1
	}
	var old ledger
	counted := make(chan error, 1)
	go func() { counted <- h.view(func(tx *bolt.Tx) error { old.count(tx, from); return nil }) }()
	s.newest(from, newest, events, runs)
	err := <-counted
	old.join(&s.ledger)
	s.ledger = old
	return err
}

// count adds the records before a sequence.
func (l *ledger) count(tx *bolt.Tx, before uint64) {
	c := tx.Bucket(bucketEvents).Cursor()
	for k, v := c.First(); k != nil && sequenceOf(k) < before; k, v = c.Next() {
		l.add(sequenceOf(k), len(v))
	}
}

// newest takes in records and ids from a sequence on.
func (s *survey) newest(from, newest uint64, events, runs *bolt.Cursor) {
	s.ids = newWindow(int(min(newest, remembered)))
	run, ids := runs.First()
	event, v := events.Seek(sequenceKey(from))
	for run != nil || event != nil {
		if run == nil || event != nil && sequenceOf(event) < sequenceOf(run) {
			s.ledger.add(sequenceOf(event), len(v))
			s.ids.add(recordID(v))
			event, v = events.Next()
			continue
		}
		ids, _ = unseal(run, ids)
		for seq := sequenceOf(run); len(ids) >= len(ID{}); seq++ {
			if seq >= from {
				s.ids.add(ID(ids))
			}
			ids = ids[len(ID{}):]
		}
		run, ids = runs.Next()
	}
	s.ids.settle()
}

// load has l begin with the file of h; nobody else knows l yet. It writes
// nothing: what is to be changed goes with the first commit.
func (l *Log) load(h *handle) error {
	s, err := look(h, &l.options)
	if err != nil {
		return err
	}
	l.handle.Store(h)
	l.clock = newClock(s.clock, l.options.Now)
	l.start = s.last
	l.writer = &writer{Log: l}
	// New ones that deliver start where the slowest one that was found stands.
	oldest, undelivered, found := s.last, s.last, make(map[string]bool)
	if first := s.ledger.next(0); first > 0 {
		oldest = first - 1
	}
	for _, p := range s.positions {
		if p.delivers {
			undelivered = min(undelivered, p.position)
		}
	}
	for _, spec := range l.options.Cursors {
		c := newCursor(l, spec)
		l.cursors = append(l.cursors, c)
		found[spec.Name] = true
		saved, ok := s.positions[spec.Name]
		switch {
		case ok:
			c.position = saved.position
		case spec.Delivers:
			c.position = undelivered
		default:
			c.position = oldest
		}
		for seq := range s.held[spec.Name] {
			c.held[seq] = true
		}
	}
	for name := range s.positions {
		if !found[name] {
			l.options.Log.Info("cursor is not configured any more and dropped", "store", l.path, "cursor", name)
		}
	}
	l.writer.adopt(s)
	l.writer.assess()
	return nil
}

// adopt has the writer go on with the file that s is of. What memory knows
// better stays, and goes into the file with the next commit. The caller holds
// the lock.
func (w *writer) adopt(s *survey) {
	w.size, w.ledger, w.ids, w.run, w.tail = s.size, s.ledger, s.ids, run{}, tail{}
	// A sequence is never given twice, whatever the file has lost.
	w.inFile, w.last = s.last, max(w.last, s.last)
	w.held = make(map[uint64]bool)
	for _, c := range w.cursors {
		c.adopt(s)
		w.dirty = w.dirty || c.saved != savedPosition{c.position, c.spec.Delivers}
		for seq := range c.held {
			w.held[seq] = true
		}
	}
	w.drop = w.drop[:0]
	for name := range s.positions {
		if c, _ := w.Cursor(name); c == nil {
			w.drop, w.dirty = append(w.drop, name), true
		}
	}
	for name, number := range s.lists {
		w.list(name).next = max(w.list(name).next, number+1)
	}
	w.positions()
	w.findFirst(0)
	w.visible = w.last
	w.oldest = oldest{}
	w.wakeNext()
	w.stuck, w.knot = stuck{}, knot{}
	w.stats = w.count()
}

// adopt has the cursor go on with what s says of it; the caller holds the lock.
func (c *Cursor) adopt(s *survey) {
	c.saved = savedPosition{position: math.MaxUint64} // none: it is to be written, 0 too, for by it the cursor is known to be there
	if saved, ok := s.positions[c.spec.Name]; ok {
		c.saved = saved
	}
	if s.ledger.next(c.position) == 0 {
		c.position = c.log.writer.last // there is nothing more to come
	}
	for seq := range c.held {
		switch {
		case !s.ledger.has(seq):
			delete(c.held, seq)
			delete(c.pending.hold, seq)
		case !s.held[c.spec.Name][seq]:
			c.pending.hold[seq] = true
		}
	}
	for seq := range s.held[c.spec.Name] {
		if !c.held[seq] {
			c.pending.hold[seq] = false
		}
	}
}
