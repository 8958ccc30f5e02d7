package storage

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEveryBitOfARecordCounts(t *testing.T) {
	key := sequenceKey(7)
	v := appendRecord([]byte("before")[:0:0], key, event("some data"), stamp{3 * time.Second, 2 * time.Second, 1})
	for name, b := range map[string][]byte{"key": key, "value": v} {
		if _, ok := parseRecord(key, v); !ok {
			t.Fatal("it cannot be read")
		}
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			if _, ok := parseRecord(key, v); ok {
				t.Errorf("bit %d of the %s does not count", bit, name)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// FuzzRecord reads what may stand in a file.
func FuzzRecord(f *testing.F) {
	good := appendRecord(nil, sequenceKey(7), event("data"), stamp{wall: 5})
	f.Add(sequenceKey(7), good)
	f.Add(sequenceKey(8), good)
	f.Add([]byte{7}, appendRecord(nil, []byte{7}, Entry{}, stamp{elapsed: -1}))
	f.Add(sequenceKey(7), good[:dataAt-1])
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, key, v []byte) {
		id, s := recordID(v), recordStamp(v)
		r, ok := parseRecord(key, v)
		if !ok {
			return
		}
		if r.ID != id || r.Elapsed != s.elapsed || r.Sequence != sequenceOf(key) {
			t.Errorf("%+v", r)
		}
		if again := appendRecord(nil, key, Entry{r.ID, r.Data}, s); !bytes.Equal(again, v) {
			t.Errorf("%x became %x", v, again)
		}
	})
}

// FuzzMeta reads what may stand in the small values of a file.
func FuzzMeta(f *testing.F) {
	var vs values
	f.Add([]byte("k"), vs.seal([]byte("k"), savedPosition{7, true}.appendTo(nil)))
	f.Add([]byte("k"), vs.seal([]byte("k"), []byte{0, 0, 0, 0, 0, 0, 0, 1, 2}))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, key, v []byte) {
		var vs values
		if p, ok := parsePosition(key, v); ok && !bytes.Equal(vs.seal(key, p.appendTo(nil)), v) {
			t.Errorf("%x became %+v", v, p)
		}
		if seq := sequenceOf(key); seq != 0 && !bytes.Equal(sequenceKey(seq), key) {
			t.Errorf("%x became %d", key, seq)
		}
	})
}

func TestWindow(t *testing.T) {
	w := newWindow(0)
	id := func(n int) ID { return event(string(rune(n))).ID }
	add := func(n int, known, pending bool) {
		t.Helper()
		if k, p := w.add(id(n)); k != known || p != pending {
			t.Errorf("add(%d): %t, %t, want %t, %t", n, k, p, known, pending)
		}
	}
	add(1, false, false)
	add(1, true, true)
	w.settle()
	add(1, true, false)
	for n := 2; n < 1000; n++ {
		add(n, false, false)
	}
	add(500, true, true)
	w.undo()
	add(500, false, false)
	add(1, true, false)
	w.settle()
	if n := w.tail - w.head; n != 2 {
		t.Errorf("%d ids", n)
	}
	// The numbers come round.
	w = newWindow(0)
	w.head, w.tail, w.settled = ^uint32(0)-2, ^uint32(0)-2, ^uint32(0)-2
	for n := range 300 {
		add(n, false, false)
	}
	add(0, true, true)
	add(299, true, true)
	w.settle()
	for n := range 300 {
		add(n, true, false)
	}
}

// TestWindowIsAMapWithAnOrder compares a window with a map, while ids come, are
// taken back and go.
func TestWindowIsAMapWithAnOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWindow(0)
	w.head, w.tail, w.settled = ^uint32(0)-500, ^uint32(0)-500, ^uint32(0)-500
	known := make(map[ID]bool) // whether it is pending
	var order []ID
	for range 200_000 {
		switch r.IntN(20) {
		case 0:
			w.undo()
			for id, pending := range known {
				if pending {
					delete(known, id)
				}
			}
			order = slices.DeleteFunc(order, func(id ID) bool { _, there := known[id]; return !there })
		case 1:
			w.settle()
			for id := range known {
				known[id] = false
			}
			for len(order) > 700 { // as settle does it with many more
				w.remove(order[0])
				w.head++
				delete(known, order[0])
				order = order[1:]
			}
		default:
			id := ID{byte(r.IntN(256)), byte(r.IntN(16))}
			pending, there := known[id]
			if k, p := w.add(id); k != there || p != pending {
				t.Fatalf("add: %t, %t, want %t, %t", k, p, there, pending)
			}
			if !there {
				known[id] = true
				order = append(order, id)
			}
		}
		if n := int(w.tail - w.head); n != len(order) {
			t.Fatalf("%d ids, want %d", n, len(order))
		}
	}
	held := 0
	for _, place := range w.table {
		if place != 0 {
			held++
		}
	}
	if held != len(order) {
		t.Errorf("%d ids in the table, want %d", held, len(order))
	}
}

// BenchmarkWindow takes ids into a full window.
func BenchmarkWindow(b *testing.B) {
	w := newWindow(remembered)
	var id ID
	next := func() {
		binary.LittleEndian.PutUint64(id[:], binary.LittleEndian.Uint64(id[:])+0x9e3779b97f4a7c15)
		w.add(id)
	}
	for range remembered {
		next()
	}
	b.ReportAllocs()
	for b.Loop() {
		next()
		w.settle()
	}
}
