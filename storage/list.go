package storage

import (
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// listed is how many a list keeps.
const listed = 20

// A list is what Remember keeps of one name. Its owner is Log.mu.
type list struct {
	bucket  []byte
	next    uint64 // the number that the next one gets
	pending []item
	flight  []item // being committed
}

// An item is numbered so that it is known again in the file.
type item struct {
	number uint64
	data   []byte
}

// Remember adds data to a list, of which the newest 20 are kept, 1/64 of
// Options.MaxSize at most: what is larger by itself is not kept. It returns at
// once; data becomes durable with the next append, or about a second later at
// most. The store keeps data: do not change it. Once Run has returned, it does
// nothing.
func (l *Log) Remember(name string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state >= ended {
		return
	}
	l.list(name).add(data, l.options.listBytes())
	l.touch()
}

// list returns a list, which may be a new one; the caller holds the lock.
func (l *Log) list(name string) *list {
	li := l.lists[name]
	if li == nil {
		li = &list{bucket: []byte(prefixList + name), next: 1}
		l.lists[name] = li
	}
	return li
}

// Remembered returns copies of what a list holds, the oldest first, durable or
// not. It reads the store, which nobody else waits for. Errors: ErrClosed.
func (l *Log) Remembered(name string) ([][]byte, error) { return l.remembered(l.view, name) }

func (l *Log) remembered(view viewer, name string) ([][]byte, error) {
	var items, over []item
	err := l.moment(view, func() {
		if li := l.lists[name]; li != nil {
			over = slices.Concat(li.flight, li.pending)
		}
	}, func(tx *bolt.Tx) error {
		items = readList(tx, name)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read list %s: %w", name, err)
	}
	return overlaid(items, over), nil
}

// newest cuts items down to the last ones.
func newest(items []item) []item {
	return slices.Delete(items, 0, max(0, len(items)-listed))
}

// add adds data, unless it alone is more than what the list may hold.
func (li *list) add(data []byte, most int) {
	if len(data) > most-sealSize {
		return
	}
	li.pending = newest(append(li.pending, item{li.next, data}))
	li.next++
	bytes := 0
	for i := len(li.pending) - 1; i >= 0; i-- {
		if bytes += len(li.pending[i].data) + sealSize; bytes > most {
			li.pending = slices.Delete(li.pending, 0, i+1)
			return
		}
	}
}

// overlaid returns what is in the file with what will be there, oldest first.
func overlaid(saved, over []item) [][]byte {
	for _, it := range over {
		if !slices.ContainsFunc(saved, func(s item) bool { return s.number == it.number }) {
			saved = append(saved, it)
		}
	}
	var data [][]byte
	for _, it := range newest(saved) {
		data = append(data, it.data)
	}
	return data
}

// take, settle and restore are those of Cursor.
func (li *list) take() { li.flight, li.pending = li.pending, li.flight[:0] }

func (li *list) settle() {
	clear(li.flight)
	li.flight = li.flight[:0]
}

func (li *list) restore() {
	li.pending = newest(append(slices.Clone(li.flight), li.pending...))
	li.settle()
}

// write puts what is in flight into tx and lets the oldest go.
func (li *list) write(tx *bolt.Tx, vs *values, most int) error {
	if len(li.flight) == 0 {
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(li.bucket)
	if err != nil {
		return err
	}
	for _, it := range li.flight {
		key := sequenceKey(it.number)
		if err := b.Put(key, vs.seal(key, it.data)); err != nil {
			return err
		}
	}
	n, bytes, old := 0, 0, [][]byte(nil)
	c := b.Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		if n, bytes = n+1, bytes+len(v); n > listed || bytes > most {
			old = append(old, k)
		}
	}
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// readList returns copies of the items of a list in the file.
func readList(tx *bolt.Tx, name string) (items []item) {
	b := tx.Bucket([]byte(prefixList + name))
	if b == nil {
		return nil
	}
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if payload, ok := unseal(k, v); ok {
			items = append(items, item{sequenceOf(k), append([]byte{}, payload...)})
		}
	}
	return newest(items)
}
