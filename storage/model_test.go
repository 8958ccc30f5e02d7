package storage

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "of the model test; 0: another one each time")
	steps = flag.Int("steps", 700, "of the model test")
)

// A model says what a store must hold.
type model struct {
	events  []Entry // by sequence, from 1
	cursors map[string]*modelCursor
	lists   map[string][]string
	passed  uint64 // up to here all cursors were once: a new one may begin before
}

type modelCursor struct {
	delivers bool
	position uint64
	entries  map[string]string
	held     map[uint64]bool
}

func (m *model) clone() *model {
	c := &model{events: slices.Clip(m.events), cursors: make(map[string]*modelCursor), lists: maps.Clone(m.lists), passed: m.passed}
	for name, mc := range m.cursors {
		c.cursors[name] = &modelCursor{mc.delivers, mc.position, maps.Clone(mc.entries), maps.Clone(mc.held)}
	}
	return c
}

// TestModel does anything, in any order, with power cuts in between, and
// compares.
func TestModel(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	// Not t.Log: what bbolt finds amiss it may tell by a panic of its own.
	fmt.Fprintf(os.Stderr, "go test ./storage -run TestModel -seed %d -steps %d\n", s, *steps)
	for _, test := range []struct {
		size int64
		drop bool
	}{{minSize, false}, {minSize, true}, {4 << 20, false}, {4 << 20, true}, {16 << 20, false}} {
		t.Run(fmt.Sprint(test.size, test.drop), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &walker{T: t, r: rand.New(rand.NewPCG(s, uint64(test.size))), above: memory(t)}
				w.o = testOptions()
				w.o.MaxSize, w.o.DropOldest = test.size, test.drop
				w.walk()
			})
		})
	}
}

// A walker lives the life of a store.
type walker struct {
	*testing.T
	r     *rand.Rand
	above string
	lives int
	o     Options
	l     *testLog
	m     *model
	disk  recorder
	cuts  struct{ before, after int }
	full  int
	drops uint64
}

func (w *walker) walk() {
	w.o.Keep = 10 * time.Minute
	w.o.Committed = w.disk.committed
	w.m = &model{lists: make(map[string][]string)}
	w.open(filepath.Join(w.above, "0"))
	w.cursorsAre()
	for step := range *steps {
		switch n := w.r.IntN(1000); {
		case n < 450:
			w.append()
		case n < 750:
			w.update(w.r.IntN(4) == 0)
		case n < 800:
			w.remember()
		case n < 900:
			time.Sleep(time.Duration(w.r.IntN(120)) * time.Second)
		case n < 960:
			w.compare(false)
		case n < 980:
			w.reopen()
		default:
			w.powerCut()
		}
		if w.Failed() {
			w.Fatalf("after step %d", step)
		}
	}
	w.compare(true)
	w.Logf("%d events, %d dropped, %d times full, power cuts before the commit %d and after it %d, %+v", len(w.m.events), w.drops, w.full, w.cuts.before, w.cuts.after, w.l.Stats())
}

func (w *walker) open(dir string) {
	w.disk.path = storePath(dir)
	w.l = openLog(w.T, dir, w.o)
	w.drops = 0
}

// reopen stops the store and starts it again, half of the time with other
// cursors.
func (w *walker) reopen() {
	w.l.stop()
	if w.r.IntN(2) == 0 {
		all := []CursorSpec{{"hub", true}, {"desk", false}, {"second", true}, {"other", w.r.IntN(2) == 0}}
		w.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		w.o.Cursors = all[:1+w.r.IntN(len(all))]
	}
	w.open(filepath.Dir(w.l.path))
	w.cursorsAre()
	w.compare(true)
}

// cursorsAre has the model know the cursors of the options alone.
func (w *walker) cursorsAre() {
	last := uint64(len(w.m.events))
	undelivered, oldest := last, last
	for _, mc := range w.m.cursors {
		if mc.delivers {
			undelivered = min(undelivered, mc.position)
		}
	}
	if rs, err := w.l.Read(0, 1); err == nil && len(rs) > 0 {
		oldest = rs[0].Sequence - 1
	}
	before := w.m.cursors
	w.m.cursors = make(map[string]*modelCursor)
	for _, spec := range w.o.Cursors {
		mc := before[spec.Name]
		if mc == nil {
			mc = &modelCursor{position: oldest, entries: make(map[string]string), held: make(map[uint64]bool)}
			if spec.Delivers {
				mc.position = undelivered
			}
		}
		mc.delivers = spec.Delivers
		w.m.cursors[spec.Name] = mc
	}
	w.m.pass()
}

// append stores new events and repeats.
func (w *walker) append() {
	r, m := w.r, w.m
	var es []Entry
	var want []uint64
	next, bytes := uint64(len(m.events)), 0
	fresh := make(map[ID]bool)
	for range 1 + r.IntN(40) {
		if n := len(m.events); n > 0 && r.IntN(10) == 0 { // a small store remembers fewer ids over a restart
			es, want = append(es, m.events[n-1-r.IntN(min(n, int(w.o.idWindow())))]), append(want, 0)
			continue
		}
		e := event(w.text())
		next++
		es, want = append(es, e), append(want, next)
		fresh[e.ID] = true
		bytes += len(e.Data)
		if r.IntN(10) == 0 {
			es, want = append(es, e), append(want, 0)
		}
	}
	got, err := w.l.Append(context.Background(), es)
	defer w.dropped()
	if errors.Is(err, ErrFull) {
		w.full++
		if n := w.l.Stats().Dropped - w.drops; n > 0 {
			w.Errorf("%d given up for %d bytes that were refused all the same", n, bytes)
		}
		if in, max := w.kept()+int64(bytes), w.o.MaxSize; (in < max/2 && int64(bytes) < max/12) || len(fresh) == 0 {
			w.Errorf("full with %d bytes that are not delivered, at %+v", in, w.l.Stats())
		}
		return
	}
	if err != nil || !slices.Equal(got, want) {
		w.Errorf("got %v, %v, want %v", got, err, want)
	}
	for i, e := range es {
		if want[i] > 0 {
			m.events = append(m.events, e)
		}
	}
}

// dropped has the model follow where undelivered events were given up.
func (w *walker) dropped() {
	if w.l.Stats().Dropped == w.drops {
		return
	}
	w.drops = w.l.Stats().Dropped
	there := w.there()
	for _, c := range w.l.cursors {
		mc := w.m.cursors[c.spec.Name]
		for seq := mc.position + 1; seq <= c.Position(); seq++ {
			if there[seq] || !mc.delivers || !w.o.DropOldest {
				w.Errorf("%s passed event %d by itself", c.spec.Name, seq)
			}
		}
		mc.position = max(mc.position, c.Position())
		maps.DeleteFunc(mc.held, func(seq uint64, _ bool) bool { return !there[seq] }) // it goes in its turn
	}
	w.m.pass()
}

// text is as long as what people write, seldom as what they attach.
func (w *walker) text() string {
	n := w.r.IntN(1200)
	switch w.r.IntN(400) {
	case 0:
		n = w.r.IntN(int(min(300<<10, w.o.MaxSize/16)))
	case 1, 2, 3, 4:
		n = w.r.IntN(20 << 10)
	}
	return fmt.Sprint(w.r.Uint64(), string(bytes.Repeat([]byte{'a' + byte(w.r.IntN(26))}, n)))
}

// kept is what the events take that may not be given up, in pages where they
// are large.
func (w *walker) kept() (n int64) {
	boundary, held := w.m.boundary(w.o.DropOldest), w.m.held()
	for i, e := range w.m.events {
		if seq := uint64(i + 1); seq > boundary || held[seq] {
			n += int64(len(e.Data) + dataAt + 24)
			if len(e.Data) > pageSize/4 {
				n += pageSize
			}
		}
	}
	return n
}

// boundary is how far all cursors are, or with dropping those that do not
// deliver.
func (m *model) boundary(dropping bool) uint64 {
	boundary := uint64(len(m.events))
	for _, mc := range m.cursors {
		if !dropping || !mc.delivers {
			boundary = min(boundary, mc.position)
		}
	}
	return boundary
}

// pass notes how far all cursors are.
func (m *model) pass() { m.passed = max(m.passed, m.boundary(false)) }

// held are the events that stay though all cursors have passed them.
func (m *model) held() map[uint64]bool {
	held := make(map[uint64]bool)
	for _, mc := range m.cursors {
		maps.Copy(held, mc.held)
	}
	return held
}

func (w *walker) remember() {
	list, text := []string{"refused", "rejected"}[w.r.IntN(2)], fmt.Sprint("body ", w.r.Uint64())
	w.l.Remember(list, []byte(text))
	w.m.lists[list] = append(slices.Clip(w.m.lists[list]), text)
}

// update moves a cursor, and changes what it has; durable says that it is so
// on return.
func (w *walker) update(durable bool) {
	r := w.r
	c := w.l.cursors[r.IntN(len(w.l.cursors))]
	mc := w.m.cursors[c.spec.Name]
	u := Update{Put: make(map[string][]byte)}
	last := uint64(len(w.m.events))
	if r.IntN(3) > 0 {
		u.Position = mc.position + uint64(r.IntN(60))
		if r.IntN(10) == 0 {
			u.Position = uint64(r.IntN(int(last) + 1))
		}
	}
	for range r.IntN(4) {
		name := fmt.Sprint("entry ", r.IntN(50))
		if r.IntN(3) == 0 {
			u.Put[name] = nil
			delete(mc.entries, name)
		} else {
			u.Put[name] = bytes.Repeat([]byte("e"), r.IntN(300))
			mc.entries[name] = string(u.Put[name])
		}
	}
	// Hold only what is certain to be there, as a forward does.
	if from := max(mc.position, w.m.passed); from < last && r.IntN(4) == 0 && len(mc.held) < 20 {
		seq := from + 1 + uint64(r.IntN(int(last-from)))
		u.Hold = []uint64{seq}
		mc.held[seq] = true
	}
	for _, seq := range slices.Sorted(maps.Keys(mc.held)) {
		if r.IntN(20) == 0 && !slices.Contains(u.Hold, seq) {
			u.Release = append(u.Release, seq)
			delete(mc.held, seq)
		}
	}
	mc.position = max(mc.position, min(u.Position, last))
	w.m.pass()
	if !durable {
		c.Save(u)
	} else if err := c.Commit(context.Background(), u); err != nil {
		w.Error(err)
	}
}
