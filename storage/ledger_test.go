package storage

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLedger compares with a sorted list.
func TestLedger(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var l ledger
	var model []uint64
	size := func(seq uint64) int { return int(seq * 7 % 100) }
	last := uint64(0)
	for step := range 20_000 {
		switch n := r.IntN(10); {
		case n < 6:
			last++
			if r.IntN(50) == 0 {
				last += uint64(r.IntN(2000))
			}
			l.add(last, size(last))
			model = append(model, last)
		case len(model) > 0 && n < 9: // at the front, mostly
			at := min(len(model)-1, r.IntN(3))
			if n == 8 {
				at = r.IntN(len(model))
			}
			l.remove(model[at], size(model[at]))
			model = slices.Delete(model, at, at+1)
		}
		if step%10 != 0 {
			continue
		}
		seq := uint64(r.IntN(int(last) + 300))
		at, there := slices.BinarySearch(model, seq)
		if l.has(seq) != there {
			t.Fatalf("step %d: has(%d) is %v", step, seq, !there)
		}
		if there {
			at++
		}
		next := uint64(0)
		if at < len(model) {
			next = model[at]
		}
		if got := l.next(seq); got != next {
			t.Fatalf("step %d: next(%d) is %d, want %d", step, seq, got, next)
		}
		bytes, all := int64(0), int64(0)
		for i, seq := range model {
			all += int64(size(seq)) + recordOverhead
			if i >= at {
				bytes += int64(size(seq)) + recordOverhead
			}
		}
		records, about := l.after(seq)
		if records != len(model)-at || about < bytes-256*124 || about > bytes+256*124 {
			t.Fatalf("step %d: after(%d) are %d records of %d bytes, want %d of %d", step, seq, records, about, len(model)-at, bytes)
		}
		if l.records != len(model) || l.bytes != all {
			t.Fatalf("step %d: %d records of %d bytes, want %d of %d", step, l.records, l.bytes, len(model), all)
		}
	}
	if records, bytes := l.after(0); records != l.records || bytes != l.bytes {
		t.Errorf("after the beginning are %d records of %d bytes, of %d and %d", records, bytes, l.records, l.bytes)
	}
}

// TestLedgersJoin: two of them are as one, wherever the second begins.
func TestLedgersJoin(t *testing.T) {
	sequences := []uint64{1, 2, 200, 255, 256, 257, 511, 1024, 5000, 5001}
	var whole ledger
	for _, seq := range sequences {
		whole.add(seq, int(seq)%7)
	}
	for at := range len(sequences) + 1 {
		var a, b ledger
		for _, seq := range sequences[:at] {
			a.add(seq, int(seq)%7)
		}
		for _, seq := range sequences[at:] {
			b.add(seq, int(seq)%7)
		}
		a.join(&b)
		if a.records != whole.records || a.bytes != whole.bytes || !slices.Equal(a.blocks, whole.blocks) {
			t.Errorf("parted at %d: %+v, want %+v", at, a, whole)
		}
	}
}
