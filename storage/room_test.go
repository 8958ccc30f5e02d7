package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fill appends events of a kilobyte until one is refused or n are stored.
func fill(l *testLog, n int) (stored int, err error) { return fillWith(l, n, 1000, 8) }

// fillWith does it with events of so many bytes, so many at once as long as that
// goes.
func fillWith(l *testLog, n, bytes, most int) (stored int, err error) {
	for stored < n {
		es := make([]Entry, min(most, n-stored))
		for i := range es {
			data := make([]byte, bytes)
			binary.BigEndian.PutUint64(data, l.Stats().LastSequence)
			binary.BigEndian.PutUint16(data[8:], uint16(i))
			es[i] = event(string(data))
		}
		if _, err = l.Append(context.Background(), es); err == nil {
			stored += len(es)
		} else if most == 1 {
			return stored, err
		} else {
			most = 1
		}
	}
	return stored, nil
}

func TestFull(t *testing.T) {
	for _, size := range []int64{minSize, 4 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := testOptions()
			o.MaxSize = size
			dir := memory(t)
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
			if more, err := fill(l, 16); !errors.Is(err, ErrFull) || !errors.Is(l.Ready(), ErrFull) {
				t.Errorf("after a restart: %d more, %v, ready: %v", more, err, l.Ready())
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

// TestFillWithAnySize never lets a commit fail: what finds no room is known
// before, or room is made for it.
func TestFillWithAnySize(t *testing.T) {
	for _, test := range []struct {
		size  int64
		bytes int
		least int64 // percent of size that is in use when it is full
	}{
		{minSize, 1 << 10, 75},
		{minSize, 3000, 70},
		{minSize, 60 << 10, 30},
		{minSize, 300 << 10, 0}, // too large by itself
		{64 << 20, 1 << 10, 84},
		{64 << 20, 300 << 10, 75},
		{64 << 20, 1 << 20, 70},
	} {
		for _, delivered := range []bool{false, true} {
			t.Run(fmt.Sprint(test.size, " ", test.bytes, " ", delivered), func(t *testing.T) {
				o := testOptions()
				o.MaxSize = test.size
				dir := memory(t)
				l := openLog(t, dir, o)
				group := max(1, min(64, int(test.size/64)/test.bytes))
				for round := 0; ; round++ {
					_, err := fillWith(l, group, test.bytes, group)
					if l.Stats().Bytes > test.size*87/100 {
						t.Fatalf("%+v", l.Stats())
					}
					if err != nil && !errors.Is(err, ErrFull) {
						t.Fatal(err, l.Stats())
					}
					if delivered {
						l.pass(l.Stats().LastSequence)
					}
					if err != nil {
						break
					}
					if 2*round*group*test.bytes > 3*int(test.size) {
						break
					}
				}
				s := l.Stats()
				if !delivered && s.Bytes < test.size*test.least/100 {
					t.Errorf("%d %% in use, %+v", s.Bytes*100/test.size, s)
				}
				if large := test.bytes > 16<<10; !large && errors.Is(l.Ready(), ErrFull) == delivered || l.writer.stuck.err != nil {
					t.Errorf("ready: %v, %+v", l.Ready(), s)
				} else if !large && (!l.writer.made.IsZero() || l.writer.knot.bytes > 0) {
					t.Errorf("pages were missing: %+v", s)
				}
				t.Logf("%d %% in use, made anew: %v", s.Bytes*100/test.size, !l.writer.made.IsZero())
				// Positions and entries go on in any case.
				l.commit("desk", Update{Position: 1, Put: map[string][]byte{"k": make([]byte, 10_000)}})
				l.pass(s.LastSequence)
				if err := l.Ready(); err != nil {
					t.Errorf("all is delivered: %v", err)
				}
				if _, err := fill(l, 100); err != nil {
					t.Error(err)
				}
				l.stop()
				if info := fileInfo(t, dir); info.Size() > test.size {
					t.Errorf("the file has %d bytes", info.Size())
				}
			})
		}
	}
}

// TestLargeEventsAmongOthers leaves free pages of a full store in pieces too
// small for the next large event, and then for usual ones: bbolt puts up to four
// values into one run of pages.
func TestLargeEventsAmongOthers(t *testing.T) {
	for _, test := range []struct {
		size  int64
		large int
	}{{16 << 20, 250_000}, {64 << 20, 1 << 20}} {
		t.Run(fmt.Sprint(test.size), func(t *testing.T) {
			o := testOptions()
			o.MaxSize = test.size
			l := openLog(t, memory(t), o)
			for l.Stats().Bytes < test.size*80/100 {
				if _, err := fillWith(l, 200, 1000, 200); err != nil {
					t.Fatal(err)
				}
			}
			r := rand.New(rand.NewPCG(1, 2))
			refused, large := 0, 0
			for i := range 8000 {
				n := 500 + r.IntN(1500)
				if i%200 == 100 {
					n, large = test.large, large+1
				}
				data := make([]byte, n)
				binary.BigEndian.PutUint64(data, uint64(i))
				_, err := l.Append(context.Background(), []Entry{event(string(data))})
				switch {
				case err == nil:
				case !errors.Is(err, ErrFull), n < largeBytes:
					t.Fatalf("event %d of %d bytes: %v", i, n, err)
				default:
					refused++
				}
				if i%50 == 0 {
					l.pass(l.Stats().LastSequence)
				}
			}
			if l.writer.made.IsZero() || refused > large/4 {
				t.Errorf("%d of %d large events were refused, made anew: %v", refused, large, !l.writer.made.IsZero())
			}
		})
	}
}

// TestLargeEventsTakeNoOthersWithThem into a commit that they may fail.
func TestLargeEventsTakeNoOthersWithThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		var commits atomic.Int64
		o.Committed = func(time.Duration) { commits.Add(1) }
		l, err := Open(context.Background(), t.TempDir(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range []int{100, 200, largeBytes + 1, 300, 400} {
			go func() {
				if seqs, err := l.Append(context.Background(), []Entry{{ID{byte(i)}, make([]byte, size)}}); err != nil || seqs[0] != uint64(i+1) {
					t.Errorf("event %d: %v, %v", i+1, seqs, err)
				}
			}()
			synctest.Wait() // it is queued
		}
		runLog(t, l)
		synctest.Wait()
		if got := commits.Load(); got != 3 {
			t.Errorf("%d commits", got)
		}
	})
}

// TestMaxSizeIsLowered below what the store holds.
func TestMaxSizeIsLowered(t *testing.T) {
	for _, delivered := range []bool{true, false} {
		t.Run(fmt.Sprint("delivered ", delivered), func(t *testing.T) {
			dir := t.TempDir()
			o := testOptions()
			o.MaxSize = 32 << 20
			l := openLog(t, dir, o)
			if _, err := fillWith(l, 20_000, 1000, 500); err != nil {
				t.Fatal(err)
			}
			if delivered {
				l.pass(20_000)
			}
			l.stop()
			// As a copy is that has no free pages.
			small := filepath.Join(dir, "copy")
			r, err := OpenReader(dir)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(build(context.Background(), small, source{view: r.handle.view}.values(context.Background())), r.Close(), os.Rename(small, storePath(dir)))
			if err != nil {
				t.Fatal(err)
			}
			o.MaxSize = 4 << 20
			l = openLog(t, dir, o)
			if !delivered {
				if _, err := fill(l, 1); !errors.Is(err, ErrFull) || !errors.Is(l.Ready(), ErrFull) {
					t.Errorf("%v, %v", err, l.Ready())
				}
				l.commit("desk", Update{Put: map[string][]byte{"k": make([]byte, 50_000)}})
				l.pass(20_000)
			}
			if err := l.Ready(); err != nil {
				t.Error(err)
			}
			if _, err := fill(l, 100); err != nil {
				t.Error(err)
			}
			if s := l.Stats(); s.Bytes > o.MaxSize || s.LastSequence != 20_100 {
				t.Errorf("%+v", s)
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
