package storage

import "hash/maphash"

// remembered is how many ids a window holds.
const remembered = 100_000

// A window holds the newest ids, oldest first, in 24 to 48 bytes each. Those
// added last are pending until settle or undo.
type window struct {
	ring       []ID // its length is a power of two
	head, tail uint32
	settled    uint32

	// An open hash table, twice as long as the ring: places in the ring, plus
	// one; 0 where there is nothing. An id stands where its hash leads or, with
	// no empty place in between, after that.
	table []uint32
	seed  maphash.Seed
}

// newWindow makes a window with room for so many.
func newWindow(n int) *window {
	size := 256
	for size < n {
		size *= 2
	}
	return &window{ring: make([]ID, size), table: make([]uint32, 2*size), seed: maphash.MakeSeed()}
}

// add puts id in unless it is there already; it reports whether it was there,
// and then whether it is pending itself.
func (w *window) add(id ID) (known, pending bool) {
	at, known := w.find(id)
	if known {
		n := w.head + w.place(w.table[at]-1-w.head)
		return true, int32(n-w.settled) >= 0
	}
	if int(w.tail-w.head) == len(w.ring) {
		w.grow()
		at, _ = w.find(id)
	}
	w.put(at, id)
	return false, false
}

// settle makes what was added stay, and lets the oldest go.
func (w *window) settle() {
	for ; w.tail-w.head > remembered; w.head++ {
		w.remove(w.ring[w.place(w.head)])
	}
	w.settled = w.tail
}

// pending are those that undo would take out.
func (w *window) pending() (ids []ID) {
	for n := w.settled; n != w.tail; n++ {
		ids = append(ids, w.ring[w.place(n)])
	}
	return ids
}

// undo takes out what was added since the last settle.
func (w *window) undo() {
	for w.tail != w.settled {
		w.tail--
		w.remove(w.ring[w.place(w.tail)])
	}
}

// place is where the id of a number is in the ring.
func (w *window) place(number uint32) uint32 { return number & uint32(len(w.ring)-1) }

// home is where the hash of an id leads in the table.
func (w *window) home(id ID) uint32 {
	return uint32(maphash.Bytes(w.seed, id[:])) & uint32(len(w.table)-1)
}

// after is the next index of the table.
func (w *window) after(at uint32) uint32 { return (at + 1) & uint32(len(w.table)-1) }

// find returns the index in the table of an id that is there, else of the empty
// place where it belongs.
func (w *window) find(id ID) (at uint32, there bool) {
	for at = w.home(id); w.table[at] != 0; at = w.after(at) {
		if w.ring[w.table[at]-1] == id {
			return at, true
		}
	}
	return at, false
}

// put adds an id whose index in the table is known.
func (w *window) put(at uint32, id ID) {
	place := w.place(w.tail)
	w.ring[place], w.table[at] = id, place+1
	w.tail++
}

// remove takes an id out of the table, and moves those up that stand after it
// only because of it.
func (w *window) remove(id ID) {
	free, _ := w.find(id)
	for at := w.after(free); w.table[at] != 0; at = w.after(at) {
		home := w.home(w.ring[w.table[at]-1])
		if mask := uint32(len(w.table) - 1); (at-home)&mask >= (at-free)&mask {
			w.table[free], free = w.table[at], at
		}
	}
	w.table[free] = 0
}

func (w *window) grow() {
	larger := newWindow(2 * len(w.ring))
	larger.head, larger.tail, larger.settled = w.head, w.head, w.settled
	for n := w.head; n != w.tail; n++ {
		id := w.ring[w.place(n)]
		at, _ := larger.find(id)
		larger.put(at, id)
	}
	*w = *larger
}
