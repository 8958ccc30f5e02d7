package storage

import (
	"bytes"
	"strings"
)

// A scan is what lies in the pages that a tree does not lead to: pages that
// were lost with those above them, and pages given up long ago, of which bbolt
// clears none.
type scan struct {
	*pager
	skip   func(page uint64) bool
	wanted func(seq uint64) bool
	newest stamp // no record can be much later

	locations []location // of records that are wanted
	ids       []value
	position  map[string]savedPosition // the furthest of each name
	held      map[uint64]bool          // by somebody, once
	roots     []uint64                 // pages that were the root of a tree
}

// scanned is how many pages are read at a time.
const scanned = 256

// all looks at all leaves, for as long as there is time.
func (s *scan) all() {
	s.position, s.held = make(map[string]savedPosition), make(map[uint64]bool)
	buf := make([]byte, scanned*pageSize)
	alone := uint64(0) // up to here pages are read one by one: one of them is bad
	for id := uint64(2); id < s.pages(); {
		n := len(buf)
		if id < alone {
			n = pageSize
		}
		b, err := s.read(int64(id)*pageSize, n, buf)
		switch {
		case s.ended() != nil:
			return
		case err != nil && n > pageSize:
			alone = id + scanned
			continue
		case err != nil:
			id++
			continue
		}
		for len(b) >= pageHead {
			one := min(len(b), pageSize)
			n := s.look(id, b[:one])
			id += n
			b = b[min(uint64(len(b)), n*pageSize):]
		}
		if len(b) > 0 {
			id++
		}
	}
}

// look looks at a page, b, and says how many there are of it.
func (s *scan) look(id uint64, b []byte) (pages uint64) {
	kind := order.Uint16(b[8:])
	if order.Uint64(b) != id || kind != kindLeaf && kind != kindBranch || s.skip(id) {
		return 1
	}
	g := page{at: int64(id) * pageSize, b: b, leaf: true}
	_, err := g.head()
	if kind == kindBranch {
		if err == nil && g.ofNames() {
			s.roots = append(s.roots, id)
		}
		return 1
	}
	if order.Uint32(b[12:]) > 0 {
		g, err = s.page(id, nil)
	}
	whole := s.leaf("", &g, err == nil)
	if err != nil || !whole { // it was given up, and pages of it may be others now
		return 1
	}
	// What belongs to it is data, and may look like anything.
	return uint64(len(g.b)+pageSize-1) / pageSize
}

// ofNames says whether the keys of a branch are names of buckets.
func (g *page) ofNames() bool {
	for i := range g.count {
		if e, _, _ := g.element(i); !named(string(e.key)) {
			return false
		}
	}
	return true
}

// leaf looks at a leaf of a bucket, of which the name is seldom known. It says
// whether all its values are what was stored.
func (s *scan) leaf(bucket string, g *page, sound bool) (whole bool) {
	whole = true
	var found []element
	var names int
	for e := range g.elements(sound) {
		if _, ok := unseal(e.key, e.value); ok && !e.bucket {
			found = append(found, e)
		} else if !e.bucket {
			whole = false
		}
		if e.bucket && bucket == "" && named(string(e.key)) && len(e.value) >= bucketHead {
			names++
			s.inline(e)
		}
	}
	if names > 1 {
		s.roots = append(s.roots, uint64(g.at/pageSize))
	}
	if bucket == "" {
		bucket = s.kind(found)
	}
	for _, e := range found {
		switch bucket {
		case string(bucketEvents):
			if s.plausible(e) && s.wanted(sequenceOf(e.key)) {
				s.locations = append(s.locations, locationOf(e))
			}
		case string(bucketIDs):
			s.ids = append(s.ids, value{bucket: bucket, key: bytes.Clone(e.key), sealed: bytes.Clone(e.value)})
		default:
			s.other(e)
		}
	}
	return whole
}

// inline looks at a bucket that is in the page of its root.
func (s *scan) inline(e element) {
	if root, _, err := e.root(); err == nil && root == 0 {
		g, err := e.inline()
		if len(g.b) >= pageHead {
			g.leaf = true
			s.leaf(string(e.key), &g, err == nil)
		}
	}
}

// kind tells by all values of a leaf which bucket it is of, for one alone does
// not say: every 256th run of ids begins like a record, and many a record is as
// long as a run of ids.
func (s *scan) kind(found []element) string {
	records, ids := len(found) > 0, len(found) > 0
	for _, e := range found {
		records = records && s.plausible(e)
		n := len(e.value) - sealSize
		ids = ids && sequenceOf(e.key) > 0 && n > 0 && n%len(ID{}) == 0 && n <= idsInRun*len(ID{})
	}
	switch {
	case records:
		return string(bucketEvents)
	case ids:
		return string(bucketIDs)
	}
	return ""
}

// plausible says whether a value can be a record, by its format and stamp.
func (s *scan) plausible(e element) bool {
	if sequenceOf(e.key) == 0 || len(e.value) < dataAt || e.value[sealSize] != recordFormat {
		return false
	}
	at := recordStamp(e.value)
	return at.running >= 0 && at.running <= at.elapsed && at.elapsed <= s.newest.elapsed+year &&
		(at.wall == 0 || at.wall >= clockSet.UnixNano() && at.wall < clockEnd.UnixNano())
}

// other looks at a value that is neither a record nor ids.
func (s *scan) other(e element) {
	if name, ok := strings.CutPrefix(string(e.key), prefixPosition); ok {
		if p, ok := parsePosition(e.key, e.value); ok && p.position >= s.position[name].position {
			s.position[name] = p
		}
	}
	if seq := sequenceOf(e.key[1:]); e.key[0] == prefixHeld && seq > 0 && len(e.value) == sealSize {
		s.held[seq] = true
	}
}
