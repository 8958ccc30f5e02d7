package storage

import (
	"bytes"
	"maps"
	"slices"
)

// compare looks at what the store holds; if deep at everything.
func (w *walker) compare(deep bool) {
	l, m := w.l, w.m
	if len(l.cursors) != len(m.cursors) {
		w.Errorf("%d cursors, want %d", len(l.cursors), len(m.cursors))
	}
	for _, c := range l.cursors {
		mc := m.cursors[c.spec.Name]
		entries, err := c.Entries()
		got := make(map[string]string)
		for k, v := range entries {
			got[k] = string(v)
		}
		if err != nil || !maps.Equal(got, mc.entries) {
			w.Errorf("%s has %d entries, %v, want %d", c.spec.Name, len(got), err, len(mc.entries))
		}
		if c.Position() != mc.position || !slices.Equal(c.Held(), slices.Sorted(maps.Keys(mc.held))) {
			w.Errorf("%s: position %d, held %v, want %d, %v", c.spec.Name, c.Position(), c.Held(), mc.position, mc.held)
		}
	}
	for name, want := range m.lists {
		got, err := l.Remembered(name)
		want = want[max(0, len(want)-listed):]
		if err != nil || !slices.EqualFunc(got, want, func(g []byte, w string) bool { return string(g) == w }) {
			w.Errorf("list %s holds %q, %v, want %q", name, got, err, want)
		}
	}
	stats := l.Stats()
	if stats.LastSequence != uint64(len(m.events)) || stats.Bytes > stats.MaxBytes {
		w.Errorf("%+v, want %d events", stats, len(m.events))
	}
	if p := l.Problems(); len(p) > 0 && l.Ready() == nil && !stats.NearlyFull {
		w.Errorf("problems: %q", p)
	}
	if !deep {
		after := uint64(w.r.IntN(len(m.events) + 1))
		rs, err := l.Read(after, 5)
		if err != nil || after < uint64(len(m.events)) && len(rs) == 0 && after >= m.passed {
			w.Errorf("Read(%d): %d records, %v", after, len(rs), err)
		}
		for _, rec := range rs {
			w.same(rec)
		}
		return
	}
	there := w.there()
	held := m.held()
	for seq := range m.events {
		if seq := uint64(seq + 1); !there[seq] && (seq > m.passed || held[seq]) {
			w.Errorf("event %d is gone; delivered are those up to %d, held %v", seq, m.passed, held)
		}
	}
	slowest := stats.LastSequence
	for _, mc := range m.cursors {
		if mc.delivers {
			slowest = min(slowest, mc.position)
		}
	}
	undelivered := 0
	for seq := range there {
		if seq > slowest {
			undelivered++
		}
	}
	if n, _ := l.Undelivered(); n != undelivered {
		w.Errorf("%d are undelivered, not %d", undelivered, n)
	}
	if len(there) != stats.Records {
		w.Errorf("%d records, %+v", len(there), stats)
	}
	if len(there) > 0 && slices.Min(slices.Collect(maps.Keys(there))) != stats.FirstSequence {
		w.Errorf("%+v, the first is %d", stats, slices.Min(slices.Collect(maps.Keys(there))))
	}
}

// there is what can be read, after a look at each.
func (w *walker) there() map[uint64]bool {
	w.Helper()
	there := make(map[uint64]bool)
	for after, more := uint64(0), true; more; {
		rs, err := w.l.Read(after, 100)
		if err != nil {
			w.Error(err)
		}
		for _, rec := range rs {
			w.same(rec)
			there[rec.Sequence] = true
			after = rec.Sequence
		}
		more = len(rs) > 0
	}
	return there
}

func (w *walker) same(r Record) {
	want := w.m.events[r.Sequence-1]
	if r.ID != want.ID || !bytes.Equal(r.Data, want.Data) {
		w.Errorf("event %d has other bytes", r.Sequence)
	}
}
