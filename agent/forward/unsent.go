package forward

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"deskbell/storage"
)

// unsentPrefix begins the names of the cursor's entries that say of what is set
// aside that no message could be made of it; the sequence follows.
const unsentPrefix = "unsent/"

// unsent are the events that are set aside by no broker's fault.
type unsent struct {
	mu   sync.Mutex
	seqs map[uint64]bool
}

// restore reads what is noted, and has the notes of what is not held any more
// removed.
func (n *unsent) restore(c Cursor, entries map[string][]byte) {
	n.seqs = make(map[uint64]bool)
	held := c.Held()
	gone := make(map[string][]byte)
	for name := range entries {
		text, ours := strings.CutPrefix(name, unsentPrefix)
		if !ours {
			continue
		}
		if seq, err := strconv.ParseUint(text, 10, 64); err == nil && slices.Contains(held, seq) {
			n.seqs[seq] = true
		} else {
			gone[name] = nil
		}
	}
	if len(gone) > 0 {
		c.Save(storage.Update{Put: gone})
	}
}

// note adds to u, which holds events, that no message could be made of them.
func (n *unsent) note(u *storage.Update) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, seq := range u.Hold {
		n.seqs[seq] = true
		n.put(u, seq, []byte{})
	}
}

// clear adds to u that the broker has taken or refused an event.
func (n *unsent) clear(u *storage.Update, seq uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seqs[seq] {
		delete(n.seqs, seq)
		n.put(u, seq, nil)
	}
}

func (n *unsent) put(u *storage.Update, seq uint64, value []byte) {
	if u.Put == nil {
		u.Put = make(map[string][]byte)
	}
	u.Put[unsentPrefix+strconv.FormatUint(seq, 10)] = value
}

// count counts those of held.
func (n *unsent) count(held []uint64) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	sum := 0
	for _, seq := range held {
		if n.seqs[seq] {
			sum++
		}
	}
	return sum
}
