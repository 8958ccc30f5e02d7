package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// listOf returns the file of a stopped store, and the page with its list.
func listOf(t *testing.T, path string) (file []byte, list uint64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file, newestMeta(t, path).list
}

// drained is a stopped store that has had many events and holds few.
func drained(t *testing.T) (path string) {
	o := testOptions()
	o.MaxSize = 2 << 20
	l := openLog(t, t.TempDir(), o)
	for range 4 {
		if _, err := fillWith(l, 600, 1000, 50); err != nil {
			t.Fatal(err)
		}
		l.pass(l.Stats().LastSequence)
	}
	l.stop()
	return l.path
}

func TestTheLastCommitListsTheFreePages(t *testing.T) {
	path := drained(t)
	file, list := listOf(t, path)
	if list == noList {
		t.Fatal("there is no list")
	}
	if n := binary.NativeEndian.Uint16(file[list*pageSize+10:]); n == 0 {
		t.Error("no page is free")
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	o := testOptions()
	o.MaxSize = 2 << 20
	l := openLog(t, filepath.Dir(path), o)
	before := l.Stats()
	if _, err := fill(l, 20); err != nil {
		t.Fatal(err)
	}
	if _, list := listOf(t, path); list != noList {
		t.Error("a commit amid a life writes the list")
	}
	if after := l.Stats(); after.Records != before.Records+20 {
		t.Errorf("%+v, before %+v", after, before)
	}
}

// TestNoRoomForTheList stops stores that have a page more to store than the one
// before: where there is just room for that, the list is left out.
func TestNoRoomForTheList(t *testing.T) {
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	without, with := 0, 0
	for pages := range 20 {
		dir := t.TempDir()
		l := openLog(t, dir, testOptions())
		if _, err := fill(l, 50); err != nil {
			t.Fatal(err)
		}
		l.stop()
		last, err := Open(t.Context(), dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		last.writer.size.file = last.writer.size.high
		last.writer.size.most = last.writer.size.file
		hub, err := last.Cursor("hub")
		if err != nil {
			t.Fatal(err)
		}
		u := Update{Position: 50, Put: make(map[string][]byte)}
		for i := range pages {
			u.Put[string(rune('a'+i))] = make([]byte, pageSize*3/4)
		}
		hub.Save(u)
		err = errors.Join(last.Run(stopped), last.Close())
		switch _, list := listOf(t, last.path); {
		case err != nil:
			t.Errorf("with %d pages more: %v", pages, err)
		case list == noList:
			without++
		default:
			with++
		}
		if err := Check(last.path); err != nil {
			t.Error(err)
		}
	}
	if without == 0 || with == 0 {
		t.Errorf("%d have the list and %d do not", with, without)
	}
}

// TestAWrongList has bbolt take for free what is not, or the other way round, if
// nobody looks.
func TestAWrongList(t *testing.T) {
	path := drained(t)
	good, list := listOf(t, path)
	at := list * pageSize
	order := binary.NativeEndian
	id := func(n uint64) []byte { return good[at+pageHead+8*n:] }
	p, err := openPager(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	metas, _ := p.metas()
	for name, spoil := range map[string]func(b []byte){
		"another page's number":             func(b []byte) { order.PutUint64(b[at:], list+1) },
		"another kind":                      func(b []byte) { order.PutUint16(b[at+8:], kindLeaf) },
		"one page less":                     func(b []byte) { order.PutUint16(b[at+10:], order.Uint16(good[at+10:])-1) },
		"more than fit":                     func(b []byte) { order.PutUint16(b[at+10:], 60000) },
		"more than fit, counted in the ids": func(b []byte) { order.PutUint16(b[at+10:], 65535); order.PutUint64(b[at+pageHead:], 1<<62) },
		"longer than the file":              func(b []byte) { order.PutUint32(b[at+12:], 1<<20) },
		"a page twice":                      func(b []byte) { order.PutUint64(b[at+pageHead:], order.Uint64(id(1))) },
		"the page of a head":                func(b []byte) { order.PutUint64(b[at+pageHead:], 1) },
		"a page beyond the end":             func(b []byte) { order.PutUint64(b[at+pageHead+8*uint64(order.Uint16(good[at+10:])-1):], 1<<40) },
		"a page in use":                     func(b []byte) { order.PutUint64(b[at+pageHead:], metas[0].root) },
	} {
		t.Run(name, func(t *testing.T) {
			b := append([]byte(nil), good...)
			spoil(b)
			path := storePath(t.TempDir())
			if err := os.WriteFile(path, b, 0o640); err != nil {
				t.Fatal(err)
			}
			if err := Check(path); err == nil {
				t.Error("nothing is found")
			}
		})
	}
}
