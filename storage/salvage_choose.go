package storage

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// unknownCursors is the place of cursors of which the names are lost: a new
// cursor that delivers begins there. Nothing is configured by that name, so it
// goes with the first commit.
const unknownCursors = "salvage"

// chooseCursors takes every cursor from the newest tree that has its position
// and all its entries, for the two belong together. It returns the names of
// those that none has.
func (s *salvage) chooseCursors() (lost []string) {
	s.positions = make(map[string]savedPosition)
	for _, name := range s.names() {
		if !s.cursorFrom(name, (*tree).sound) {
			lost = append(lost, name)
		}
	}
	return lost
}

// names are those of all cursors.
func (s *salvage) names() (names []string) {
	for _, t := range s.trees {
		for name := range t.position {
			names = append(names, name)
		}
		if t.sound(string(bucketMeta)) {
			break // it knows them all
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// cursorFrom takes a cursor from the newest tree in which it is good.
func (s *salvage) cursorFrom(name string, good func(*tree, string) bool) bool {
	bucket := prefixCursor + name
	for _, t := range s.trees {
		p, ok := t.position[name]
		if !ok || !good(t, string(bucketMeta)) || !good(t, bucket) || t != s.base && t.fault() != nil {
			continue
		}
		s.positions[name] = p
		s.values = append(s.values, t.of(bucket)...)
		return true
	}
	return false
}

// beginAnew has those go on of which something is lost: from a position that
// was true once, or at 0 where what they hold, or what they knew, may be lost.
// What is sent again is known by its id, and a state is computed again.
func (s *salvage) beginAnew(lost []string) {
	known := slices.ContainsFunc(s.trees, func(t *tree) bool { return t.sound(string(bucketMeta)) })
	if !known {
		s.positions[unknownCursors] = savedPosition{0, true}
		for name := range s.scan.position {
			if _, found := s.positions[name]; !found && !slices.Contains(lost, name) {
				lost = append(lost, name)
			}
		}
	}
	for _, name := range lost {
		if s.cursorFrom(name, (*tree).readable) {
			continue
		}
		s.positions[name] = s.partOf(name)
		if s.positions[name].position == 0 {
			s.report.Begun = append(s.report.Begun, name)
		}
	}
}

// partOf takes what can be read of a cursor, and returns its place.
func (s *salvage) partOf(name string) savedPosition {
	p, ok := s.base.position[name]
	if !ok {
		p = s.scan.position[name]
	}
	if !p.delivers {
		return savedPosition{}
	}
	bucket := prefixCursor + name
	s.values = append(s.values, s.base.of(bucket)...)
	if !s.base.lostHeld(bucket) {
		return p
	}
	for seq := range s.scan.held {
		var vs values
		key := append([]byte{prefixHeld}, sequenceKey(seq)...)
		s.values = append(s.values, value{bucket: bucket, key: key, sealed: vs.seal(key, nil)})
	}
	return savedPosition{0, true}
}

// lostHeld says whether a cursor may hold what cannot be read.
func (t *tree) lostHeld(bucket string) bool {
	if !t.buckets[bucket] {
		return t.damagedIn("")
	}
	return slices.ContainsFunc(t.damages, func(d damage) bool {
		return d.bucket == bucket && (d.hi == nil || bytes.Compare(d.hi, []byte{prefixHeld}) > 0) && (d.lo == nil || d.lo[0] <= prefixHeld)
	})
}

// chooseOthers takes ids, lists and what else there is. Ids are true wherever
// they are from.
func (s *salvage) chooseOthers() {
	if s.base.sound(string(bucketIDs)) {
		s.values = append(s.values, s.base.of(string(bucketIDs))...)
	} else {
		runs := make(map[string]value)
		all := s.scan.ids
		for _, t := range s.trees {
			all = append(all, t.of(string(bucketIDs))...)
		}
		for _, v := range all {
			if known, ok := runs[string(v.key)]; !ok || len(v.sealed) > len(known.sealed) {
				runs[string(v.key)] = v
			}
		}
		for _, key := range slices.Sorted(maps.Keys(runs)) {
			s.values = append(s.values, runs[key])
		}
	}
	done := make(map[string]bool)
	for _, t := range s.trees {
		for bucket := range t.buckets {
			if strings.HasPrefix(bucket, prefixList) && !done[bucket] {
				done[bucket] = true
				s.values = append(s.values, s.bestOf(bucket)...)
			}
		}
		if !t.damagedIn("") {
			break // it knows them all
		}
	}
	s.values = append(s.values, s.bestOf(string(bucketMeta))...)
}

// bestOf are the values of a bucket in the newest tree that has it whole, else
// what can be read of it.
func (s *salvage) bestOf(bucket string) (all []value) {
	for _, good := range []func(*tree, string) bool{(*tree).sound, (*tree).readable, func(t *tree, b string) bool { return t.buckets[b] }} {
		for _, t := range s.trees {
			if t.buckets[bucket] && good(t, bucket) {
				return t.of(bucket)
			}
		}
	}
	return nil
}

// wanted returns which records count although base does not lead to them: those
// of which it cannot tell whether they are there. Of all others it says that
// they were trimmed, or that their commit never came to be.
func (s *salvage) wanted() func(seq uint64) bool {
	t := s.base
	var all []stretch
	end := uint64(0)
	for _, other := range s.trees {
		end = max(end, other.seen)
	}
	end += 1 << 32 // no further: what lies about may be no record
	if s.last && t.coherent() {
		end = t.sequence
	} else {
		all = append(all, stretch{t.sequence + 1, end})
	}
	if !t.buckets[string(bucketEvents)] || t.seen > t.sequence {
		all = append(all, stretch{1, end})
	}
	for _, d := range t.damages {
		if d.bucket == string(bucketEvents) {
			hole := stretch{max(1, sequenceOf(d.lo)), end}
			if d.hi != nil {
				hole.to = sequenceOf(d.hi) - 1
			}
			all = append(all, hole)
		}
	}
	all = append(all, t.missing()...)
	// A cursor that is further back than in base waits for what was trimmed since.
	lowest := uint64(math.MaxUint64)
	for name, p := range s.positions {
		if there, ok := t.position[name]; !ok || p.position < there.position {
			lowest = min(lowest, p.position)
		}
	}
	if lowest < end {
		all = append(all, stretch{lowest + 1, end})
	}
	has := func(all []stretch, seq uint64) bool {
		return slices.ContainsFunc(all, func(s stretch) bool { return s.from <= seq && seq <= s.to })
	}
	return func(seq uint64) bool {
		if seq > end || !has(all, seq) || has(t.gaps, seq) || seq <= lowest && has(t.trimmed, seq) {
			return false
		}
		_, there := slices.BinarySearchFunc(t.locations, seq, func(l location, seq uint64) int { return cmp.Compare(l.sequence, seq) })
		return !there
	}
}
