package desk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"deskbell/agent/event"
)

// entryPrefix begins the name of a conversation's entry; its key follows.
const entryPrefix = "c/"

// format is the first byte of an entry. What follows is a sequence of varints and of strings with their length before them.
// Entries of format 1, in which no clock has a sequence, are read as well.
const format = 2

// Dirty returns the entries that changed since its last call, nil for one that is to be deleted; nil when none did.
func (d *Desk) Dirty() map[string][]byte {
	if len(d.dirty) == 0 && len(d.gone) == 0 {
		return nil
	}
	entries := make(map[string][]byte, len(d.dirty)+len(d.gone))
	for key := range d.gone {
		entries[entryPrefix+key] = nil
	}
	for _, c := range d.dirty {
		if c.dirty {
			entries[entryPrefix+c.key] = c.encode()
			c.dirty = false
		}
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	clear(d.gone)
	return entries
}

// Restore takes over what Dirty gave out; entries of others are left alone. Call it once, before the first Apply. The error
// says how many could not be read; the desk is usable without them.
func (d *Desk) Restore(entries map[string][]byte) error {
	var all []*conversation
	var bad error
	n := 0
	for name, data := range entries {
		key, ours := strings.CutPrefix(name, entryPrefix)
		if !ours {
			continue
		}
		c, err := decode(key, data)
		if err != nil {
			n, bad = n+1, err
			continue
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *conversation) int {
		if a.lastAt != b.lastAt {
			return int(max(-1, min(1, a.lastAt-b.lastAt)))
		}
		return strings.Compare(a.key, b.key)
	})
	for _, c := range all {
		d.all[c.key] = c
		d.count(c, 1)
		d.place(c)
		d.recent(c)
	}
	d.bound()
	if bad != nil {
		return fmt.Errorf("read the state of %d conversations, one of them: %w", n, bad)
	}
	return nil
}

func (c *conversation) encode() []byte {
	w := writer{b: make([]byte, 0, 512), actors: []*event.Actor{nil}}
	w.b = append(w.b, format)
	w.text(c.title)
	w.order(c.titleOrder)
	w.text(c.lastLine())
	w.order(c.lastOrder)
	w.int(int64(c.lastAt))
	w.order(c.newest)
	w.int(int64(len(c.bots)))
	for _, b := range c.bots {
		w.text(b)
	}
	w.item(c.horizon)
	w.state(&c.base)
	w.int(int64(len(c.items)))
	for _, it := range c.items {
		w.item(it)
	}
	return w.b
}

func decode(key string, data []byte) (*conversation, error) {
	if len(data) == 0 || data[0] < 1 || data[0] > format {
		return nil, errors.New("its format is unknown")
	}
	r := reader{b: data[1:], format: data[0], actors: []*event.Actor{nil}}
	c := &conversation{key: key}
	c.title = r.text()
	c.titleOrder = r.order()
	c.last = r.text()
	c.lastOrder = r.order()
	c.lastAt = r.duration()
	c.newest = r.order()
	for range r.length(maxBots) {
		c.bots = append(c.bots, r.text())
	}
	c.horizon = r.item()
	c.base = r.state()
	c.newest = later(c.newest, c.horizon.order)
	for range r.length(maxItems) {
		it := r.item()
		if it.compare(c.horizon) <= 0 || it.what == 0 || (it.what == assigned || it.what == userSpoke) && it.who == nil {
			r.bad = true
			break
		}
		c.newest = later(c.newest, it.order)
		c.items = append(c.items, it)
	}
	if r.bad || len(r.b) > 0 || key != keyOf(key) || !slices.IsSortedFunc(c.items, item.compare) {
		return nil, errors.New("it is damaged")
	}
	c.derive()
	return c, nil
}

func later(a, b order) order {
	if b.after(a) {
		return b
	}
	return a
}

type writer struct {
	b           []byte
	t, at, wall int64          // written last
	sequence    uint64         // the same
	actors      []*event.Actor // written already; the first is none
}

func (w *writer) int(n int64)   { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) text(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }

// order and clock write the difference to the one before, which is small.
func (w *writer) order(o order) {
	w.bools(o != beginning)
	if o != beginning {
		w.int(o.t - w.t)
		w.b = binary.BigEndian.AppendUint64(w.b, o.tie)
		w.t = o.t
	}
}

func (w *writer) clock(c clock) {
	w.int(int64(c.at) - w.at)
	w.int(c.wall - w.wall)
	w.int(int64(c.sequence - w.sequence))
	w.at, w.wall, w.sequence = int64(c.at), c.wall, c.sequence
}

func (w *writer) bools(list ...bool) {
	var n uint64
	for i, b := range list {
		if b {
			n |= 1 << i
		}
	}
	w.uint(n)
}

// actor writes an actor in full once, and then its number.
func (w *writer) actor(a *event.Actor) {
	i := slices.IndexFunc(w.actors, func(known *event.Actor) bool {
		return known == a || known != nil && a != nil && *known == *a
	})
	if i >= 0 {
		w.uint(uint64(i))
		return
	}
	w.uint(uint64(len(w.actors)))
	w.actors = append(w.actors, a)
	w.text(a.Kind)
	w.text(a.ID)
	w.text(a.Email)
}

func (w *writer) item(it item) {
	w.b = append(w.b, byte(it.what))
	w.bools(it.open)
	w.order(it.order)
	w.clock(it.clock)
	w.actor(it.who)
}

func (w *writer) state(s *state) {
	w.bools(s.open, s.human, s.replied, s.spoke, s.wait, s.acked)
	w.clock(s.opened)
	w.clock(s.waiting)
	for _, d := range []time.Duration{s.ackedAt, s.sign, s.loud, s.changeAt} {
		w.int(int64(d))
	}
	w.actor(s.assignee)
	w.actor(s.person)
	w.actor(s.replier)
	for _, o := range []order{s.changed, s.waitOrder, s.assigneeOrder, s.statusOrder, s.visitorOrder, s.replyOrder} {
		w.order(o)
	}
}

// reader reads what writer wrote. After a fault bad is set and everything reads as zero.
type reader struct {
	b           []byte
	format      byte
	t, at, wall int64  // read last
	sequence    uint64 // the same
	actors      []*event.Actor
	bad         bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, min(max(n, 0), 8))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// duration reads a time of the store's clock. Far beyond what any clock reaches it could overflow when something is added.
func (r *reader) duration() time.Duration { return r.checked(time.Duration(r.int())) }

func (r *reader) checked(d time.Duration) time.Duration {
	if d < math.MinInt64/4 || d > math.MaxInt64/4 {
		r.bad = true
		return 0
	}
	return d
}

func (r *reader) length(most int) int {
	n := r.int()
	if n < 0 || n > int64(most) {
		r.bad = true
		return 0
	}
	return int(n)
}

// text reads a string; none that was written is longer than a name or a line can be.
func (r *reader) text() string {
	n := r.uint()
	if n > 4*maxName {
		r.bad = true
		return ""
	}
	return string(r.take(int(n)))
}

func (r *reader) order() order {
	if r.uint() == 0 {
		return beginning
	}
	r.t += r.int()
	tie := r.take(8)
	if r.bad {
		return beginning
	}
	return order{t: r.t, tie: binary.BigEndian.Uint64(tie)}
}

func (r *reader) clock() clock {
	r.at += r.int()
	r.wall += r.int()
	if r.format > 1 {
		r.sequence += uint64(r.int())
	}
	return clock{at: r.checked(time.Duration(r.at)), wall: r.wall, sequence: r.sequence}
}

func (r *reader) actor() *event.Actor {
	i := r.uint()
	switch {
	case i < uint64(len(r.actors)):
		return r.actors[i]
	case i > uint64(len(r.actors)):
		r.bad = true
		return nil
	}
	a := &event.Actor{Kind: r.text(), ID: r.text(), Email: r.text()}
	r.actors = append(r.actors, a)
	return a
}

func (r *reader) item() item {
	what := what(r.take(1)[0])
	if what >= whatEnd {
		r.bad = true
	}
	it := item{what: what, open: r.uint()&1 != 0}
	it.order = r.order()
	it.clock = r.clock()
	it.who = r.actor()
	return it
}

func (r *reader) state() state {
	n := r.uint()
	bit := func(i int) bool { return n&(1<<i) != 0 }
	s := state{open: bit(0), human: bit(1), replied: bit(2), spoke: bit(3), wait: bit(4), acked: bit(5)}
	s.opened = r.clock()
	s.waiting = r.clock()
	for _, d := range []*time.Duration{&s.ackedAt, &s.sign, &s.loud, &s.changeAt} {
		*d = r.duration()
	}
	s.assignee = r.actor()
	s.person = r.actor()
	s.replier = r.actor()
	for _, o := range []*order{&s.changed, &s.waitOrder, &s.assigneeOrder, &s.statusOrder, &s.visitorOrder, &s.replyOrder} {
		*o = r.order()
	}
	return s
}

// Entry is the name of a conversation's entry.
func Entry(conversation string) string { return entryPrefix + keyOf(conversation) }
