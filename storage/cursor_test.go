package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSaveBecomesDurableWithinAboutASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var commits atomic.Int64
		o := testOptions()
		o.Committed = func(time.Duration) { commits.Add(1) }
		l := openLog(t, t.TempDir(), o)
		l.append(events(0, 5)...)
		time.Sleep(time.Hour)
		synctest.Wait()
		commits.Store(0)

		c := l.cursor("desk")
		for i := range 5 {
			c.Save(Update{Position: uint64(i + 1), Put: map[string][]byte{"k": {byte(i)}}})
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if commits.Load() != 0 {
			t.Errorf("%d commits after half a second", commits.Load())
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if commits.Load() != 1 {
			t.Errorf("%d commits after a second", commits.Load())
		}

		c.Save(Update{Put: map[string][]byte{"k": {9}}})
		l.append(event("it rides along"))
		synctest.Wait()
		if commits.Load() != 2 {
			t.Errorf("%d commits after a save and an append", commits.Load())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if commits.Load() != 2 {
			t.Errorf("%d commits while nothing happened", commits.Load())
		}
		c.Save(Update{Position: 3, Release: []uint64{4}}) // changes nothing
		l.append(events(0, 5)...)                         // nor do repeats
		l.commit("desk", Update{})
		time.Sleep(time.Hour)
		synctest.Wait()
		if commits.Load() != 2 {
			t.Errorf("%d commits though nothing changed", commits.Load())
		}
	})
}

// TestSavedUnderLoadOfRepeats has the queue never empty.
func TestSavedUnderLoadOfRepeats(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 1)...)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := l.Append(context.Background(), events(0, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	c := l.cursor("hub")
	c.Save(Update{Position: 1})
	for saved := false; !saved; runtime.Gosched() {
		l.mu.Lock()
		saved = c.saved.position == 1
		l.mu.Unlock()
	}
	cancel()
	wg.Wait()
}

// TestIdleWritesNothing looks at what the system counts.
func TestIdleWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, t.TempDir(), testOptions())
		l.append(events(0, 5)...)
		l.pass(5)
		before, err := os.Stat(l.path)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		after, err := os.Stat(l.path)
		if err != nil {
			t.Fatal(err)
		}
		if !after.ModTime().Equal(before.ModTime()) {
			t.Error("the file was written")
		}
	})
}

func TestCursorIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(events(0, 10)...)
	l.commit("hub", Update{Position: 5, Hold: []uint64{2, 4}, Put: map[string][]byte{"a": []byte("1"), "b": []byte("2"), "c": {}}})
	l.cursor("hub").Save(Update{Position: 3, Release: []uint64{4}, Hold: []uint64{5}, Put: map[string][]byte{"b": nil, "d": []byte("4")}})
	l.cursor("desk").Save(Update{Position: 99})
	for range 2 {
		c := l.cursor("hub")
		if c.Position() != 5 {
			t.Errorf("position %d", c.Position())
		}
		if got := c.Held(); !slices.Equal(got, []uint64{2, 5}) {
			t.Errorf("held %v", got)
		}
		entries, err := c.Entries()
		if err != nil || len(entries) != 3 || string(entries["a"]) != "1" || entries["c"] == nil || string(entries["d"]) != "4" {
			t.Errorf("entries %q, %v", entries, err)
		}
		if p := l.cursor("desk").Position(); p != 10 {
			t.Errorf("a position beyond the end is %d", p)
		}
		l.stop()
		l = openLog(t, dir, testOptions())
	}
	if _, err := l.Cursor("nobody"); !errors.Is(err, ErrUnknownCursor) {
		t.Errorf("unknown cursor: %v", err)
	}
	l.stop()
	if err := l.cursor("hub").Commit(context.Background(), Update{Position: 6}); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit after Run: %v", err)
	}
	l.cursor("hub").Save(Update{Position: 6})
	if p := l.cursor("hub").Position(); p != 5 {
		t.Errorf("position %d after a Save after Run", p)
	}
	if _, err := l.cursor("hub").Entries(); !errors.Is(err, ErrClosed) {
		t.Errorf("Entries after Close: %v", err)
	}
}

func TestWhereNewCursorsStart(t *testing.T) {
	type cursors = []CursorSpec
	for _, test := range []struct {
		name      string
		before    cursors
		positions map[string]uint64
		after     cursors
		want      map[string]uint64
	}{
		{"all at the start of an empty store", nil, nil,
			cursors{{"hub", true}, {"desk", false}}, map[string]uint64{"hub": 0, "desk": 0}},
		{"a forward at the oldest event not delivered", cursors{{"hub", true}, {"far", true}}, map[string]uint64{"hub": 7, "far": 4},
			cursors{{"hub", true}, {"far", true}, {"new", true}}, map[string]uint64{"hub": 7, "far": 4, "new": 4}},
		{"also when the forward that has not delivered it goes", cursors{{"hub", true}, {"far", true}}, map[string]uint64{"hub": 7, "far": 4},
			cursors{{"hub", true}, {"new", true}}, map[string]uint64{"hub": 7, "new": 4}},
		{"a forward at the end where none delivered before", cursors{{"desk", false}}, map[string]uint64{"desk": 3},
			cursors{{"new", true}, {"desk", false}}, map[string]uint64{"new": 10, "desk": 3}},
		{"what does not deliver at the oldest record", cursors{{"hub", true}}, map[string]uint64{"hub": 5},
			cursors{{"hub", true}, {"desk", false}}, map[string]uint64{"hub": 5, "desk": 0}},
		{"one that begins to deliver stays where it is", cursors{{"hub", false}}, map[string]uint64{"hub": 5},
			cursors{{"hub", true}}, map[string]uint64{"hub": 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			o := testOptions()
			if test.before != nil {
				o.Cursors = test.before
				l := openLog(t, dir, o)
				l.append(events(0, 10)...)
				for name, p := range test.positions {
					l.commit(name, Update{Position: p, Put: map[string][]byte{"e": []byte(name)}})
				}
				l.stop()
			}
			o.Cursors = test.after
			for range 2 { // as it was computed, and as it was saved
				l := openLog(t, dir, o)
				got := make(map[string]uint64)
				for _, c := range l.cursors {
					got[c.spec.Name] = c.Position()
				}
				if !maps.Equal(got, test.want) {
					t.Errorf("got %v, want %v", got, test.want)
				}
				l.stop()
			}
			o.Cursors = append(test.after, test.before...)
			slices.SortFunc(o.Cursors, func(a, b CursorSpec) int { return slices.Index([]string{a.Name, b.Name}, min(a.Name, b.Name))*2 - 1 })
			o.Cursors = slices.CompactFunc(o.Cursors, func(a, b CursorSpec) bool { return a.Name == b.Name })
			l := openLog(t, dir, o)
			for _, c := range l.cursors {
				_, stayed := test.want[c.spec.Name]
				entries, err := c.Entries()
				if err != nil || !stayed && len(entries) > 0 {
					t.Errorf("%s came back with %v, %v", c.spec.Name, entries, err)
				}
			}
		})
	}
}

func TestEntriesDoNotWaitForTheFile(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	c := l.cursor("desk")
	for i := range 100 {
		put := map[string][]byte{fmt.Sprint(i): []byte("x")}
		if i > 0 {
			put[fmt.Sprint(i-1)] = nil
		}
		c.Save(Update{Put: put})
		if i%3 == 0 {
			l.append(event(fmt.Sprint(i)))
		}
		if entries, err := c.Entries(); err != nil || len(entries) != 1 || entries[fmt.Sprint(i)] == nil {
			t.Fatalf("entries %q after %d, %v", entries, i, err)
		}
	}
}

func TestRemembered(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	for i := range 70 {
		l.Remember("refused", fmt.Append(nil, i))
		if i%7 == 0 {
			l.append(event(fmt.Sprint(i)))
		}
		if i == 50 {
			l.stop()
			l = openLog(t, dir, testOptions())
		}
		got, err := l.Remembered("refused")
		if err != nil || len(got) != min(i+1, listed) || string(got[len(got)-1]) != fmt.Sprint(i) {
			t.Fatalf("after %d: %q, %v", i, got, err)
		}
	}
	if got, err := l.Remembered("rejected"); err != nil || got != nil {
		t.Errorf("another list holds %q, %v", got, err)
	}
	l.stop()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Remembered("refused")
	if err != nil || len(got) != listed || string(got[0]) != "50" || string(got[19]) != "69" {
		t.Errorf("Reader: %q, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestACursorThatNeverMovedIsDroppedWhole: its position is not in the way.
func TestACursorThatNeverMovedIsDroppedWhole(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	l := openLog(t, dir, o)
	l.commit("desk", Update{Put: map[string][]byte{"mute": []byte("x")}})
	for _, cursors := range [][]CursorSpec{o.Cursors[:1], o.Cursors} {
		l.stop()
		o.Cursors = cursors
		l = openLog(t, dir, o)
	}
	if entries, err := l.cursor("desk").Entries(); err != nil || len(entries) != 0 {
		t.Errorf("a cursor that was dropped comes back with %q, %v", entries, err)
	}
}
