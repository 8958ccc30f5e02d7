package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"math"
	"os"
	"slices"
)

// The pages of the file as bbolt v1.5.0 writes them (internal/common), read
// here without it: it trusts whatever a page says, and a page that says wrong
// things ends the process. Numbers are in the machine's own order.
//
//	page     id uint64, kind uint16, count uint16, overflow uint32: how many
//	         pages more belong to it; then count elements, then what they hold,
//	         in their order and without a gap
//	element  of a leaf: flags, position, length of key and of value: 4 × uint32;
//	         of a branch: position and length of key: 2 × uint32, child uint64.
//	         Positions count from the element
//	bucket   a value: root uint64, sequence uint64; where the root is 0 its only
//	         page follows
//	list     of free pages: count uint16, then so many uint64, ascending; a
//	         count of 65,535 says that the first of them is the count
//	meta     pages 0 and 1: magic, version, page size, flags: 4 × uint32; the
//	         root's bucket; list of free pages, end of the pages, transaction:
//	         3 × uint64; FNV-1a of all that
const (
	pageHead    = 16
	elementHead = 16
	bucketHead  = 16

	kindBranch = 1
	kindLeaf   = 2
	kindMeta   = 4
	kindList   = 16

	isBucket = 1 // a flag of an element

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSum     = 56 // where the checksum stands
)

// noList stands for the page of the list where there is none.
const noList = math.MaxUint64

// cutAtMost is how much is looked at of a page that does not end within the
// file.
const cutAtMost = 16 << 20

// order is how bbolt writes numbers.
var order = binary.NativeEndian

// A meta is what one of the first two pages says.
type meta struct {
	root        uint64
	transaction uint64
	list        uint64 // the page with the list of free pages, or noList
	end         uint64 // of the pages that were ever used
}

// A page is one read from the file, with those that belong to it.
type page struct {
	at    int64 // in the file
	b     []byte
	leaf  bool
	count int
}

// An element of a page. Key and value are within the page.
type element struct {
	bucket bool
	key    []byte
	value  []byte
	at     int64  // of value in the file
	child  uint64 // of a branch: the page below
}

// A pager reads pages from a file.
type pager struct {
	file *os.File
	disk io.ReaderAt // what is read of it: file, or blocks
	size int64
	stop func() error // says when there is no more time for reading; may be nil
}

func openPager(path string) (*pager, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &pager{file: f, disk: f, size: info.Size()}, nil
}

// pages is how many the file has, the last one perhaps not whole.
func (p *pager) pages() uint64 { return uint64((p.size + pageSize - 1) / pageSize) }

// read reads n bytes, less at the end of the file. It uses buf where that is
// large enough.
func (p *pager) read(at int64, n int, buf []byte) ([]byte, error) {
	if err := p.ended(); err != nil {
		return nil, err
	}
	n = int(min(int64(n), p.size-at))
	if n <= 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	_, err := p.disk.ReadAt(buf[:n], at)
	return buf[:n], err
}

// ended says why there is no more reading.
func (p *pager) ended() error {
	if p.stop == nil {
		return nil
	}
	return p.stop()
}

// meta reads page 0 or 1.
func (p *pager) meta(id int64) (m meta, err error) {
	b, err := p.read(id*pageSize, pageSize, nil)
	if err != nil {
		return m, fmt.Errorf("read page %d: %w", id, err)
	}
	bad := func(what string) (meta, error) { return meta{}, fmt.Errorf("page %d is damaged: %s", id, what) }
	if len(b) < pageHead+metaSum+8 {
		return bad("it is cut off")
	}
	if order.Uint64(b) != uint64(id) || order.Uint16(b[8:]) != kindMeta {
		return bad("it is none that says where the others are")
	}
	b = b[pageHead:]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSum])
	if order.Uint32(b) != metaMagic || order.Uint32(b[4:]) != metaVersion || order.Uint32(b[8:]) != pageSize || order.Uint64(b[metaSum:]) != sum.Sum64() {
		return bad("its checksum does not match")
	}
	return meta{root: order.Uint64(b[16:]), transaction: order.Uint64(b[48:]), list: order.Uint64(b[32:]), end: order.Uint64(b[40:])}, nil
}

// metas reads both, the newest that can be read first, and says what is wrong
// with the others.
func (p *pager) metas() (metas []meta, faults []error) {
	for id := range int64(2) {
		m, err := p.meta(id)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		metas = append(metas, m)
	}
	slices.SortFunc(metas, func(a, b meta) int { return cmp.Compare(b.transaction, a.transaction) })
	return metas, faults
}

// page reads a leaf or a branch, whole. Of a page that is damaged it returns
// what may still be looked at.
func (p *pager) page(id uint64, buf []byte) (page, error) {
	at := int64(id) * pageSize
	if id < 2 || id >= p.pages() {
		return page{}, fmt.Errorf("page %d is damaged: there is none", id)
	}
	b, err := p.read(at, pageSize, buf)
	if err != nil {
		return page{}, fmt.Errorf("read page %d: %w", id, err)
	}
	if len(b) < pageHead {
		return page{}, fmt.Errorf("page %d is damaged: it is cut off", id)
	}
	if n := (int64(order.Uint32(b[12:])) + 1) * pageSize; n > pageSize {
		if n > p.size-at { // the file was cut, or the number is wrong
			n = min(n, cutAtMost)
		}
		if b, err = p.read(at, int(n), b); err != nil {
			return page{}, fmt.Errorf("read page %d: %w", id, err)
		}
	}
	g := page{at: at, b: b}
	if order.Uint64(b) != id {
		return g, fmt.Errorf("page %d is damaged: it says it is %d", id, order.Uint64(b))
	}
	if _, err := g.head(); err != nil {
		return g, fmt.Errorf("page %d is damaged: %w", id, err)
	}
	return g, nil
}

// head reads what the page says of itself, and holds it against what is in it:
// all of that must be as if just written. It returns where that ends.
func (g *page) head() (end int, err error) {
	kind := order.Uint16(g.b[8:])
	g.leaf, g.count = kind == kindLeaf, int(order.Uint16(g.b[10:]))
	if !g.leaf && (kind != kindBranch || g.count == 0) {
		g.leaf = true
		return 0, errors.New("neither branch nor leaf")
	}
	end = pageHead + g.count*elementHead
	for i := range g.count {
		e, from, ok := g.element(i)
		if !ok || from != end || len(e.key) == 0 {
			return 0, fmt.Errorf("element %d is not where it should be", i)
		}
		end = from + len(e.key) + len(e.value)
	}
	if pages := int64(order.Uint32(g.b[12:])) + 1; int64(end) > pages*pageSize || int64(end) <= (pages-1)*pageSize {
		return 0, fmt.Errorf("%d bytes in %d pages", end, pages)
	}
	return end, nil
}

// inOrder says whether the keys ascend, within [lo, hi); nil is no bound.
func (g *page) inOrder(lo, hi []byte) error {
	var before []byte
	for i := range g.count {
		e, _, _ := g.element(i)
		if i > 0 && bytes.Compare(before, e.key) >= 0 || lo != nil && bytes.Compare(e.key, lo) < 0 || hi != nil && bytes.Compare(e.key, hi) >= 0 {
			return fmt.Errorf("page %d is damaged: a key of it does not belong there", g.at/pageSize)
		}
		before = e.key
	}
	return nil
}

// begins says whether the page begins with the key by which the one above leads
// to it; nil is none. bbolt finds by the one what it changed by the other, and
// panics later where they are not the same.
func (g *page) begins(key []byte) error {
	if e, _, ok := g.element(0); key != nil && (g.count == 0 || !ok || !bytes.Equal(e.key, key)) {
		return fmt.Errorf("page %d is damaged: what leads to it is another key than its first", g.at/pageSize)
	}
	return nil
}

// element returns element i, and where in the page its key begins. It is not
// ok where that is outside.
func (g *page) element(i int) (e element, from int, ok bool) {
	at := pageHead + i*elementHead
	if at+elementHead > len(g.b) {
		return e, 0, false
	}
	h := g.b[at : at+elementHead]
	var pos, key, value uint64
	if g.leaf {
		e.bucket = order.Uint32(h)&isBucket != 0
		pos, key, value = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
	} else {
		pos, key = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:]))
		e.child = order.Uint64(h[8:])
	}
	begin := uint64(at) + pos
	if begin+key+value > uint64(len(g.b)) {
		return e, 0, false
	}
	end := begin + key + value
	e.key, e.value = g.b[begin:begin+key:begin+key], g.b[begin+key:end:end]
	e.at = g.at + int64(begin+key)
	return e, int(begin), true
}

// elements are those of a page, and of one that is damaged all that might be.
func (g *page) elements(sound bool) iter.Seq[element] {
	return func(yield func(element) bool) {
		for i := 0; sound && i < g.count || !sound && pageHead+(i+1)*elementHead <= min(len(g.b), pageSize); i++ {
			if e, _, ok := g.element(i); ok && len(e.key) > 0 && !yield(e) {
				return
			}
		}
	}
}

// inline returns the page within the value of a bucket.
func (e element) inline() (page, error) {
	g := page{at: e.at + bucketHead, b: e.value[bucketHead:]}
	if len(g.b) < pageHead {
		return page{}, fmt.Errorf("page of %q is damaged: it is cut off", e.key)
	}
	end, err := g.head()
	if err == nil && (!g.leaf || end != len(g.b)) {
		err = fmt.Errorf("it is no leaf of %d bytes", len(g.b))
	}
	if err != nil {
		return g, fmt.Errorf("page of %q is damaged: %w", e.key, err)
	}
	return g, nil
}

// root returns where a bucket's pages begin, 0 where its only one is inline,
// and its sequence.
func (e element) root() (root, sequence uint64, err error) {
	if !e.bucket || len(e.value) < bucketHead {
		return 0, 0, fmt.Errorf("%q is damaged: it is no bucket", e.key)
	}
	return order.Uint64(e.value), order.Uint64(e.value[8:]), nil
}
