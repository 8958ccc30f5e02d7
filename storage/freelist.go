package storage

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The last commit of a Run writes a list of the free pages, which the next start
// would have to go through all others for. Each other commit leaves it out: it
// would write all of it anew.

// commitWithList has a transaction write the list too, or only itself where
// there is no room for that.
func (w *writer) commitWithList(db *bolt.DB, now stamp) (id int, err error) {
	if w.leaving {
		db.NoFreelistSync = false
		id, err = w.store(db, now)
		db.NoFreelistSync = true
		if !outOfPages(err) {
			return id, err
		}
	}
	return w.store(db, now)
}

// checkList says what is wrong with the list of free pages. bbolt takes it for
// what it is: all pages must be in use or in it, and none in both.
func (t *tree) checkList(m meta) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("page %d is damaged: %s", m.list, fmt.Sprintf(format, args...))
	}
	if m.list < 2 || m.list >= m.end || m.end > t.pages() {
		return bad("there is none, of %d pages", min(m.end, t.pages()))
	}
	at := int64(m.list) * pageSize
	b, err := t.read(at, pageSize, nil)
	if err != nil {
		return fmt.Errorf("read page %d: %w", m.list, err)
	}
	if len(b) < pageSize || order.Uint64(b) != m.list || order.Uint16(b[8:]) != kindList {
		return bad("it is no list of free pages")
	}
	size := (int64(order.Uint32(b[12:])) + 1) * pageSize
	if size > t.size-at {
		return bad("it does not end within the file")
	}
	if b, err = t.read(at, int(size), nil); err != nil {
		return fmt.Errorf("read page %d: %w", m.list, err)
	}
	if err := t.visit(m.list, len(b)); err != nil {
		return err
	}
	count, ids := uint64(order.Uint16(b[10:])), b[pageHead:]
	if count == 1<<16-1 {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return bad("%d pages do not fit into it", count)
	}
	last := uint64(0)
	for ids = ids[:8*count]; len(ids) > 0; ids = ids[8:] {
		id := order.Uint64(ids)
		switch {
		case id <= last:
			return bad("%d comes after %d", id, last)
		case id < 2 || id >= m.end:
			return bad("there is no page %d", id)
		case t.uses(id):
			return bad("page %d is in use", id)
		}
		last = id
		t.visited[id/64] |= 1 << (id % 64)
	}
	for id := uint64(2); id < m.end; id++ {
		if !t.uses(id) {
			return bad("page %d is neither in it nor in use", id)
		}
	}
	return nil
}
