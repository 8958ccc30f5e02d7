package desk

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"deskbell/agent/event"
)

type writer struct {
	b           []byte
	t, at, wall int64          // written last
	sequence    uint64         // the same
	last        order          // the same
	actors      []*event.Actor // written already; the first is none
}

func (w *writer) int(n int64)   { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) text(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }

// order and clock write the difference to the one before, which is small.
func (w *writer) order(o order) {
	switch o {
	case beginning:
		w.uint(0)
	case w.last:
		w.uint(2)
	default:
		w.uint(1)
		w.int(o.t - w.t)
		w.b = binary.BigEndian.AppendUint64(w.b, o.tie)
		w.t, w.last = o.t, o
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
	w.text(a.Name)
}

func (w *writer) fields(t *fields) {
	for _, s := range []said{t.title, t.account, t.bot, t.channel} {
		w.text(s.text)
		w.order(s.order)
	}
	w.text(t.team.ID)
	w.text(t.team.Name)
	w.order(t.teamOrder)
	w.int(int64(len(t.labels)))
	for _, l := range t.labels {
		w.text(l)
	}
	w.order(t.labelsOrder)
}

// itemOpen marks an item that says open, beside its what.
const itemOpen = 0x80

func (w *writer) item(it item) {
	is := byte(it.what)
	if it.open {
		is |= itemOpen
	}
	w.b = append(w.b, is)
	w.order(it.order)
	w.clock(it.clock)
	w.actor(it.who)
}

func (w *writer) state(s *state) {
	w.bools(s.open, s.human, s.replied, s.spoke, s.wait, s.acked)
	w.clock(s.opened)
	w.clock(s.waiting)
	w.clock(s.loud)
	w.clock(s.change)
	w.int(int64(s.ackedAt))
	w.int(int64(s.sign))
	w.actor(s.assignee)
	w.actor(s.previous)
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
	last        order  // the same
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

func (r *reader) int() int64   { return number(r, binary.Varint) }
func (r *reader) uint() uint64 { return number(r, binary.Uvarint) }

func number[T int64 | uint64](r *reader, decode func([]byte) (T, int)) T {
	n, size := decode(r.b)
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
	switch r.uint() {
	case 0:
		return beginning
	case 2:
		return r.last
	}
	r.t += r.int()
	tie := r.take(8)
	if r.bad {
		return beginning
	}
	r.last = order{t: r.t, tie: binary.BigEndian.Uint64(tie)}
	return r.last
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
	if r.format > 1 {
		a.Name = r.text()
	}
	r.actors = append(r.actors, a)
	return a
}

// met reads who was an assignee; in format 1 these were ids of bots.
func (r *reader) met() *event.Actor {
	if r.format > 1 {
		return r.actor()
	}
	return &event.Actor{Kind: event.ActorBot, ID: r.text()}
}

func (r *reader) fields() fields {
	t := newFields()
	t.title = said{r.text(), r.order()}
	if r.format == 1 {
		return t
	}
	for _, s := range []*said{&t.account, &t.bot, &t.channel} {
		*s = said{r.text(), r.order()}
	}
	t.team = event.Team{ID: r.text(), Name: r.text()}
	t.teamOrder = r.order()
	for range r.length(maxLabels) {
		t.labels = append(t.labels, r.text())
	}
	t.labelsOrder = r.order()
	return t
}

func (r *reader) item() item {
	is := r.take(1)[0]
	it := item{what: what(is &^ itemOpen), open: is&itemOpen != 0}
	if r.format == 1 {
		it.open = r.uint()&1 != 0
	}
	if it.what >= whatEnd {
		r.bad = true
	}
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
	if r.format == 1 {
		s.ackedAt, s.sign = r.duration(), r.duration()
		s.loud.at, s.change.at = r.duration(), r.duration()
		s.assignee = r.actor()
	} else {
		s.loud, s.change = r.clock(), r.clock()
		s.ackedAt, s.sign = r.duration(), r.duration()
		s.assignee, s.previous = r.actor(), r.actor()
	}
	s.person = r.actor()
	s.replier = r.actor()
	for _, o := range []*order{&s.changed, &s.waitOrder, &s.assigneeOrder, &s.statusOrder, &s.visitorOrder, &s.replyOrder} {
		*o = r.order()
	}
	return s
}
