package storage

// remembered is how many ids a window holds.
const remembered = 100_000

// A window holds the newest ids, oldest first, in about 45 bytes each. Those
// added last are pending until settle or undo.
type window struct {
	ring       []ID // its length is a power of two
	head, tail uint32
	settled    uint32
	at         map[ID]uint32 // number, modulo the ring's length its place
}

// newWindow makes a window with room for so many.
func newWindow(n int) *window {
	size := 256
	for size < n {
		size *= 2
	}
	return &window{ring: make([]ID, size), at: make(map[ID]uint32, n)}
}

// add puts id in unless it is there already; it reports whether it was there,
// and then whether it is pending itself.
func (w *window) add(id ID) (known, pending bool) {
	if n, ok := w.at[id]; ok {
		return true, int32(n-w.settled) >= 0
	}
	if int(w.tail-w.head) == len(w.ring) {
		w.grow()
	}
	w.ring[w.tail&uint32(len(w.ring)-1)] = id
	w.at[id] = w.tail
	w.tail++
	return false, false
}

// settle makes what was added stay, and lets the oldest go.
func (w *window) settle() {
	for w.tail-w.head > remembered {
		delete(w.at, w.ring[w.head&uint32(len(w.ring)-1)])
		w.head++
	}
	w.settled = w.tail
}

// pending are those that undo would take out.
func (w *window) pending() (ids []ID) {
	for n := w.settled; n != w.tail; n++ {
		ids = append(ids, w.ring[n&uint32(len(w.ring)-1)])
	}
	return ids
}

// undo takes out what was added since the last settle.
func (w *window) undo() {
	for w.tail != w.settled {
		w.tail--
		delete(w.at, w.ring[w.tail&uint32(len(w.ring)-1)])
	}
}

func (w *window) grow() {
	ring := make([]ID, 2*len(w.ring))
	for n := w.head; n != w.tail; n++ {
		ring[n&uint32(len(ring)-1)] = w.ring[n&uint32(len(w.ring)-1)]
	}
	w.ring = ring
}
