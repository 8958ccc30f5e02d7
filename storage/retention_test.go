package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, t.TempDir(), testOptions())
		first := func(want uint64) {
			t.Helper()
			l.append(event(fmt.Sprint("tick", l.Stats().LastSequence)))
			if s := l.Stats(); s.FirstSequence != want || s.Records != int(s.LastSequence-want+1) {
				t.Errorf("%+v, want from %d", s, want)
			}
		}
		l.append(events(0, 600)...)
		time.Sleep(2 * time.Hour)
		first(1) // nothing is delivered
		l.cursor("hub").Save(Update{Position: 601})
		first(1) // not everybody has seen it
		l.cursor("desk").Save(Update{Position: 300})
		first(301) // a run is old and done with, and with it goes what else is
		l.cursor("desk").Save(Update{Position: 601})
		first(601) // all but what came later
		time.Sleep(59 * time.Minute)
		l.append(events(1000, 300)...)
		l.cursor("hub").Save(Update{Position: 900})
		l.cursor("desk").Save(Update{Position: 900})
		first(601) // delivered, but young
		time.Sleep(2 * time.Hour)
		before := l.Stats()
		time.Sleep(24 * time.Hour)
		if s := l.Stats(); s != before {
			t.Errorf("%+v was %+v before the idle time", s, before)
		}
	})
}

// TestSwitchedOff keeps records as long as the agent ran, not longer.
func TestTimeSwitchedOffIsNotKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		o := testOptions()
		now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
		l := openLog(t, dir, o)
		l.append(events(0, 300)...)
		l.pass(300)
		time.Sleep(30 * time.Minute)
		l.stop()
		now = now.Add(48 * time.Hour)
		l = openLog(t, dir, o)
		l.append(event("a"))
		if s := l.Stats(); s.FirstSequence != 1 {
			t.Errorf("%+v after two days switched off", s)
		}
		time.Sleep(31 * time.Minute)
		l.append(event("b"))
		if s := l.Stats(); s.FirstSequence != 301 {
			t.Errorf("%+v after an hour of running", s)
		}
	})
}

// TestGapsDoNotCount has sequences that no record has, at the end and before.
func TestGapsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := openLog(t, dir, testOptions())
		l.append(events(0, 1000)...)
		time.Sleep(time.Hour)
		l.append(events(1000, 1000)...)
		l.commit("hub", Update{Position: 300})
		l.stopRun()
		l.exchange(func(v value) bool {
			r, ok := v.record()
			return !ok || r.Sequence <= 200 || r.Sequence > 1500 && r.Sequence <= 1600
		})
		for _, reopened := range []bool{false, true} {
			if n, age := l.Undelivered(); n != 100 || age > time.Minute || l.cursor("hub").Pending() != 100 || l.cursor("desk").Pending() != 300 {
				t.Errorf("%d are not delivered, for %v", n, age)
			}
			if s := l.Stats(); s.Records != 300 || s.FirstSequence != 1 || s.LastSequence != 2000 {
				t.Errorf("%+v", s)
			}
			if l.stop(); !reopened {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			l = openLog(t, dir, testOptions())
		}
		l.commit("hub", Update{Position: 1600})
		if n, age := l.Undelivered(); n != 0 || age != 0 {
			t.Errorf("%d are not delivered, for %v", n, age)
		}
		if p := l.cursor("desk").Pending(); p != 300 {
			t.Errorf("desk has %d to come", p)
		}
	})
}

func TestHeldRecordsOutliveTrimming(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.Keep = 0
	l := openLog(t, dir, o)
	l.append(events(0, 600)...)
	l.cursor("hub").Save(Update{Position: 600, Hold: []uint64{3, 300}})
	l.commit("desk", Update{Position: 600, Hold: []uint64{300}})
	l.append(event("a"))
	want := []uint64{3, 300, 601}
	for range 2 {
		if got := l.sequences(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if s := l.Stats(); s.FirstSequence != 3 || s.Records != 3 {
			t.Errorf("%+v", s)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
	// Held by one is enough; what is gone cannot be held.
	l.commit("hub", Update{Release: []uint64{300}, Hold: []uint64{7}})
	if got := l.sequences(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	l.commit("hub", Update{Release: []uint64{3, 7}})
	l.commit("desk", Update{Release: []uint64{300}})
	if got := l.sequences(); !slices.Equal(got, []uint64{601}) {
		t.Errorf("%v after all were released", got)
	}
	if s := l.Stats(); s.FirstSequence != 601 || s.Records != 1 {
		t.Errorf("%+v", s)
	}
	for range 2 {
		if got := l.append(events(0, 600)...); slices.Max(got) != 0 {
			t.Errorf("a trimmed event was stored again: %v", got)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
}

// TestReleasedByTwoAtOnce: what two cursors hold is given up once.
func TestReleasedByTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.Keep = 0
	l := openLog(t, dir, o)
	l.append(events(0, 600)...)
	for seq := uint64(10); seq < 300; seq += 10 {
		l.cursor("hub").Save(Update{Hold: []uint64{seq, seq + 1}})
		l.cursor("desk").Save(Update{Hold: []uint64{seq}})
	}
	l.pass(600)
	l.append(event("a"))
	for seq := uint64(10); seq < 300; seq += 10 {
		l.cursor("hub").Save(Update{Release: []uint64{seq, seq + 1}})
		l.commit("desk", Update{Release: []uint64{seq}})
	}
	for range 2 {
		if s := l.Stats(); s.Records != 1 || s.FirstSequence != 601 {
			t.Errorf("%+v", s)
		}
		if got := l.append(events(0, 600)...); slices.Max(got) != 0 {
			t.Errorf("a trimmed event was stored again: %v", got)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
}

// TestIDsOutliveTrimming stores more than the window holds.
// TestReleasedBeforeAllHaveSeenIt releases the first record there is, which a
// slower cursor has yet to read.
func TestReleasedBeforeAllHaveSeenIt(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(event("first"), event("second"))
	for _, u := range []Update{{Position: 1, Hold: []uint64{1}}, {Position: 2, Release: []uint64{1}}} {
		if err := l.cursor("hub").Commit(context.Background(), u); err != nil {
			t.Fatal(err)
		}
	}
	if rs, err := l.Read(0, 10); err != nil || len(rs) != 2 {
		t.Errorf("%d records, %v: the desk has seen neither of the two", len(rs), err)
	}
}

func TestIDsOutliveTrimming(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.MaxSize, o.Keep = 64<<20, 0
	l := openLog(t, dir, o)
	const n = remembered + 5000
	for i := 0; i < n; i += 1000 {
		l.append(events(i, 1000)...)
		l.pass(uint64(i + 1000))
	}
	for range 2 {
		if s := l.Stats(); s.Records > 1000 || s.LastSequence != n {
			t.Errorf("%+v", s)
		}
		if got := l.append(events(n-remembered, remembered)...); slices.Max(got) != 0 {
			t.Error("a repeat was stored")
		}
		if got := l.writer.ids.tail - l.writer.ids.head; got != remembered {
			t.Errorf("%d ids are remembered", got)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
	if got := l.append(events(0, 1)...); got[0] == 0 {
		t.Error("the oldest is remembered for ever")
	}
}

// TestNothingIsGivenUpAheadOfThePositions in the file: after a crash, whoever
// makes a state of events would miss some.
func TestNothingIsGivenUpAheadOfThePositions(t *testing.T) {
	dir := memory(t)
	o := testOptions()
	o.MaxSize = minSize
	disk := recorder{path: storePath(dir)}
	o.Committed = disk.committed
	l := openLog(t, dir, o)
	n, err := fill(l, 5000)
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	disk.start()
	for range 20 {
		for _, c := range l.cursors {
			c.Save(Update{Position: l.Stats().LastSequence})
		}
		if _, err := fill(l, 16); err != nil {
			t.Fatal(err)
		}
	}
	for i, image := range disk.end() {
		if err := os.WriteFile(filepath.Join(dir, "image"), image, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := openHandle(t.Context(), filepath.Join(dir, "image"), boltOptions(&o))
		if err != nil {
			t.Fatal(err)
		}
		s, err := look(h, &o)
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range s.positions {
			if first := s.ledger.next(0); first > p.position+1 {
				t.Errorf("after commit %d %s is at %d, and the first event is %d", i, name, p.position, first)
			}
		}
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}
	if s := l.Stats(); s.FirstSequence < uint64(n/4) {
		t.Errorf("nothing was given up: %+v", s)
	}
}

// TestGivingUpAlone goes by what the file says, for it stores no position.
func TestGivingUpAlone(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 1000)...)
	l.pass(400)
	l.stopRun()
	l.state = running
	for _, c := range l.cursors {
		c.Save(Update{Position: 900})
	}
	l.mu.Lock()
	l.writer.positions()
	l.mu.Unlock()
	if _, err := l.writer.giveUp(l.clock.read(), everything); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.FirstSequence != 401 {
		t.Errorf("%+v", s)
	}
}

// TestHeldWhileItGoes wants a record in the very moment in which the file has lost
// it, and memory does not know yet.
func TestHeldWhileItGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Keep = time.Minute
		var l *testLog
		late := false
		o.Committed = func(time.Duration) {
			if late {
				l.cursor("desk").Save(Update{Hold: []uint64{2}})
			}
		}
		l = openLog(t, memory(t), o)
		l.append(events(0, trimRun+10)...)
		l.pass(trimRun + 10)
		time.Sleep(2 * time.Minute)
		late = true
		l.append(event("next"))
		late = false
		if s := l.Stats(); s.FirstSequence == 1 {
			t.Fatalf("nothing was trimmed: %+v", s)
		}
		if got := l.cursor("desk").Held(); len(got) > 0 {
			t.Errorf("held: %v", got)
		}
	})
}
