package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// A Cursor is one consumer's place in the log together with entries of its
// own, bytes under a name that mean nothing to the store. All methods may be
// called at once from several goroutines.
type Cursor struct {
	log    *Log
	spec   CursorSpec
	key    []byte // of the position in bucketMeta
	bucket []byte // of entries and held sequences

	// Guarded by log.mu.
	position uint64
	held     map[uint64]bool // the keys count
	pending  changes         // given since the last commit began
	flight   changes         // being committed

	// Of the writer.
	begun bool          // entries of it were lost: until a restart nothing is stored of it, so that its consumer begins anew then
	taken savedPosition // being committed
	saved savedPosition // in the file
}

// changes are entries to put, nil to delete, and sequences to hold (true) or
// to release.
type changes struct {
	put  map[string][]byte
	hold map[uint64]bool
}

// An Update changes a cursor. What one Update says becomes durable in one
// piece: after a crash all of it is there or nothing.
type Update struct {
	// Position is the sequence up to which everything is done. 0 leaves it as
	// it is, and so does a value below the position reached. One beyond the end
	// of the log counts as the end.
	Position uint64
	// Put sets entries by name; a nil value deletes one. An empty value that is
	// not nil is kept as an empty entry.
	Put map[string][]byte
	// Hold keeps records from being trimmed though the position passes them,
	// until Release or until the cursor is dropped. A record is held for
	// certain when it is given no later than the position that passes it.
	Hold, Release []uint64
}

func newCursor(l *Log, spec CursorSpec) *Cursor {
	return &Cursor{
		log:     l,
		spec:    spec,
		key:     []byte(prefixPosition + spec.Name),
		bucket:  []byte(prefixCursor + spec.Name),
		held:    make(map[uint64]bool),
		pending: changes{make(map[string][]byte), make(map[uint64]bool)},
		flight:  changes{make(map[string][]byte), make(map[uint64]bool)},
		saved:   savedPosition{position: math.MaxUint64}, // of a new one: none, so it will be written
	}
}

// Position returns the sequence up to which the consumer is done, with every
// Update given so far, durable or not. It does not block.
func (c *Cursor) Position() uint64 {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.position
}

// Pending counts the records after the position that are there: not those of
// gaps between sequences, nor what was given up. It does not block.
func (c *Cursor) Pending() int {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.log.toCome(c.position)
}

// Entries returns a copy of all entries, with every Update given so far. It
// reads all of them from the store: call it at start, not for each event. Nobody
// else waits for that. Errors: ErrClosed.
func (c *Cursor) Entries() (map[string][]byte, error) { return c.entries(c.log.view) }

func (c *Cursor) entries(view viewer) (map[string][]byte, error) {
	var entries map[string][]byte
	over := make(map[string][]byte)
	err := c.log.moment(view, func() {
		maps.Copy(over, c.flight.put)
		maps.Copy(over, c.pending.put)
	}, func(tx *bolt.Tx) (err error) {
		entries, err = entriesOf(tx, c.bucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read entries of %s: %w", c.spec.Name, err)
	}
	for k, v := range over {
		if v == nil {
			delete(entries, k)
		} else {
			entries[k] = append([]byte{}, v...)
		}
	}
	return entries, nil
}

// entriesOf reads what a bucket holds of entries, without those that are damaged.
func entriesOf(tx *bolt.Tx, bucket []byte) (map[string][]byte, error) {
	entries := make(map[string][]byte)
	b := tx.Bucket(bucket)
	if b == nil {
		return entries, nil
	}
	err := b.ForEach(func(k, v []byte) error {
		if payload, ok := unseal(k, v); ok && k[0] == prefixEntry {
			entries[string(k[1:])] = append([]byte{}, payload...)
		}
		return nil
	})
	return entries, err
}

// Held returns the sequences held for this cursor, ascending, with every
// Update given so far.
func (c *Cursor) Held() []uint64 {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return slices.Sorted(maps.Keys(c.held))
}

// Save takes u over and returns at once. It becomes durable with the next
// append, or about a second later at most. Updates are applied in the order of
// the calls. The store keeps the values of u.Put: do not change them. Once Run
// has returned, Save does nothing.
func (c *Cursor) Save(u Update) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.save(u)
}

// Commit is Save that waits until u, and everything saved before it, is
// durable. When ctx ends first, u may still become durable; after ErrNoSpace
// it is kept and becomes so when room returns. Errors: ErrNoSpace, ErrBroken,
// ErrClosed or ctx's.
func (c *Cursor) Commit(ctx context.Context, u Update) error {
	r := c.log.request(nil)
	c.log.mu.Lock()
	c.save(u)
	err := c.log.submit(r)
	c.log.mu.Unlock()
	if err == nil {
		err = c.log.wait(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("commit cursor %s: %w", c.spec.Name, err)
	}
	return nil
}

// save applies u; the caller holds the lock.
func (c *Cursor) save(u Update) {
	if c.log.state >= ended {
		return
	}
	if p := min(u.Position, c.log.visible); p > c.position {
		c.position = p
		c.log.touch()
	}
	for k, v := range u.Put {
		c.pending.put[k] = v
		c.log.touch()
	}
	for _, seq := range u.Hold {
		if !c.held[seq] && c.log.ledger.has(seq) {
			c.held[seq] = true
			c.pending.hold[seq] = true
			c.log.touch()
		}
	}
	for _, seq := range u.Release {
		if c.held[seq] {
			delete(c.held, seq)
			c.pending.hold[seq] = false
			c.log.touch()
		}
	}
}

// take begins a commit: what is pending is in flight. The caller holds the
// lock.
func (c *Cursor) take() {
	c.taken = savedPosition{c.position, c.spec.Delivers}
	c.pending, c.flight = c.flight, c.pending
}

// settle ends a commit: what was in flight is in the file. The caller holds
// the lock.
func (c *Cursor) settle() {
	c.saved = c.taken
	c.flight.clear()
}

// restore ends a commit that did not come to be. The caller holds the lock.
func (c *Cursor) restore() {
	for k, v := range c.flight.put {
		if _, newer := c.pending.put[k]; !newer {
			c.pending.put[k] = v
		}
	}
	for seq, hold := range c.flight.hold {
		if _, newer := c.pending.hold[seq]; !newer {
			c.pending.hold[seq] = hold
		}
	}
	c.flight.clear()
}

// clear empties the maps and keeps them, unless they have become large.
func (ch *changes) clear() {
	const large = 1024
	if len(ch.put) > large {
		ch.put = make(map[string][]byte)
	}
	if len(ch.hold) > large {
		ch.hold = make(map[uint64]bool)
	}
	clear(ch.put)
	clear(ch.hold)
}

// write puts what is in flight into tx.
func (c *Cursor) write(tx *bolt.Tx, vs *values) error {
	if c.begun {
		return nil
	}
	if c.taken != c.saved {
		var payload [9]byte
		if err := tx.Bucket(bucketMeta).Put(c.key, vs.seal(c.key, c.taken.appendTo(payload[:0]))); err != nil {
			return err
		}
	}
	if len(c.flight.put)+len(c.flight.hold) == 0 {
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(c.bucket)
	if err != nil {
		return err
	}
	var key []byte
	put := func(payload []byte, there bool) error {
		if there {
			return b.Put(key, vs.seal(key, payload))
		}
		return b.Delete(key)
	}
	for name, data := range c.flight.put {
		key = append(append(key[:0], prefixEntry), name...)
		if err := put(data, data != nil); err != nil {
			return err
		}
	}
	for seq, hold := range c.flight.hold {
		key = binary.BigEndian.AppendUint64(append(key[:0], prefixHeld), seq)
		if err := put(nil, hold); err != nil {
			return err
		}
	}
	return nil
}
