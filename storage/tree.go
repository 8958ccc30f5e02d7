package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// A tree is what the file holds as one of its roots tells it, looked through
// page by page. What cannot be read is noted, and left out.
type tree struct {
	*pager
	root uint64
	keep bool   // places and values, not only what a check asks for
	only string // this bucket, unless it is ""
	fork bool   // events are looked at by several goroutines

	visited  []uint64 // a bit for each page
	buffers  [][]byte // one for each level
	damages  []damage
	buckets  map[string]bool
	format   uint32 // 0: it does not say
	clock    stamp
	sequence uint64    // the last one given, as the bucket of events says
	runs     []stretch // of records
	gaps     []stretch
	trimmed  []stretch // records of which the ids are there
	position map[string]savedPosition
	held     map[uint64]bool // by any cursor
	seen     uint64          // the highest sequence in any record, id or position

	// With keep.
	locations []location
	values    []value // of all other buckets but positions, clock and gaps
	newest    stamp   // the highest there is, in each of its numbers

	later []branch // with fork: not looked at yet
}

// A damage is a part of the file that cannot be read: keys in [lo, hi) of a
// bucket, of all buckets where that has no name. nil is no bound.
type damage struct {
	bucket string
	lo, hi []byte
	err    error
}

// A location is where a record stands in the file. The seal, which covers the
// sequence too, tells records of the same sequence apart.
type location struct {
	sequence uint64
	at       int64
	size     uint32
	seal     uint32
	id       ID
}

// levels is more than any tree has.
const levels = 64

func (p *pager) newTree() *tree {
	return &tree{
		pager:    p,
		visited:  make([]uint64, p.pages()/64+1),
		buffers:  make([][]byte, levels),
		buckets:  make(map[string]bool),
		position: make(map[string]savedPosition),
		held:     make(map[uint64]bool),
	}
}

// peek looks at bucketMeta alone.
func (p *pager) peek(root uint64) *tree {
	t := p.newTree()
	t.only = string(bucketMeta)
	t.walk("", root, nil, nil, 0)
	return t
}

// look looks a tree through from its root on.
func (p *pager) look(root uint64, keep bool) *tree {
	t := p.newTree()
	t.root, t.keep, t.fork = root, keep, !keep
	t.walk("", root, nil, nil, 0)
	t.join()
	if keep {
		t.sort()
	}
	all := func(format string, args ...any) { t.damaged("", nil, nil, fmt.Errorf(format, args...)) }
	if !t.usable() || !t.buckets[string(bucketIDs)] {
		all("%w", errNoStore)
	}
	for bucket := range t.buckets {
		// Until the first events are delivered a cursor may have entries without
		// a position, and nothing is trimmed.
		name, ok := strings.CutPrefix(bucket, prefixCursor)
		if _, known := t.position[name]; ok && !known && len(t.trimmed) > 0 {
			all("cursor %s has entries, but no position", name)
		}
	}
	return t
}

// sort brings the records into their order: newest first is how they were
// looked for.
func (t *tree) sort() {
	slices.SortFunc(t.locations, func(a, b location) int { return cmp.Compare(a.sequence, b.sequence) })
	t.locations = slices.CompactFunc(t.locations, func(a, b location) bool { return a.sequence == b.sequence })
	t.runs = nil
	for _, p := range t.locations {
		t.runs = grown(t.runs, p.sequence)
	}
}

func (t *tree) damaged(bucket string, lo, hi []byte, err error) {
	t.damages = append(t.damages, damage{bucket, bytes.Clone(lo), bytes.Clone(hi), err})
}

// walk looks at a page of a bucket and at all below. Its keys are in [lo, hi).
func (t *tree) walk(bucket string, id uint64, lo, hi []byte, level int) {
	if level == levels {
		t.damaged(bucket, lo, hi, fmt.Errorf("page %d is damaged: it is too far from the root", id))
		return
	}
	g, err := t.page(id, t.buffers[level])
	if cap(g.b) > cap(t.buffers[level]) {
		t.buffers[level] = g.b
	}
	if err == nil {
		err = g.inOrder(lo, hi)
	}
	if err == nil { // else what does not belong there is looked for as in a page that nothing leads to
		err = t.visit(id, len(g.b))
	}
	if err == nil && !t.keep { // what is saved is led to anew
		err = g.begins(lo)
	}
	switch {
	case err != nil:
		t.damaged(bucket, lo, hi, err)
		t.rest(bucket, &g, lo, hi, level)
	case g.leaf:
		t.leaf(bucket, &g, lo, hi, level)
	default:
		for n := range g.count {
			i := n
			if t.keep { // what is left of the time is for what was not delivered yet
				i = g.count - 1 - n
			}
			e, _, _ := g.element(i)
			next := hi
			if i+1 < g.count {
				after, _, _ := g.element(i + 1)
				next = after.key
			}
			if t.fork && level == forkLevel && bucket == string(bucketEvents) {
				t.later = append(t.later, branch{e.child, bytes.Clone(e.key), bytes.Clone(next)})
				continue
			}
			t.walk(bucket, e.child, e.key, next, level+1)
		}
	}
}

// visit notes pages as used, which they can be once only.
func (t *tree) visit(id uint64, bytes int) error {
	for end := id + uint64(bytes+pageSize-1)/pageSize; id < end; id++ {
		if t.uses(id) {
			return fmt.Errorf("page %d is damaged: it is used twice", id)
		}
		t.visited[id/64] |= 1 << (id % 64)
	}
	return nil
}

func (t *tree) uses(id uint64) bool { return t.visited[id/64]&(1<<(id%64)) != 0 }

// leaf looks at all that a sound leaf holds.
func (t *tree) leaf(bucket string, g *page, lo, hi []byte, level int) {
	var bad error
	for i := range g.count {
		e, _, _ := g.element(i)
		if err := t.element(bucket, e, level); err != nil {
			bad = err
		}
	}
	if bad != nil {
		t.damaged(bucket, lo, hi, bad)
	}
}

// rest looks for what can still be read of a damaged page: whatever holds by
// itself.
func (t *tree) rest(bucket string, g *page, lo, hi []byte, level int) {
	g.leaf = true
	for e := range g.elements(false) {
		if (lo == nil || bytes.Compare(e.key, lo) >= 0) && (hi == nil || bytes.Compare(e.key, hi) < 0) && e.bucket == (bucket == "") {
			_ = t.element(bucket, e, level) // that the page is damaged is known
		}
	}
}

// element looks at one element of a leaf.
func (t *tree) element(bucket string, e element, level int) error {
	if bucket != "" {
		if !e.bucket && t.value(bucket, e) {
			return nil
		}
		return fmt.Errorf("%s %x: %w", bucket, e.key, ErrDamaged)
	}
	name := string(e.key)
	root, sequence, err := e.root()
	if err != nil {
		return err
	}
	if !named(name) || t.buckets[name] {
		return fmt.Errorf("%q is damaged: no store has such a bucket", name)
	}
	t.buckets[name] = true
	if t.only != "" && t.only != name {
		return nil
	}
	if name == string(bucketEvents) {
		t.sequence = sequence
	}
	if root != 0 {
		t.walk(name, root, nil, nil, level+1)
		return nil
	}
	g, err := e.inline()
	if err == nil {
		err = g.inOrder(nil, nil)
	}
	if err != nil {
		t.damaged(name, nil, nil, err)
		t.rest(name, &g, nil, nil, level)
		return nil
	}
	t.leaf(name, &g, nil, nil, level)
	return nil
}

// named says whether a store has such a bucket.
func named(bucket string) bool {
	switch bucket {
	case string(bucketMeta), string(bucketEvents), string(bucketIDs), string(bucketGaps):
		return true
	}
	return strings.HasPrefix(bucket, prefixCursor) || strings.HasPrefix(bucket, prefixList)
}

// value takes a value in, unless it is damaged.
func (t *tree) value(bucket string, e element) bool {
	payload, ok := unseal(e.key, e.value)
	if !ok && (bucket != string(bucketMeta) || !bytes.Equal(e.key, keyFormat)) {
		return false
	}
	switch bucket {
	case string(bucketMeta):
		if known, ok := t.meta(e, payload); known {
			return ok
		}
	case string(bucketEvents):
		return t.record(e)
	case string(bucketIDs):
		n, seq := len(payload)/len(ID{}), sequenceOf(e.key)
		if seq == 0 || n == 0 || n > idsInRun || len(payload)%len(ID{}) != 0 {
			return false
		}
		t.seen = max(t.seen, seq+uint64(n)-1)
		t.trimmed = append(t.trimmed, stretch{seq, seq + uint64(n) - 1})
	case string(bucketGaps):
		g, ok := parseGap(e.key, e.value)
		if ok {
			t.gaps = append(t.gaps, g)
		}
		return ok
	default:
		held := sequenceOf(e.key[1:])
		switch {
		case strings.HasPrefix(bucket, prefixList):
			if sequenceOf(e.key) == 0 {
				return false
			}
		case e.key[0] == prefixHeld && held > 0:
			t.held[held] = true
		case e.key[0] != prefixEntry:
			return false
		}
	}
	if t.keep {
		t.values = append(t.values, value{bucket: bucket, key: bytes.Clone(e.key), sealed: bytes.Clone(e.value)})
	}
	return true
}

// meta takes a value of bucketMeta in, where it is one of those known.
func (t *tree) meta(e element, payload []byte) (known, ok bool) {
	name, position := strings.CutPrefix(string(e.key), prefixPosition)
	switch {
	case position:
		p, ok := parsePosition(e.key, e.value)
		if ok {
			t.position[name] = p
			t.seen = max(t.seen, p.position)
		}
		return true, ok
	case bytes.Equal(e.key, keyFormat):
		t.format = parseFormat(e.value)
		return true, t.format > 0
	case bytes.Equal(e.key, keyClock):
		if ok = len(payload) == stampSize; ok {
			t.clock = parseStamp(payload)
			t.newest = t.newest.later(t.clock)
		}
		return true, ok
	}
	return false, false
}

// record takes a record in.
func (t *tree) record(e element) bool {
	seq := sequenceOf(e.key)
	if seq == 0 || len(e.value) < dataAt || e.value[sealSize] != recordFormat {
		return false
	}
	t.seen = max(t.seen, seq)
	if !t.keep {
		t.runs = grown(t.runs, seq)
		return true
	}
	t.locations = append(t.locations, locationOf(e))
	t.newest = t.newest.later(recordStamp(e.value))
	return true
}

func locationOf(e element) location {
	return location{sequenceOf(e.key), e.at, uint32(len(e.value)), binary.BigEndian.Uint32(e.value), recordID(e.value)}
}

// fault returns what is wrong with the tree, nil where it is a whole store.
func (t *tree) fault() error {
	if t.format > formatVersion { // who knows what else there must be
		return newer(t.format)
	}
	if len(t.damages) > 0 {
		return t.damages[0].err
	}
	if t.format == 0 {
		return errNoStore
	}
	if t.seen > t.sequence {
		return fmt.Errorf("there is a sign of event %d, and the last one was %d", t.seen, t.sequence)
	}
	if missing := t.missing(); len(missing) > 0 {
		return fmt.Errorf("event %d is missing", missing[0].from)
	}
	return nil
}

// sound says whether a bucket was read as it was written, as far as can be
// told from it and from what leads to it.
func (t *tree) sound(bucket string) bool {
	return !t.damagedIn("") && !t.damagedIn(bucket)
}

// usable says whether the tree can be the one that counts.
func (t *tree) usable() bool {
	return t.buckets[string(bucketMeta)] && t.buckets[string(bucketEvents)]
}

// readable says whether a bucket was found and nothing is wrong with it, though
// the page above may be damaged.
func (t *tree) readable(bucket string) bool {
	return t.buckets[bucket] && !t.damagedIn(bucket)
}

func (t *tree) damagedIn(bucket string) bool {
	return slices.ContainsFunc(t.damages, func(d damage) bool { return d.bucket == bucket })
}

// of returns the values of a bucket.
func (t *tree) of(bucket string) (all []value) {
	for _, v := range t.values {
		if v.bucket == bucket {
			all = append(all, v)
		}
	}
	return all
}

// coherent says whether the tree has all records that it should have.
func (t *tree) coherent() bool {
	return t.readable(string(bucketEvents)) && t.seen <= t.sequence && len(t.missing()) == 0
}
