package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAppendAnswersSequences(t *testing.T) {
	for _, test := range []struct {
		name  string
		es    []Entry
		want  []uint64
		again []uint64
	}{
		{"events get sequences in their order", events(0, 3), []uint64{1, 2, 3}, []uint64{0, 0, 0}},
		{"an event twice in one call is stored once", append(events(0, 2), events(0, 2)...), []uint64{1, 2, 0, 0}, []uint64{0, 0, 0, 0}},
		{"an empty event is an event", []Entry{{ID: ID{1}}}, []uint64{1}, []uint64{0}},
		{"no events are no commit", nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLog(t, dir, testOptions())
			if got := l.append(test.es...); !slices.Equal(got, test.want) {
				t.Errorf("first: %v, want %v", got, test.want)
			}
			if got := l.append(test.es...); !slices.Equal(got, test.again) {
				t.Errorf("again: %v, want %v", got, test.again)
			}
			l.stop()
			l = openLog(t, dir, testOptions())
			if got := l.append(test.es...); !slices.Equal(got, test.again) {
				t.Errorf("after a restart: %v, want %v", got, test.again)
			}
		})
	}
}

func TestManyCallersEachGetTheirOwn(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	var mu sync.Mutex
	texts := make(map[uint64]string)
	var wg sync.WaitGroup
	for caller := range 16 {
		wg.Go(func() {
			for i := range 50 {
				text := fmt.Sprintf("event %d of %d", i, caller)
				seqs, err := l.Append(context.Background(), []Entry{event(text), event("the same")})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				texts[seqs[0]] = text
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(texts) != 16*50 || l.Stats().Records != 16*50+1 {
		t.Fatalf("%d sequences, %+v", len(texts), l.Stats())
	}
	for seq, text := range texts {
		if r, err := l.Get(seq); err != nil || string(r.Data) != text {
			t.Errorf("event %d: %q, %v, want %q", seq, r.Data, err, text)
		}
	}
}

func TestReading(t *testing.T) {
	o := testOptions()
	o.MaxSize = 64 << 20
	l := openLog(t, t.TempDir(), o)
	big := bytes.Repeat([]byte("x"), readBytes-1000)
	l.append(event("one"), event("two"), Entry{ID: ID{3}, Data: big}, Entry{ID: ID{4}, Data: big})
	for _, test := range []struct {
		name  string
		after uint64
		max   int
		want  []uint64
	}{
		{"from the start as many as asked for", 0, 2, []uint64{1, 2}},
		{"until a megabyte is reached", 0, 10, []uint64{1, 2, 3}},
		{"one record at least, however large", 3, 10, []uint64{4}},
		{"nothing at the end", 4, 10, nil},
		{"nothing beyond the end", 9, 10, nil},
		{"nothing when none is wanted", 0, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			rs, err := l.Read(test.after, test.max)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			for _, r := range rs {
				got = append(got, r.Sequence)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if _, err := l.Get(5); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get(5): %v", err)
	}
	if r, err := l.Get(2); err != nil || string(r.Data) != "two" || r.ID != event("two").ID {
		t.Errorf("Get(2): %+v, %v", r, err)
	}
	rs, _ := l.Read(0, 2)
	_ = append(rs[0].Data, "overrun"...)
	if string(rs[1].Data) != "two" {
		t.Error("records of one read overlap")
	}
}

func TestNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, t.TempDir(), testOptions())
		ctx := context.Background()
		got := make(chan uint64)
		for range 3 {
			go func() {
				rs, err := l.Next(ctx, 1, 10)
				if err != nil {
					t.Error(err)
				}
				got <- rs[0].Sequence
			}()
		}
		l.append(event("one"))
		synctest.Wait()
		select {
		case seq := <-got:
			t.Fatalf("Next(1) answered with %d", seq)
		default:
		}
		l.append(event("two"))
		for range 3 {
			if seq := <-got; seq != 2 {
				t.Errorf("Next(1) answered with %d", seq)
			}
		}

		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := l.Next(short, 2, 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the end: %v", err)
		}
		ended := make(chan error)
		go func() {
			_, err := l.Next(ctx, 2, 10)
			ended <- err
		}()
		synctest.Wait()
		l.stop()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("when Run ended: %v", err)
		}
	})
}

func TestBeforeAndAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l, err := Open(context.Background(), dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		stored := make(chan error)
		go func() {
			_, err := l.Append(context.Background(), events(0, 2))
			stored <- err
		}()
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := l.Append(short, events(2, 2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Append before Run: %v", err)
		}
		tl := runLog(t, l)
		if err := <-stored; err != nil {
			t.Errorf("Append that waited for Run: %v", err)
		}
		if n := l.Stats().Records; n != 2 {
			t.Errorf("%d records: what was given up in the queue is not stored", n)
		}
		if err := l.Run(context.Background()); !errors.Is(err, ErrClosed) {
			t.Errorf("Run twice: %v", err)
		}
		if err := l.Ready(); err != nil {
			t.Errorf("Ready: %v", err)
		}
		tl.stop()
		if _, err := l.Append(context.Background(), events(9, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Append after Run: %v", err)
		}
		if err := l.Ready(); !errors.Is(err, ErrClosed) {
			t.Errorf("Ready after Run: %v", err)
		}
		if _, err := l.Read(0, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close twice: %v", err)
		}
	})
}

// TestStopStoresWhatIsQueued ends Run while callers wait: each gets an answer,
// and what was answered well is there.
func TestStopStoresWhatIsQueued(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	var mu sync.Mutex
	var good []uint64
	var wg sync.WaitGroup
	for caller := range 32 {
		wg.Go(func() {
			for i := 0; ; i++ {
				seqs, err := l.Append(context.Background(), []Entry{event(fmt.Sprint(caller, "-", i))})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				good = append(good, seqs[0])
				mu.Unlock()
			}
		})
	}
	for l.Stats().Records < 100 {
		if _, err := l.Next(context.Background(), l.Stats().LastSequence, 1); err != nil {
			t.Fatal(err)
		}
	}
	l.cursor("hub").Save(Update{Position: 7})
	l.stop()
	wg.Wait()
	l = openLog(t, dir, testOptions())
	slices.Sort(good)
	if got := l.sequences(); !slices.Equal(got, good) {
		t.Errorf("%d stored, %d answered", len(got), len(good))
	}
	if p := l.cursor("hub").Position(); p != 7 {
		t.Errorf("position %d", p)
	}
}

func TestUndelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, t.TempDir(), testOptions())
		want := func(n int, age time.Duration) {
			t.Helper()
			if gn, ga := l.Undelivered(); gn != n || ga != age {
				t.Errorf("undelivered %d, %v, want %d, %v", gn, ga, n, age)
			}
		}
		want(0, 0)
		l.append(event("one"))
		time.Sleep(time.Minute)
		l.append(events(0, 9)...)
		time.Sleep(time.Minute)
		want(10, 2*time.Minute)
		l.cursor("hub").Save(Update{Position: 1})
		want(9, time.Minute)
		l.cursor("hub").Save(Update{Position: 10})
		want(0, 0) // desk does not deliver
	})
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, o := t.TempDir(), testOptions()
		began := time.Now()
		o.Now = func() time.Time { return aDay.Add(time.Since(began)) }
		l := openLog(t, dir, o)
		want := func(what string, d time.Duration) {
			t.Helper()
			if got := l.Idle(); got != d {
				t.Errorf("%s: %v, want %v", what, got, d)
			}
		}
		restart := func() {
			l.stop()
			time.Sleep(60 * time.Hour) // switched off
			l = openLog(t, dir, o)
		}
		time.Sleep(time.Hour)
		want("a store that never held a record", time.Hour)
		restart()
		time.Sleep(time.Hour)
		want("it is as old as the time it was used", 2*time.Hour)
		l.append(event("one"))
		want("a record has just come", 0)
		time.Sleep(time.Minute)
		l.append(events(0, 3)...)
		time.Sleep(10 * time.Minute)
		want("the newest counts", 10*time.Minute)
		l.append(event("one"))
		want("a repeat is no record", 10*time.Minute)
		restart()
		want("the time switched off does not count", 10*time.Minute)
		time.Sleep(5 * time.Minute)
		want("the time it ran before does", 15*time.Minute)
		time.Sleep(o.Keep)
		l.pass(4)
		for n := range 3 {
			l.append(event(fmt.Sprint("later ", n)))
		}
		time.Sleep(time.Minute)
		want("after those that were given up", time.Minute)
	})
}

// TestDataIsTheCallersAgain after Append has returned, also when it gave up
// while it was being committed.
func TestDataIsTheCallersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no timer ends here while somebody waits for a lock
		l := openLog(t, t.TempDir(), testOptions())
		other, err := l.handle.Load().db.Begin(true) // the writer waits for this one to end
		if err != nil {
			t.Fatal(err)
		}
		e := event("as it was")
		ctx, cancel := context.WithCancel(context.Background())
		gaveUp := make(chan error)
		go func() {
			_, err := l.Append(ctx, []Entry{e})
			gaveUp <- err
		}()
		for saved := true; saved; runtime.Gosched() { // the new cursors are, until the commit begins
			l.mu.Lock()
			saved = l.dirty
			l.mu.Unlock()
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		clear(e.Data)
		if err := other.Rollback(); err != nil {
			t.Fatal(err)
		}
		if rs, err := l.Next(context.Background(), 0, 1); err != nil || string(rs[0].Data) != "as it was" {
			t.Errorf("%v, %v", rs, err)
		}
	})
}
