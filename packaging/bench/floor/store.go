package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
)

const (
	groupSize  = 256     // posts in one commit at most
	trimRun    = 256     // kept events are given up by so many at least, as deskbell does
	remembered = 100_000 // ids
	overhead   = 24      // of an event in the file, beside its bytes
)

var (
	bucketEvents = []byte("events")
	bucketIDs    = []byte("ids")
)

type options struct {
	ids  bool
	keep int64
}

// A record is an event that has its place.
type record struct {
	sequence uint64
	data     []byte
}

// A post waits for the commit of its events.
type post struct {
	events [][]byte
	done   chan error
}

// A store is one bbolt file with a single writer.
type store struct {
	options
	db          *bolt.DB
	posts       chan *post
	pool        sync.Pool
	stored      func([]record) // called after each commit
	undelivered []record       // found at the start
	commits     int64          // atomic

	last  uint64 // sequence
	first uint64 // of those kept
	bytes int64  // of those kept

	mu        sync.Mutex
	delivered []uint64       // since the last commit
	sizes     map[uint64]int // of delivered events that are kept
}

func openStore(path string, o options) (*store, error) {
	// The options are deskbell's.
	db, err := bolt.Open(path, 0o640, &bolt.Options{
		PageSize: 4096, FreelistType: bolt.FreelistMapType, NoFreelistSync: true, InitialMmapSize: 64 << 20})
	if err != nil {
		return nil, err
	}
	s := &store{options: o, db: db, posts: make(chan *post, 4096), first: 1, sizes: map[uint64]int{}}
	s.pool.New = func() any { return &post{done: make(chan error, 1)} }
	return s, db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketEvents, bucketIDs} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		c := tx.Bucket(bucketEvents).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			s.last = binary.BigEndian.Uint64(k)
			s.bytes += int64(len(v)) + overhead
			s.undelivered = append(s.undelivered, record{s.last, bytes.Clone(v)})
		}
		if len(s.undelivered) > 0 {
			s.first = s.undelivered[0].sequence
		}
		return nil
	})
}

// append returns when body is on the disk.
func (s *store) append(body []byte, lines bool) error {
	p := s.pool.Get().(*post)
	defer s.pool.Put(p)
	p.events = append(p.events[:0], body)
	if lines {
		p.events = bytes.Split(body, []byte("\n"))
	}
	s.posts <- p
	return <-p.done
}

// acknowledged notes an event that the broker has; it goes with the next
// commit.
func (s *store) acknowledged(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivered = append(s.delivered, r.sequence)
	if s.keep > 0 {
		s.sizes[r.sequence] = len(r.data) + overhead
	}
}

// run commits whatever is there, as one group.
func (s *store) run() {
	var group []*post
	for p := range s.posts {
		group = append(group[:0], p)
		for more := true; more && len(group) < groupSize; {
			select {
			case p := <-s.posts:
				group = append(group, p)
			default:
				more = false
			}
		}
		records, err := s.commit(group)
		for _, p := range group {
			p.done <- err
		}
		if err == nil {
			s.stored(records)
		}
	}
}

func (s *store) commit(group []*post) (records []record, err error) {
	s.mu.Lock()
	delivered := s.delivered
	s.delivered = nil
	s.mu.Unlock()
	sequence := s.last
	for _, p := range group {
		for _, e := range p.events {
			sequence++
			records = append(records, record{sequence, e})
		}
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		events := tx.Bucket(bucketEvents)
		events.FillPercent = 1
		gone := delivered
		if s.keep > 0 {
			gone = s.trim()
		}
		for _, n := range gone {
			if err := events.Delete(key(n)); err != nil {
				return err
			}
		}
		for _, r := range records {
			s.bytes += int64(len(r.data)) + overhead
			if err := events.Put(key(r.sequence), r.data); err != nil {
				return err
			}
		}
		if s.ids {
			return s.remember(tx.Bucket(bucketIDs), records)
		}
		return nil
	})
	if err == nil {
		s.last = sequence
		atomic.AddInt64(&s.commits, 1)
	}
	return records, err
}

// trim chooses delivered events from the front, where there are too many bytes.
func (s *store) trim() (gone []uint64) {
	if s.bytes < s.keep {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(gone) < trimRun || s.bytes >= s.keep {
		size, ok := s.sizes[s.first]
		if !ok {
			break
		}
		delete(s.sizes, s.first)
		gone = append(gone, s.first)
		s.bytes -= int64(size)
		s.first++
	}
	return gone
}

// remember keeps the ids of one commit as one value, and lets the oldest go.
func (s *store) remember(b *bolt.Bucket, records []record) error {
	b.FillPercent = 1
	var ids []byte
	for _, r := range records {
		sum := sha256.Sum256(r.data)
		ids = append(ids, sum[:16]...)
	}
	if err := b.Put(key(records[0].sequence), ids); err != nil {
		return err
	}
	if k, _ := b.Cursor().First(); binary.BigEndian.Uint64(k)+remembered < records[0].sequence {
		return b.Delete(k)
	}
	return nil
}

func key(sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), sequence)
}
