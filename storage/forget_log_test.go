package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsForgottenInUseIsNowhereInTheFile(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(mixed(0, 50)...)
	for _, text := range []string{"anna says hello", "ben says hello", "anna says goodbye"} {
		l.append(event(text))
	}
	l.pass(51)
	l.commit("desk", Update{Put: map[string][]byte{"anna": []byte("anna waits"), "ben": []byte("ben waits")}})
	l.commit("desk", Update{Put: map[string][]byte{"anna": []byte("anna waits on")}})
	l.commit("hub", Update{Hold: []uint64{2, 53}})
	l.Remember("rejected", []byte("anna's body"))
	l.Remember("rejected", []byte("ben's body")) // neither is in the file yet
	has := func(data []byte) bool { return bytes.Contains(data, []byte("anna")) }
	meanwhile := sync.OnceFunc(func() { l.Remember("rejected", []byte("anna's other body")) })
	m := Match{
		Record: func(r Record) bool { meanwhile(); return has(r.Data) },
		Entry:  func(cursor, name string) bool { return cursor == "desk" && name == "anna" },
		Item:   func(list string, data []byte) bool { return list == "rejected" && has(data) },
	}
	for _, want := range []Forgotten{{2, 1, 3}, {}} { // the second time there is nothing
		if f, err := l.Forget(t.Context(), m); err != nil || f != want {
			t.Errorf("%+v, want %+v: %v", f, want, err)
		}
		file, err := os.ReadFile(storePath(dir))
		if err != nil || has(file) || !strings.Contains(string(file), "ben says hello") || !strings.Contains(string(file), "ben's body") {
			t.Errorf("anna is in the file still, or ben is not: %v", err)
		}
	}
	if n := l.Forgets(); n != 2 {
		t.Errorf("%d times", n)
	}
	check := func(l *testLog) {
		t.Helper()
		if _, err := l.Get(51); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get: %v", err)
		}
		if held := l.cursor("hub").Held(); len(held) != 1 || held[0] != 2 {
			t.Errorf("held: %v", held)
		}
		if entries, err := l.cursor("desk").Entries(); err != nil || entries["anna"] != nil || string(entries["ben"]) != "ben waits" {
			t.Errorf("entries: %q, %v", entries, err)
		}
		if items, err := l.Remembered("rejected"); err != nil || len(items) != 1 || has(items[0]) {
			t.Errorf("items: %q, %v", items, err)
		}
		if rs, err := l.Read(51, 10); err != nil || len(rs) != 2 || rs[0].Sequence != 52 || rs[1].Sequence != 54 {
			t.Errorf("read %v, %v", rs, err)
		}
	}
	if got := l.append(event("anna says hello"), event("anna says goodbye"), event("the next")); got[0] != 0 || got[1] != 0 || got[2] != 54 {
		t.Errorf("sent again they are %v", got)
	}
	if p := l.cursor("hub").Pending(); p != 2 {
		t.Errorf("pending: %d", p)
	}
	check(l)
	l.stop()
	if file, err := os.ReadFile(storePath(dir)); err != nil || has(file) {
		t.Errorf("anna is in the file again: %v", err)
	}
	c := openLog(t, dir, testOptions())
	check(c)
	if got := c.append(event("anna says hello")); got[0] != 0 {
		t.Errorf("sent again after a restart it is %v", got)
	}
}

// TestForgettingLosesNothingElse has events stored, read and passed while some
// are forgotten again and again.
func TestForgettingLosesNothingElse(t *testing.T) {
	dir := memory(t)
	l := openLog(t, dir, testOptions())
	const writers, each, times = 4, 150, 8
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for n := range each {
				who := "ben"
				if n%3 == 0 {
					who = "anna"
				}
				if _, err := l.Append(context.Background(), []Entry{event(fmt.Sprintf("%s %d %d", who, w, n))}); err != nil {
					t.Errorf("append: %v", err)
				}
				l.cursors[1].Save(Update{Put: map[string][]byte{fmt.Sprint(w): fmt.Append(nil, n)}})
			}
		})
	}
	var found int
	anna := Match{Record: func(r Record) bool { return bytes.HasPrefix(r.Data, []byte("anna")) }}
	forget := func() {
		f, err := l.Forget(t.Context(), anna)
		if err != nil || f.Undelivered != f.Records {
			t.Errorf("%+v, %v", f, err)
		}
		found += f.Records
	}
	for range times {
		forget()
	}
	work.Wait()
	forget()
	if want := writers * each / 3; found != want {
		t.Errorf("%d forgotten, want %d", found, want)
	}
	for range 2 {
		there := map[string]bool{}
		rs, err := l.Read(0, 10*writers*each)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			there[string(r.Data)] = true
		}
		if want := writers * each * 2 / 3; len(there) != want || len(rs) != want {
			t.Errorf("%d events are there, %d of them once, want %d", len(rs), len(there), want)
		}
		for w := range writers {
			for n := range each {
				if n%3 != 0 && !there[fmt.Sprintf("ben %d %d", w, n)] {
					t.Errorf("event %d of %d is lost", n, w)
				}
			}
		}
		entries, err := l.cursor("desk").Entries()
		for w := range writers {
			if string(entries[fmt.Sprint(w)]) != fmt.Sprint(each-1) || err != nil {
				t.Errorf("entries %q, %v", entries, err)
			}
		}
		l.stop()
		l = openLog(t, dir, testOptions())
	}
}

func TestEventsDoNotWaitLongForForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, memory(t), testOptions())
		defer l.stop()
		l.append(events(0, 20)...)
		done := make(chan error)
		go func() {
			_, err := l.Forget(t.Context(), Match{Record: func(Record) bool { time.Sleep(time.Second); return false }}) // a slow disk
			done <- err
		}()
		time.Sleep(time.Second / 2)
		began := time.Now()
		if _, err := l.Append(t.Context(), events(100, 1)); !errors.Is(err, ErrBroken) || time.Since(began) > patience+2*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := l.append(events(100, 1)...); got[0] != 21 {
			t.Errorf("sent again it is %v", got)
		}
	})
}

func TestAForgetInUseThatCannotBeLeavesTheStoreAsItIs(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, testOptions())
	l.append(events(0, 20)...)
	untouched := func(what string) {
		t.Helper()
		if n := len(l.sequences()); n != 20 || l.Forgets() != 0 {
			t.Errorf("%s: %d events, forgotten %d times", what, n, l.Forgets())
		}
		if _, err := os.Stat(storePath(dir) + ".new"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the new file: %v", what, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	late := Match{Record: func(Record) bool { cancel(); return true }}
	if _, err := l.Forget(ctx, late); !errors.Is(err, context.Canceled) {
		t.Errorf("whose caller has gone: %v", err)
	}
	l.append(event("event 0")) // it is done with
	untouched("whose caller has gone")
	l.writer.ctx, cancel = context.WithCancel(context.Background())
	stop := Match{Record: func(Record) bool { cancel(); return true }}
	if _, err := l.Forget(t.Context(), stop); !errors.Is(err, ErrClosed) {
		t.Errorf("at a stop: %v", err)
	}
	untouched("at a stop")
	l.stop()
	if _, err := l.Forget(t.Context(), stop); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed one: %v", err)
	}
}
