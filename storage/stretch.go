package storage

import (
	"cmp"
	"slices"
)

// A stretch is sequences that follow one another, both ends included.
type stretch struct{ from, to uint64 }

// grown returns stretches and seq, which comes after them.
func grown(all []stretch, seq uint64) []stretch {
	if n := len(all); n > 0 && all[n-1].to+1 == seq {
		all[n-1].to = seq
		return all
	}
	return append(all, stretch{seq, seq})
}

// missing are sequences that must be there and are not. Records are given up
// from the front, but for those that are held: so from the first one on that is
// not delivered, nor held, they are all there, but for gaps. Between records
// that were held by a cursor which is no more, and that stay for a while, there
// are ids.
func (t *tree) missing() (all []stretch) {
	slowest := t.sequence
	for _, p := range t.position {
		if p.delivers { // another one that is new begins at what is held since long
			slowest = min(slowest, p.position)
		}
	}
	gaps := slices.Concat(t.gaps, t.trimmed)
	slices.SortFunc(gaps, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	next := slowest + 1
	began := false
	for _, r := range t.runs {
		for !began && r.from <= r.to && t.held[r.from] {
			r.from++
		}
		if r.to <= slowest || r.from > r.to {
			continue
		}
		if r.from > next && began {
			all = append(all, without(stretch{next, r.from - 1}, gaps)...)
		}
		next, began = r.to+1, true
	}
	if next <= t.sequence {
		all = append(all, without(stretch{next, t.sequence}, gaps)...)
	}
	return all
}

// without returns what is left of s without gaps, which are in their order.
func without(s stretch, gaps []stretch) (left []stretch) {
	for _, g := range gaps {
		if g.to < s.from || g.from > s.to {
			continue
		}
		if g.from > s.from {
			left = append(left, stretch{s.from, g.from - 1})
		}
		if g.to >= s.to {
			return left
		}
		s.from = g.to + 1
	}
	return append(left, s)
}
