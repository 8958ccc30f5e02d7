package storage

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"time"
)

// beyond is by how much sequences go on where it cannot be told for certain
// which ones were given.
const beyond = 1024

// A candidate is a record beside the tree that counts.
type candidate struct {
	location
	tree  int   // 0: of another tree; 1: of none
	newer int64 // the newer one is less
}

// chooseRecords takes the records of base and those found beside it.
func (s *salvage) chooseRecords() {
	s.records = s.base.locations
	var found []candidate
	wanted := s.wanted()
	for _, t := range s.trees[1:] {
		for _, l := range t.locations {
			if wanted(l.sequence) {
				found = append(found, candidate{location: l})
			}
		}
	}
	for _, l := range s.scan.locations {
		found = append(found, candidate{l, 1, -int64(s.stampAt(l).elapsed)})
	}
	if len(found) > 0 {
		s.add(found)
	}
	s.given = s.base.sequence
	s.sequence = s.given
	if s.report.Places > 0 {
		s.given = s.top()
		if s.sequence = s.given; s.given > 0 || s.was {
			s.sequence += beyond
			if !s.near { // but fewer than a thousand a second, since this program is there
				s.sequence = max(s.sequence, uint64(max(0, time.Since(clockSet).Milliseconds())))
			}
		}
	}
}

// add adds what was found. Of two with one sequence, one is left from a commit
// that was undone: where no tree tells which, the older one gets a sequence of
// its own. A record of which the id is known under another sequence is left out:
// it was stored once more.
func (s *salvage) add(found []candidate) {
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.tree, b.tree), cmp.Compare(a.newer, b.newer))
	})
	known := make(map[ID]uint64, len(s.records))
	for _, v := range s.values {
		if v.bucket == string(bucketIDs) {
			ids, _ := v.payload()
			for seq := sequenceOf(v.key); len(ids) >= len(ID{}); seq++ {
				known[ID(ids)] = seq
				ids = ids[len(ID{}):]
			}
		}
	}
	for _, l := range s.records {
		known[l.id] = l.sequence
	}
	s.records = slices.Clone(s.records)
	var rest []candidate
	for i, c := range found {
		switch seq, ok := known[c.id]; {
		case i > 0 && found[i-1].sequence == c.sequence:
			rest = append(rest, c)
		case !ok || seq == c.sequence:
			known[c.id] = c.sequence
			s.records = append(s.records, c.location)
		}
	}
	for _, c := range rest {
		if _, ok := known[c.id]; !ok {
			known[c.id] = c.sequence
			s.fresh = append(s.fresh, c.location)
		}
	}
	slices.SortFunc(s.records, func(a, b location) int { return cmp.Compare(a.sequence, b.sequence) })
}

// stampAt reads the stamp of a record.
func (s *salvage) stampAt(l location) stamp {
	b := make([]byte, dataAt)
	if _, err := s.file.ReadAt(b, l.at); err != nil {
		return stamp{}
	}
	return recordStamp(b)
}

// top is the highest sequence of which there is any sign.
func (s *salvage) top() uint64 {
	top := uint64(0)
	for _, t := range s.trees {
		top = max(top, t.seen)
	}
	for _, l := range s.records {
		top = max(top, l.sequence)
	}
	for _, p := range s.positions {
		top = max(top, p.position)
	}
	// The file says without a seal which one was the last. It cannot hold more
	// records than bytes.
	if last := s.base.sequence; last > top && last-top <= uint64(s.size)/dataAt {
		top = last
	}
	return top
}

// leaveOut leaves delivered records out, the oldest first, until the others and
// all other values have room.
func (s *salvage) leaveOut() {
	slowest, held := s.slowest(), make(map[uint64]bool)
	need := int64(0)
	for _, v := range s.values {
		need += pageBytes(len(v.key) + len(v.sealed))
		if len(v.key) > 0 && v.key[0] == prefixHeld {
			held[sequenceOf(v.key[1:])] = true
		}
	}
	for _, l := range s.records {
		need += pageBytes(8 + int(l.size))
	}
	s.records = slices.DeleteFunc(s.records, func(l location) bool {
		if need <= s.limit || l.sequence > slowest || held[l.sequence] {
			return false
		}
		need -= pageBytes(8 + int(l.size))
		s.gone = append(s.gone, gone{l.sequence, l.id, int(l.size)})
		return true
	})
}

// pageBytes is about what an element takes of the file: what is longer than a
// quarter of a page leaves a part of its page unused.
func pageBytes(n int) int64 {
	if n += elementHead; n > pageSize/4 {
		return int64(n + pageSize/4)
	}
	return int64(n)
}

// slowest is the lowest position of the cursors that deliver.
func (s *salvage) slowest() uint64 {
	slowest := s.sequence
	for _, p := range s.positions {
		if p.delivers {
			slowest = min(slowest, p.position)
		}
	}
	return slowest
}

// readAgainFor bounds what is waited, while the new file is written, for pages
// that could be read before: what can be read at once is not to be lost for them.
const readAgainFor = 2 * time.Minute

// content is what the new file holds.
func (s *salvage) content() iter.Seq2[value, error] {
	return func(yield func(value, error) bool) {
		var there []stretch
		buf := make([]byte, 0, batchBytes)
		slowest, lost := s.slowest(), time.Duration(0)
		for i, l := range slices.Concat(s.records, s.fresh) {
			most, until := readAgainFor, copyFor
			delivered := l.sequence <= slowest
			if delivered { // the rest is for what was not
				most, until = readAgainFor/2, deliveredFor
			}
			began := time.Now()
			v, ok, late := value{}, false, began.Sub(s.began) > until
			if late && delivered { // it is not to be taken again
				s.gone = append(s.gone, gone{l.sequence, l.id, int(l.size)})
			}
			if lost < most && !late {
				v, ok = s.value(l, &buf)
			}
			if took := time.Since(began); took > time.Second {
				lost += took
			}
			if !ok {
				s.report.Places++
				continue
			}
			if i >= len(s.records) {
				v.key = sequenceKey(s.sequence + uint64(i-len(s.records)) + 1)
				seal(v.key, v.sealed)
			}
			s.report.Records++
			there = grown(there, sequenceOf(v.key))
			if !yield(v, nil) {
				return
			}
		}
		slices.SortFunc(s.gone, func(a, b gone) int { return cmp.Compare(a.seq, b.seq) })
		for v := range idRuns(s.gone) {
			if !yield(v, nil) {
				return
			}
		}
		for _, v := range slices.Concat(s.values, s.standing(), s.gaps(there)) {
			if v.bucket != string(bucketIDs) {
				if !yield(v, nil) {
					return
				}
				continue
			}
			for part := range idsWithout(v, there) {
				if !yield(part, nil) {
					return
				}
			}
		}
	}
}

// value reads a record, which could be read when it was looked for.
func (s *salvage) value(l location, buf *[]byte) (v value, ok bool) {
	for range 2 {
		b, err := s.read(l.at, int(l.size), *buf)
		if cap(b) > cap(*buf) {
			*buf = b
		}
		v = value{bucket: string(bucketEvents), key: sequenceKey(l.sequence), sealed: b}
		if _, ok = v.record(); ok && err == nil && binary.BigEndian.Uint32(b) == l.seal {
			return v, true
		}
	}
	return v, false
}

// standing is positions and clock.
func (s *salvage) standing() (all []value) {
	var vs values
	add := func(key string, payload []byte) {
		all = append(all, value{bucket: string(bucketMeta), key: []byte(key), sealed: vs.seal([]byte(key), payload)})
	}
	for name, p := range s.positions {
		add(prefixPosition+name, p.appendTo(nil))
	}
	// It is not behind what a record says; what it says of the wall is of the
	// same moment.
	clock := s.base.clock
	newest := s.newest()
	clock.elapsed, clock.running = max(clock.elapsed, newest.elapsed), max(clock.running, newest.running)
	add(string(keyClock), clock.appendTo(nil))
	return all
}

// gaps are where there are no records, and the last sequence.
func (s *salvage) gaps(there []stretch) (all []value) {
	last := s.sequence + uint64(len(s.fresh))
	slowest := s.slowest()
	next := slowest + 1
	var vs values
	add := func(g stretch) {
		key, v := vs.sealGap(g)
		all = append(all, value{bucket: string(bucketGaps), key: key, sealed: v})
		if g.from = max(g.from, s.passed(there)+1); g.from <= min(g.to, s.given) {
			for _, lost := range without(stretch{g.from, min(g.to, s.given)}, s.base.gaps) {
				s.report.Missing += lost.to - lost.from + 1
			}
		}
	}
	for _, t := range there {
		if t.from > next {
			add(stretch{next, t.from - 1})
		}
		next = max(next, t.to+1)
	}
	if next <= last {
		add(stretch{next, last})
	}
	return append(all, value{bucket: string(bucketEvents), sequence: last})
}

// passed is what was delivered for certain: the lowest position that is known,
// or all before the first record.
func (s *salvage) passed(there []stretch) uint64 {
	passed := uint64(math.MaxUint64)
	for _, p := range s.positions {
		if p.delivers && p.position > 0 {
			passed = min(passed, p.position)
		}
	}
	if passed == math.MaxUint64 && len(there) > 0 {
		return there[0].from - 1
	}
	return passed
}
