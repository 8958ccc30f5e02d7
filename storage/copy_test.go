package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// source reads the log.
func (l *testLog) source() source {
	return source{view: l.view}
}

// mixed are events of all sizes, some of several pages.
func mixed(from, n int) []Entry {
	es := make([]Entry, n)
	for i := range es {
		size := []int{0, 300, 800, 2500, 5000, 14000}[(from+i)%6]
		es[i] = event(fmt.Sprint("event ", from+i, strings.Repeat("x", size)))
	}
	return es
}

// liveStore has something of all that a store can hold: records of all sizes,
// trimmed ones of which the ids are left, held ones, entries and lists.
func liveStore(t testing.TB, dir string) *testLog {
	t.Helper()
	o := testOptions()
	o.Keep = 0
	l := openLog(t, dir, o)
	for i := 0; i < 1200; i += 50 {
		l.append(mixed(i, 50)...)
		l.cursor("desk").Save(Update{Position: uint64(i), Put: map[string][]byte{
			fmt.Sprint("conversation ", i): bytes.Repeat([]byte{byte(i)}, 200), "empty": {},
		}})
		l.Remember("refused", bytes.Repeat([]byte("r"), i))
	}
	l.cursor("hub").Save(Update{Position: 20, Hold: []uint64{7, 300, 900}})
	l.pass(520)
	l.append(mixed(1200, 1)...)
	l.append(mixed(1201, 1)...)
	return l
}

// contents are all values in a store's file.
func contents(t testing.TB, path string) map[string]string {
	t.Helper()
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	err = errors.Join(db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			if n := b.Sequence(); n > 0 {
				all[string(name)+" sequence"] = fmt.Sprint(n)
			}
			return b.ForEach(func(k, v []byte) error {
				all[fmt.Sprintf("%s %x", name, k)] = string(v)
				return nil
			})
		})
	}), db.Close())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// differences between two stores.
func differences(want, got map[string]string) (all []string) {
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			all = append(all, fmt.Sprintf("%s: %.40q instead of %.40q", k, g, v))
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			all = append(all, fmt.Sprintf("%s: %.40q, which was not there", k, v))
		}
	}
	return all
}

func TestCopyIsTheSameStore(t *testing.T) {
	dir := t.TempDir()
	l := liveStore(t, dir)
	path := filepath.Join(dir, "copy")
	if err := build(context.Background(), path, l.source().values(context.Background())); err != nil {
		t.Fatal(err)
	}
	l.stopRun()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := contents(t, storePath(dir))
	got := contents(t, path)
	delete(want, "meta 636c6f636b") // the clock goes on until the end
	delete(got, "meta 636c6f636b")
	for _, d := range differences(want, got) {
		t.Error(d)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if old := fileInfo(t, dir); info.Size() >= old.Size() {
		t.Errorf("%d bytes are copied into %d", old.Size(), info.Size())
	}
}

// TestCopyBesideAppends has every record that is not delivered, though they
// come and go meanwhile, and knows all.
func TestCopyBesideAppends(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.Keep = 0
	l := openLog(t, dir, o)
	n := 0
	more := func() {
		for range 6 {
			l.append(mixed(n, 50)...)
			n += 50
		}
	}
	more()
	more()
	s := l.source()
	transactions := 0
	short := s.view
	s.view = func(f func(*bolt.Tx) error) error {
		err := short(f)
		if transactions++; n < 2000 {
			more()
			l.pass(uint64(n - 600))
		}
		return err
	}
	path := filepath.Join(t.TempDir(), fileName)
	if err := build(context.Background(), path, s.values(context.Background())); err != nil {
		t.Fatal(err)
	}
	if transactions < 4 {
		t.Errorf("%d transactions", transactions)
	}
	c := openLog(t, filepath.Dir(path), o)
	passed, last := c.cursor("hub").Position(), c.Stats().LastSequence
	if passed < 600 || last < 2000 {
		t.Errorf("the copy is of position %d, the last one given is %d", passed, last)
	}
	for seq := uint64(1); seq <= last; seq++ {
		r, err := c.Get(seq)
		if err == nil && string(r.Data) != string(mixed(int(seq)-1, 1)[0].Data) || err != nil && seq > passed {
			t.Fatalf("record %d: %.20q, %v", seq, r.Data, err)
		}
	}
	c.knows(int(c.Stats().LastSequence))
}

// knows the first n of mixed.
func (l *testLog) knows(n int) {
	l.t.Helper()
	for i := range n {
		if got := l.append(mixed(i, 1)...); got[0] != 0 {
			l.t.Fatalf("event %d is stored again", i)
		}
	}
}

// TestCopyWithoutSome leaves records, entries and items of lists out, and
// still knows what it had.
func TestCopyWithoutSome(t *testing.T) {
	dir := t.TempDir()
	l := liveStore(t, dir)
	l.Remember("refused", []byte("a secret"))
	l.commit("desk", Update{Put: map[string][]byte{"a secret": []byte("s")}})
	s := l.source()
	s.keep = func(v value) bool {
		if r, ok := v.record(); ok {
			return r.Sequence%10 != 0
		}
		payload, _ := v.payload()
		return !strings.Contains(string(v.key)+string(payload), "a secret")
	}
	path := filepath.Join(t.TempDir(), fileName)
	if err := build(context.Background(), path, s.values(context.Background())); err != nil {
		t.Fatal(err)
	}
	before := l.sequences()
	l.stop()
	if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("a secret")) {
		t.Errorf("it is still in the bytes (%v)", err)
	}
	for k := range contents(t, path) {
		if strings.HasPrefix(k, fmt.Sprintf("cursor.hub %x", prefixHeld)) && !strings.HasSuffix(k, "07") {
			t.Errorf("of a record that is not there it holds %s", k)
		}
	}
	o := testOptions()
	o.Keep = 0
	c := openLog(t, filepath.Dir(path), o)
	for _, seq := range before {
		if _, err := c.Get(seq); (err == nil) != (seq%10 != 0) {
			t.Errorf("event %d: %v", seq, err)
		}
	}
	if held := fmt.Sprint(c.cursor("hub").Held()); held != "[7]" {
		t.Errorf("held: %s", held)
	}
	for range 2 {
		c.knows(1202)
		c.pass(1202) // trims around what is not there
		c.stop()
		c = openLog(t, filepath.Dir(path), o)
	}
}

func TestDamagedValuesAreNotCopied(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 5)...)
	l.stopRun()
	if err := l.handle.Load().db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketEvents)
		v := bytes.Clone(b.Get(sequenceKey(3)))
		v[len(v)-1]++
		return b.Put(sequenceKey(3), v)
	}); err != nil {
		t.Fatal(err)
	}
	s := l.source()
	var out []uint64
	s.damaged = func(v value) { out = append(out, sequenceOf(v.key)) }
	path := filepath.Join(t.TempDir(), "copy")
	if err := build(context.Background(), path, s.values(context.Background())); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil || fmt.Sprint(out) != "[3]" {
		t.Errorf("%v, left out: %v", err, out)
	}
}

// TestCopyThatCannotBeMade leaves nothing behind, and nothing else is touched.
func TestCopyThatCannotBeMade(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	broken := errors.New("the source is broken")
	one := func(err error) iter.Seq2[value, error] {
		return func(yield func(value, error) bool) {
			k := sequenceKey(1)
			_ = yield(value{bucket: "events", key: k, sealed: appendRecord(nil, k, event("x"), stamp{})}, nil) && yield(value{}, err)
		}
	}
	for name, test := range map[string]struct {
		ctx    context.Context
		values iter.Seq2[value, error]
		want   error
	}{
		"nobody waits for it any more": {ended, one(nil), context.Canceled},
		"the source fails":             {context.Background(), one(broken), broken},
	} {
		path := filepath.Join(t.TempDir(), "copy")
		if err := build(test.ctx, path, test.values); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file is left: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := build(context.Background(), path, one(nil)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "mine" {
		t.Errorf("another file is now %q, %v", got, err)
	}
}

// buildStore is the child: it makes a store of one event.
func buildStore(path string) error {
	return build(context.Background(), path, func(yield func(value, error) bool) {
		k := sequenceKey(1)
		yield(value{bucket: "events", key: k, sealed: appendRecord(nil, k, event("x"), stamp{})}, nil)
	})
}
