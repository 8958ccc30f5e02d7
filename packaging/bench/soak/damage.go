package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A layout is which pages of a store may be damaged without the loss of an event
// that was not delivered yet.
type layout struct {
	pageSize int64
	places   map[string][]page // by what they hold
	records  int               // in the file
}

// A page with those that go on with it.
type page struct {
	id    uint64
	pages int64
}

// The names of places.
const (
	placeMeta      = "meta page"
	placeRoot      = "root of the buckets"
	placeBranch    = "branch page"
	placeDelivered = "page of delivered events"
	placeFree      = "free page"
)

// readLayout looks at a store that nobody has open. forward is whose position
// says what is delivered.
func readLayout(path, forward string) (l layout, err error) {
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	l = layout{pageSize: int64(db.Info().PageSize), places: map[string][]page{placeMeta: {{0, 1}, {1, 1}}}}
	err = db.View(func(tx *bolt.Tx) error {
		var delivered uint64
		if v := tx.Bucket([]byte("meta")).Get([]byte("position.forward/" + forward)); len(v) >= 12 {
			delivered = binary.BigEndian.Uint64(v[4:])
		}
		events := tx.Bucket([]byte("events"))
		last := map[uint64]uint64{} // by page of events: the last sequence in it
		if err := l.walk(f, uint64(events.RootPage()), last); err != nil {
			return err
		}
		used := false
		for id := int64(2); id < tx.Size()/l.pageSize; id++ {
			info, err := tx.Page(int(id))
			if err != nil {
				return err
			}
			if info == nil {
				break // beyond what was ever used
			}
			p := page{uint64(id), 1}
			switch info.Type {
			case "free":
				l.places[placeFree] = append(l.places[placeFree], p)
				continue
			case "branch":
				l.places[placeBranch] = append(l.places[placeBranch], p)
			case "leaf":
				sequence, ofEvents := last[p.id]
				p.pages += int64(info.OverflowCount)
				if ofEvents && sequence <= delivered {
					l.places[placeDelivered] = append(l.places[placeDelivered], p)
				}
				used = used || ofEvents
			}
			id += int64(info.OverflowCount)
		}
		if root := uint64(tx.Cursor().Bucket().RootPage()); used { // else events lie in it
			l.places[placeRoot] = []page{{root, 1}}
		}
		return nil
	})
	return l, err
}

// walk notes the last key of each leaf below a page.
func (l *layout) walk(f *os.File, id uint64, last map[uint64]uint64) error {
	const header, element = 16, 16
	if id == 0 {
		return nil // within the root
	}
	b := make([]byte, l.pageSize)
	if _, err := f.ReadAt(b, int64(id)*l.pageSize); err != nil {
		return err
	}
	order := binary.NativeEndian
	flags, count, overflow := order.Uint16(b[8:]), int(order.Uint16(b[10:])), order.Uint32(b[12:])
	if overflow > 0 {
		b = make([]byte, l.pageSize*int64(overflow+1))
		if _, err := f.ReadAt(b, int64(id)*l.pageSize); err != nil {
			return err
		}
	}
	for i := range count {
		at := header + i*element
		if flags&1 != 0 { // branch: position, length of key, page
			if err := l.walk(f, order.Uint64(b[at+8:]), last); err != nil {
				return err
			}
			continue
		}
		l.records++
		key := b[at+int(order.Uint32(b[at+4:])):] // leaf: flags, position, lengths
		last[id] = binary.BigEndian.Uint64(key)
	}
	return nil
}

// damage spoils some of the pages, one kind of place at a time, and says which.
// The positions of cursors are among what is spoilt where it returns true.
func (l *layout) damage(path string, r *rand.Rand) (what string, positions bool, err error) {
	var kinds []string
	for k, list := range l.places {
		if len(list) > 0 {
			kinds = append(kinds, k)
		}
	}
	slices.Sort(kinds)
	place := pick(r, kinds...)
	list := l.places[place]
	n := 1
	if place != placeMeta {
		n = min(len(list), 1+r.IntN(4))
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var said []string
	for range n {
		p := pick(r, list...)
		b := make([]byte, p.pages*l.pageSize)
		if _, err := f.ReadAt(b, int64(p.id)*l.pageSize); err != nil {
			return "", false, err
		}
		how := spoil(b, r)
		if _, err := f.WriteAt(b, int64(p.id)*l.pageSize); err != nil {
			return "", false, err
		}
		said = append(said, fmt.Sprintf("%d %s", p.id, how))
	}
	return fmt.Sprintf("%s %s", place, strings.Join(said, ", ")), place == placeMeta || place == placeRoot, nil
}

// spoil does to a page what disks do.
func spoil(b []byte, r *rand.Rand) string {
	noise := func(b []byte) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	switch r.IntN(5) {
	case 0:
		clear(b)
		return "zeroed"
	case 1:
		noise(b)
		return "random"
	case 2:
		noise(b[len(b)/2:])
		return "torn"
	case 3:
		at := 512 * r.IntN(len(b)/512)
		clear(b[at : at+512])
		return "a sector zeroed"
	default:
		at := r.IntN(len(b))
		b[at] ^= 1 << r.IntN(8)
		return fmt.Sprintf("a bit of byte %d turned", at)
	}
}
