package storage

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "of the model test; 0: another one each time")
	steps = flag.Int("steps", 1500, "of the model test")
)

// A model says what a store must hold.
type model struct {
	events  []Entry // by sequence, from 1
	known   map[ID]uint64
	cursors map[string]*modelCursor
	lists   map[string][]string
}

type modelCursor struct {
	position uint64
	entries  map[string]string
	held     map[uint64]bool
}

// TestModel does anything, in any order, and compares.
func TestModel(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("go test -run TestModel -seed %d -steps %d", s, *steps)
	for _, size := range []int64{minSize, 16 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, rand.New(rand.NewPCG(s, uint64(size))), size) })
		})
	}
}

func walk(t *testing.T, r *rand.Rand, size int64) {
	dir := t.TempDir()
	o := testOptions()
	o.MaxSize = size
	o.Keep = 10 * time.Minute
	l := openLog(t, dir, o)
	m := &model{known: make(map[ID]uint64), cursors: make(map[string]*modelCursor), lists: make(map[string][]string)}
	for _, c := range l.cursors {
		m.cursors[c.spec.Name] = &modelCursor{entries: make(map[string]string), held: make(map[uint64]bool)}
	}
	for step := range *steps {
		switch n := r.IntN(100); {
		case n < 45:
			m.append(t, r, l)
		case n < 75:
			m.update(t, r, l)
		case n < 80:
			list, text := []string{"refused", "rejected"}[r.IntN(2)], fmt.Sprint("body ", step)
			l.Remember(list, []byte(text))
			m.lists[list] = append(m.lists[list], text)
		case n < 90:
			time.Sleep(time.Duration(r.IntN(120)) * time.Second)
		case n < 98:
			m.compare(t, r, l, false)
		default:
			l.stop()
			l = openLog(t, dir, o)
			m.compare(t, r, l, true)
		}
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
	m.compare(t, r, l, true)
	t.Logf("%d events, %+v", len(m.events), l.Stats())
}

// append stores new events and repeats.
func (m *model) append(t *testing.T, r *rand.Rand, l *testLog) {
	var es []Entry
	var want []uint64
	next := uint64(len(m.events))
	fresh := make(map[ID]bool)
	for range 1 + r.IntN(40) {
		if len(m.events) > 0 && r.IntN(10) == 0 {
			n := len(m.events) // a small store remembers fewer ids over a restart
			es, want = append(es, m.events[n-1-r.IntN(min(n, int(l.options.idWindow())))]), append(want, 0)
			continue
		}
		e := event(fmt.Sprint(r.Uint64(), string(bytes.Repeat([]byte("x"), r.IntN(1200)))))
		next++
		es, want = append(es, e), append(want, next)
		fresh[e.ID] = true
		if r.IntN(10) == 0 {
			es, want = append(es, e), append(want, 0)
		}
	}
	got, err := l.Append(context.Background(), es)
	if errors.Is(err, ErrFull) {
		if l.Stats().Bytes < l.options.fullAt() || len(fresh) == 0 {
			t.Errorf("full at %+v", l.Stats())
		}
		return
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for i, e := range es {
		if want[i] > 0 {
			m.events = append(m.events, e)
			m.known[e.ID] = want[i]
		}
	}
}

// update moves a cursor, and changes what it has.
func (m *model) update(t *testing.T, r *rand.Rand, l *testLog) {
	c := l.cursors[r.IntN(len(l.cursors))]
	mc := m.cursors[c.spec.Name]
	u := Update{Put: make(map[string][]byte)}
	last := uint64(len(m.events))
	if r.IntN(3) > 0 {
		u.Position = mc.position + uint64(r.IntN(60))
		if r.IntN(10) == 0 {
			u.Position = uint64(r.IntN(int(last) + 1))
		}
	}
	for range r.IntN(4) {
		name := fmt.Sprint("entry ", r.IntN(50))
		if r.IntN(3) == 0 {
			u.Put[name] = nil
			delete(mc.entries, name)
		} else {
			u.Put[name] = bytes.Repeat([]byte("e"), r.IntN(300))
			mc.entries[name] = string(u.Put[name])
		}
	}
	// Hold only what is certain to be there, as a forward does.
	if mc.position < last && r.IntN(4) == 0 && len(mc.held) < 20 {
		seq := mc.position + 1 + uint64(r.IntN(int(last-mc.position)))
		u.Hold = []uint64{seq}
		mc.held[seq] = true
	}
	for seq := range mc.held {
		if r.IntN(20) == 0 && !slices.Contains(u.Hold, seq) {
			u.Release = append(u.Release, seq)
			delete(mc.held, seq)
		}
	}
	mc.position = max(mc.position, min(u.Position, last))
	if r.IntN(4) > 0 {
		c.Save(u)
	} else if err := c.Commit(context.Background(), u); err != nil {
		t.Error(err)
	}
}

// compare looks at what the store holds; if deep at everything.
func (m *model) compare(t *testing.T, r *rand.Rand, l *testLog, deep bool) {
	boundary := uint64(len(m.events))
	held := make(map[uint64]bool)
	for _, c := range l.cursors {
		mc := m.cursors[c.spec.Name]
		entries, err := c.Entries()
		got := make(map[string]string)
		for k, v := range entries {
			got[k] = string(v)
		}
		if err != nil || !maps.Equal(got, mc.entries) {
			t.Errorf("%s has %d entries, %v, want %d", c.spec.Name, len(got), err, len(mc.entries))
		}
		if c.Position() != mc.position || !slices.Equal(c.Held(), slices.Sorted(maps.Keys(mc.held))) {
			t.Errorf("%s: position %d, held %v, want %d, %v", c.spec.Name, c.Position(), c.Held(), mc.position, mc.held)
		}
		boundary = min(boundary, mc.position)
		maps.Copy(held, mc.held)
	}
	for name, want := range m.lists {
		got, err := l.Remembered(name)
		want = want[max(0, len(want)-listed):]
		if err != nil || !slices.EqualFunc(got, want, func(g []byte, w string) bool { return string(g) == w }) {
			t.Errorf("list %s holds %q, %v, want %q", name, got, err, want)
		}
	}
	stats := l.Stats()
	if stats.LastSequence != uint64(len(m.events)) || stats.Bytes > stats.MaxBytes {
		t.Errorf("%+v, want %d events", stats, len(m.events))
	}
	if !deep {
		after := uint64(r.IntN(len(m.events) + 1))
		rs, err := l.Read(after, 5)
		if err != nil || after < uint64(len(m.events)) && len(rs) == 0 && after >= boundary {
			t.Errorf("Read(%d): %d records, %v", after, len(rs), err)
		}
		for _, rec := range rs {
			m.same(t, rec)
		}
		return
	}
	there := make(map[uint64]bool)
	for after, more := uint64(0), true; more; {
		rs, err := l.Read(after, 100)
		if err != nil {
			t.Error(err)
		}
		for _, rec := range rs {
			m.same(t, rec)
			there[rec.Sequence] = true
			after = rec.Sequence
		}
		more = len(rs) > 0
	}
	for seq := range m.events {
		if seq := uint64(seq + 1); !there[seq] && (seq > boundary || held[seq]) {
			t.Errorf("event %d is gone; delivered are those up to %d, held %v", seq, boundary, held)
		}
	}
	if len(there) != stats.Records {
		t.Errorf("%d records, %+v", len(there), stats)
	}
	if len(there) > 0 && slices.Min(slices.Collect(maps.Keys(there))) != stats.FirstSequence {
		t.Errorf("%+v", stats)
	}
}

func (m *model) same(t *testing.T, r Record) {
	want := m.events[r.Sequence-1]
	if r.ID != want.ID || !bytes.Equal(r.Data, want.Data) {
		t.Errorf("event %d has other bytes", r.Sequence)
	}
}
