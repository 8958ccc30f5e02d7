package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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

// fill appends events of a kilobyte until one is refused or n are stored.
func fill(l *testLog, n int) (stored int, err error) {
	for ; stored < n; stored += 8 {
		es := make([]Entry, 8)
		for i := range es {
			data := bytes.Repeat([]byte("x"), 1000)
			binary.BigEndian.PutUint64(data, l.Stats().LastSequence)
			data[8] = byte(i)
			es[i] = event(string(data))
		}
		if _, err := l.Append(context.Background(), es); err != nil {
			return stored, err
		}
	}
	return stored, nil
}

func TestFull(t *testing.T) {
	for _, size := range []int64{minSize, 4 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := testOptions()
			o.MaxSize = size
			dir := t.TempDir()
			l := openLog(t, dir, o)
			n, err := fill(l, 1<<20)
			if !errors.Is(err, ErrFull) || !errors.Is(l.Ready(), ErrFull) || !l.Stats().Full || len(l.Problems()) != 1 {
				t.Fatalf("after %d events: %v, ready: %v, %+v, %q", n, err, l.Ready(), l.Stats(), l.Problems())
			}
			if min := size * 50 / 100 / 1000; int64(n) < min {
				t.Errorf("full with %d events of a kilobyte, want %d", n, min)
			}
			if rs, err := l.Read(0, 1); err != nil || l.append(Entry{ID: rs[0].ID, Data: rs[0].Data})[0] != 0 {
				t.Errorf("a repeat is answered when full: %v", err)
			}
			l.stop()
			l = openLog(t, dir, o)
			if !errors.Is(l.Ready(), ErrFull) {
				t.Errorf("after a restart: %v", l.Ready())
			}

			// One cursor alone does not make room.
			l.commit("desk", Update{Position: uint64(n)})
			if _, err := fill(l, 8); !errors.Is(err, ErrFull) {
				t.Errorf("after desk has passed: %v", err)
			}
			l.commit("hub", Update{Position: uint64(n)})
			if err := l.Ready(); err != nil || len(l.Problems()) != 0 {
				t.Errorf("after both have passed: %v, %q", err, l.Problems())
			}
			// It lives on at the limit, as long as all is delivered.
			for range 20 {
				if _, err := fill(l, n/10); err != nil {
					t.Fatal(err)
				}
				l.pass(l.Stats().LastSequence)
			}
			s := l.Stats()
			if s.Bytes > size*90/100 || s.Bytes < size/2 {
				t.Errorf("%+v", s)
			}
			if want := s.LastSequence - uint64(s.Records) + 1; s.FirstSequence != want {
				t.Errorf("%+v, want from %d", s, want)
			}
			l.stop()
			if info := fileInfo(t, dir); info.Size() > size {
				t.Errorf("the file has %d bytes of %d", info.Size(), size)
			}
		})
	}
}

func TestTooLargeAtOnce(t *testing.T) {
	o := testOptions()
	o.MaxSize = minSize
	l := openLog(t, t.TempDir(), o)
	if _, err := l.Append(context.Background(), []Entry{{ID: ID{1}, Data: make([]byte, minSize/8)}}); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if err := l.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
	l.append(Entry{ID: ID{1}, Data: make([]byte, minSize/16)})
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
		if got := len(l.writer.ids.at); got != remembered {
			t.Errorf("%d ids are remembered", got)
		}
		l.stop()
		l = openLog(t, dir, o)
	}
	if got := l.append(events(0, 1)...); got[0] == 0 {
		t.Error("the oldest is remembered for ever")
	}
}
