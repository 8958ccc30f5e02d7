package storage

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// exchange swaps the file for a copy of itself, without what keep leaves out.
// Nothing may be stored meanwhile.
func (l *testLog) exchange(keep func(value) bool) {
	l.t.Helper()
	built := l.path + ".copy"
	if err := build(context.Background(), built, source{view: l.view, keep: keep}.values(context.Background())); err != nil {
		l.t.Fatal(err)
	}
	if err := l.writer.swap(built, func() error { return os.Rename(built, l.path) }); err != nil {
		l.t.Fatal(err)
	}
}

// TestSwapWhileReading exchanges the file again and again under its readers.
func TestSwapWhileReading(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 3000)...)
	l.stopRun() // this goroutine is the writer now
	done := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for after := uint64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				switch rs, err := l.Read(after, 700); {
				case err != nil:
					t.Error(err)
					return
				case len(rs) == 0:
					after = 0
				case string(rs[0].Data) != fmt.Sprint("event ", after):
					t.Errorf("event %d is %q", after+1, rs[0].Data)
				default:
					after = rs[len(rs)-1].Sequence
				}
				if _, err := l.Get(uint64(n + 1)); err != nil {
					t.Error(err)
				}
				l.Undelivered()
				if _, err := l.cursor("hub").Entries(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	old := l.handle.Load()
	for range 20 {
		l.exchange(nil)
	}
	close(done)
	wg.Wait()
	select {
	case <-old.closed:
	default:
		t.Error("the first file is still open")
	}
}

// TestSwapWithASlowReader does not wait for one who hangs in the old file.
func TestSwapWithASlowReader(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 10)...)
	l.stopRun()
	old := l.handle.Load()
	old.enter()
	l.exchange(nil)
	if got := l.sequences(); len(got) != 10 {
		t.Errorf("%v", got)
	}
	if _, err := os.ReadFile(fmt.Sprint("/proc/self/fd/", old.file.Fd())); err != nil {
		t.Errorf("the old file is closed under its reader: %v", err)
	}
	old.leave()
	<-old.closed
}

// TestSwapKeepsWhatMemoryKnows exchanges the file for an older one.
func TestSwapKeepsWhatMemoryKnows(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(events(0, 10)...)
	l.commit("hub", Update{Hold: []uint64{2, 3}, Put: map[string][]byte{"a": []byte("old"), "b": []byte("b")}})
	older := l.path + ".older"
	if err := build(context.Background(), older, source{view: l.view}.values(context.Background())); err != nil {
		t.Fatal(err)
	}
	l.append(events(10, 5)...)
	l.commit("hub", Update{Position: 5, Hold: []uint64{4, 12}, Release: []uint64{3}})
	l.stopRun()
	l.state = opened
	l.cursor("hub").Save(Update{Position: 7, Put: map[string][]byte{"a": []byte("new")}, Hold: []uint64{8}})
	l.cursor("desk").Save(Update{Position: 14})
	l.Remember("refused", []byte("a body"))
	if err := l.writer.swap(older, func() error { return os.Rename(older, l.path) }); err != nil {
		t.Fatal(err)
	}
	for restarted := range 2 {
		if got := l.sequences(); len(got) != 10 {
			t.Errorf("%v", got)
		}
		if p := l.cursor("hub").Position(); p != 7 {
			t.Errorf("hub is at %d", p)
		}
		if p := l.cursor("desk").Position(); p != 15 {
			t.Errorf("desk is at %d, and nothing comes before 16", p)
		}
		if got := l.cursor("hub").Held(); !slices.Equal(got, []uint64{2, 4, 8}) {
			t.Errorf("held: %v", got)
		}
		if got, err := l.cursor("hub").Entries(); err != nil || string(got["a"]) != "new" || string(got["b"]) != "b" {
			t.Errorf("entries: %q, %v", got, err)
		}
		if got, err := l.Remembered("refused"); err != nil || len(got) != 1 {
			t.Errorf("list: %q, %v", got, err)
		}
		if n, age := l.Undelivered(); n != 3 || age > time.Minute {
			t.Errorf("%d are not delivered, for %v", n, age)
		}
		if restarted == 0 {
			l = runLog(t, l.Log)
			l.commit("hub", Update{})
		}
		l.stop()
		l = openLog(t, dir, testOptions())
	}
	// What the older file does not hold is taken again, under a number of its own.
	if got := l.append(events(9, 2)...); !slices.Equal(got, []uint64{0, 16}) {
		t.Errorf("%v", got)
	}
}
