package storage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRefusedIsFull: who was told that there is no room, and asks whether there
// is, is not told another thing, until some was made.
func TestRefusedIsFull(t *testing.T) {
	o := testOptions()
	o.MaxSize = 2 << 20
	l := openLog(t, memory(t), o)
	n, err := fillWith(l, 1<<20, 20_000, 1)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d events: %v", n, err)
	}
	for range 3 {
		if _, err := fill(l, 1); !errors.Is(err, ErrFull) {
			t.Errorf("a small event: %v", err)
		}
		if err := l.Ready(); !errors.Is(err, ErrFull) || !l.Stats().Full {
			t.Errorf("ready: %v, %+v", err, l.Stats())
		}
	}
	l.pass(10)
	if err := l.Ready(); err != nil {
		t.Errorf("after ten were delivered: %v", err)
	}
	if _, err := fillWith(l, 1, 20_000, 1); err != nil {
		t.Error(err)
	}
}

// TestCursorsFindRoom fills a store before a cursor has stored anything, which
// then has much: without room for that, nothing could be given up for ever.
func TestCursorsFindRoom(t *testing.T) {
	o := testOptions()
	o.MaxSize = minSize
	dir := memory(t)
	l := openLog(t, dir, o)
	n, err := fillWith(l, 50, 20_000, 500)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d events: %v", n, err)
	}
	last := l.Stats().LastSequence
	l.commit("hub", Update{Position: last})
	u := Update{Position: last, Put: make(map[string][]byte)}
	for i := range 350 {
		u.Put[fmt.Sprint("conversation ", i)] = make([]byte, 600)
	}
	l.commit("desk", u)
	if _, err := fill(l, 50); err != nil {
		t.Errorf("all is delivered and seen: %v, %+v", err, l.Stats())
	}
	l.stop()
	l = openLog(t, dir, o)
	if entries, err := l.cursor("desk").Entries(); err != nil || len(entries) != 350 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if _, err := fill(l, 50); err != nil {
		t.Errorf("after a start: %v", err)
	}
}

// TestNearlyFull warns before it is too late, and says who is to blame.
func TestNearlyFull(t *testing.T) {
	o := testOptions()
	o.Cursors = append(o.Cursors, CursorSpec{"slow", true})
	l := openLog(t, t.TempDir(), o)
	last := func() uint64 { return l.Stats().LastSequence }
	for !l.Stats().NearlyFull {
		if _, err := fillWith(l, 50, 1000, 50); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"hub", "desk"} {
			l.commit(name, Update{Position: last()})
		}
	}
	s := l.Stats()
	if want := o.MaxSize / 100 * 85 / 100 * 80; s.Bytes < want*95/100 || s.Bytes > want*105/100 {
		t.Errorf("at %d bytes, want about %d", s.Bytes, want)
	}
	if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "slow") || s.Slowest != "slow" || s.Full {
		t.Errorf("%q, %+v", p, s)
	}
	if n, age := l.Undelivered(); n != s.Undelivered || n != int(last()) || age > time.Minute || l.cursor("slow").Pending() != n || l.cursor("hub").Pending() != 0 {
		t.Errorf("%d for %v, %+v", n, age, s)
	}
	if s.UndeliveredBytes < s.Bytes*8/10 || s.UndeliveredBytes > s.Bytes {
		t.Errorf("%+v", s)
	}
	n := last()
	l.commit("slow", Update{Position: n / 100 * 4})
	if s := l.Stats(); !s.NearlyFull {
		t.Errorf("it is not to end as soon as it began: %+v", s)
	}
	l.commit("slow", Update{Position: n / 100 * 10})
	if s := l.Stats(); s.NearlyFull || len(l.Problems()) != 0 {
		t.Errorf("%+v", s)
	}
	l.commit("slow", Update{Position: n})
	if s := l.Stats(); s.Undelivered != 0 || s.UndeliveredBytes != 0 || s.Slowest != "" {
		t.Errorf("%+v", s)
	}
}

// TestDropOldest goes on when the store is full, and counts what it costs.
func TestDropOldest(t *testing.T) {
	for _, size := range []int64{minSize, 4 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := memory(t)
			o := testOptions()
			o.MaxSize, o.DropOldest = size, true
			o.Cursors = append(o.Cursors, CursorSpec{"second", true})
			l := openLog(t, dir, o)
			l.append(events(0, 20)...)
			l.cursor("desk").Save(Update{Position: 20})
			l.cursor("second").Save(Update{Position: 15})
			l.commit("hub", Update{Position: 10, Hold: []uint64{3, 8}})
			for range 3 * size / 8000 {
				if _, err := fill(l, 8); err != nil {
					t.Fatal(err, l.Stats())
				}
				l.cursor("desk").Save(Update{Position: l.Stats().LastSequence})
			}
			check := func() {
				t.Helper()
				s := l.Stats()
				if s.Undelivered != s.Records || s.LastSequence-uint64(s.Records)+1 != s.FirstSequence || s.Bytes < size*70/100 || s.Bytes > size*90/100 {
					t.Errorf("%+v", s)
				}
				for _, name := range []string{"hub", "second"} {
					if c := l.cursor(name); c.Position() != s.FirstSequence-1 || c.Pending() != s.Records || len(c.Held()) > 0 {
						t.Errorf("%s is at %d with %d to come and %v held, %+v", name, c.Position(), c.Pending(), c.Held(), s)
					}
				}
			}
			check()
			s := l.Stats()
			// Of the first 20, hub was to deliver ten more and two that were held.
			if want := s.FirstSequence - 1 - 10 + 2; s.Dropped != want || s.Full || l.Ready() != nil {
				t.Errorf("%d dropped, want %d, ready: %v", s.Dropped, want, l.Ready())
			}
			if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], fmt.Sprint(s.Dropped, " of the oldest")) {
				t.Errorf("problems: %q", p)
			}
			// What is gone cannot be held, whoever wants it late.
			l.commit("hub", Update{Hold: []uint64{30}})
			check()
			if got := l.append(event("event 12")); got[0] != 0 {
				t.Errorf("what was dropped is taken again as %v", got)
			}
			l.stop()
			l = openLog(t, dir, o)
			check()
			if s := l.Stats(); s.Dropped != 0 {
				t.Errorf("%d are dropped by opening it", s.Dropped)
			}
			l.pass(s.LastSequence)
			if p := l.Problems(); len(p) != 0 {
				t.Errorf("all is delivered: %q", p)
			}
		})
	}
}

// TestDropOldestWaitsForTheDesk refuses what one has to see who does not
// deliver.
func TestDropOldestWaitsForTheDesk(t *testing.T) {
	o := testOptions()
	o.MaxSize, o.DropOldest = minSize, true
	l := openLog(t, t.TempDir(), o)
	n, err := fill(l, 5000)
	if !errors.Is(err, ErrFull) || !errors.Is(l.Ready(), ErrFull) || l.Stats().Dropped > 0 {
		t.Fatalf("%v, %v, %+v", err, l.Ready(), l.Stats())
	}
	l.commit("desk", Update{Position: uint64(n / 2)})
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	if _, err := fill(l, 5000); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if s := l.Stats(); s.Dropped == 0 || s.FirstSequence > uint64(n/2+1) {
		t.Errorf("%+v", s)
	}
}

// TestListsDoNotFillTheStore remembers large bodies in a small one.
func TestListsDoNotFillTheStore(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.MaxSize = minSize
	l := openLog(t, dir, o)
	for i := range 200 {
		l.Remember("rejected", make([]byte, 64<<10))
		l.Remember("refused", make([]byte, 3000+i))
		l.append(event(fmt.Sprint(i)))
	}
	for range 2 {
		large, err1 := l.Remembered("rejected")
		small, err2 := l.Remembered("refused")
		if err := errors.Join(err1, err2); err != nil || len(large) != 0 || len(small) != 5 || len(small[4]) != 3199 {
			t.Errorf("%d and %d are remembered, %v", len(large), len(small), err)
		}
		if s := l.Stats(); s.Bytes > 120_000 {
			t.Errorf("%+v", s)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
}

// TestNothingIsDroppedInVain: what may be given up is less than it looks, and not
// enough for the next event. So that is refused, and all stays.
func TestNothingIsDroppedInVain(t *testing.T) {
	o := testOptions()
	o.MaxSize, o.DropOldest = minSize, true
	l := openLog(t, memory(t), o)
	for i := range 100 {
		l.append(event(fmt.Sprint("small ", i)))
	}
	l.commit("desk", Update{Position: 100})
	if _, err := fillWith(l, 1<<20, 5000, 1); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Dropped > 0 || s.FirstSequence != 1 {
		t.Errorf("%+v", s)
	}
	l.commit("desk", Update{Position: l.Stats().LastSequence})
	l.append(event(string(make([]byte, 5000))))
	if s := l.Stats(); s.Dropped == 0 {
		t.Errorf("%+v", s)
	}
}
