package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	bolt "go.etcd.io/bbolt"
)

// backedUp is a backup of a store with something of everything.
func backedUp(t *testing.T) (dir string, b []byte) {
	t.Helper()
	dir = t.TempDir()
	l := liveStore(t, dir)
	l.stop()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var w bytes.Buffer
	if err := r.Backup(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	return dir, w.Bytes()
}

func TestABackupIsTheSameStore(t *testing.T) {
	dir, b := backedUp(t)
	before, err := os.ReadFile(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	found, err := Restore(t.Context(), iotest.HalfReader(bytes.NewReader(b)), storePath(other), false)
	if err != nil || found.LeftOut != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, d := range differences(contents(t, storePath(dir)), contents(t, storePath(other))) {
		t.Error(d)
	}
	if after, err := os.ReadFile(storePath(dir)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading changed the store: %v", err)
	}
	if err := Check(storePath(other)); err != nil {
		t.Error(err)
	}
	// Put in its place it opens as the store.
	o := testOptions()
	l := openLog(t, other, o)
	if n := len(l.sequences()); n != found.Records || l.Stats().LastSequence != 1202 {
		t.Errorf("%d records of %+v, %+v", n, found, l.Stats())
	}
	if seqs := l.append(event("the next")); seqs[0] != 1203 {
		t.Errorf("the next event is %d", seqs[0])
	}
}

func TestABackupOfAStoreInUse(t *testing.T) {
	l := liveStore(t, t.TempDir())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- l.Backup(t.Context(), w); w.Close() }()
	// Nobody reads on for a while, and no transaction is open meanwhile.
	begun := make([]byte, 100)
	if _, err := io.ReadFull(r, begun); err != nil {
		t.Fatal(err)
	}
	l.append(mixed(1202, 50)...)
	if n := l.handle.Load().db.Stats().OpenTxN; n != 0 {
		t.Errorf("%d transactions are open", n)
	}
	path := storePath(t.TempDir())
	found, err := Restore(t.Context(), io.MultiReader(bytes.NewReader(begun), r), path, false)
	if err != nil || found.Records < 600 || <-done != nil {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
}

func TestABackupEndsWhenTheStoreIsRebuilt(t *testing.T) {
	l := liveStore(t, t.TempDir())
	var b bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		l.stopRun()
		other := filepath.Join(t.TempDir(), "other")
		if err := build(t.Context(), other, l.source().values(t.Context())); err != nil {
			t.Error(err)
		}
		h, err := openHandle(context.Background(), other, boltOptions(&l.options))
		if err != nil {
			t.Fatal(err)
		}
		l.handle.Swap(h).leave()
		return b.Write(p)
	})
	err := l.Backup(t.Context(), &onceWriter{first: w, rest: &b})
	if !errors.Is(err, errRebuilt) {
		t.Errorf("backup: %v", err)
	}
	if _, err := Restore(t.Context(), &b, storePath(t.TempDir()), false); err == nil || !strings.Contains(err.Error(), "rebuilt meanwhile: try again") {
		t.Errorf("restore: %v", err)
	}
}

// writerFunc is a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// onceWriter writes to first once, then to rest.
type onceWriter struct{ first, rest io.Writer }

func (o *onceWriter) Write(p []byte) (int, error) {
	w := o.first
	o.first = o.rest
	return w.Write(p)
}

// TestABackupThatIsNotWhole is refused wherever it is cut or changed, and
// leaves nothing behind.
func TestABackupThatIsNotWhole(t *testing.T) {
	_, whole := backedUp(t)
	path := storePath(t.TempDir())
	refused := func(what string, at int, r io.Reader) {
		t.Helper()
		if found, err := Restore(t.Context(), r, path, false); err == nil {
			t.Errorf("%s at %d of %d: %+v", what, at, len(whole), found)
		}
		if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) > 0 {
			t.Fatalf("%s at %d: there is %v: %v", what, at, files, err)
		}
	}
	places := []int{0, 1, len(backupMark), len(backupMark) + 1, len(whole) - 1, len(whole) - 4, len(whole) - 5, len(whole) - 6}
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		places = append(places, random.IntN(len(whole)))
	}
	for _, at := range places {
		refused("cut", at, bytes.NewReader(whole[:at]))
		changed := bytes.Clone(whole)
		changed[at] ^= 1 << random.IntN(8)
		refused("changed", at, bytes.NewReader(changed))
	}
	refused("failing", 1000, io.MultiReader(bytes.NewReader(whole[:1000]), iotest.ErrReader(errors.New("input/output error"))))
}

func TestABackupReplacesAFileOnlyWhenAsked(t *testing.T) {
	_, b := backedUp(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, what := range []struct {
		name    string
		from    io.Reader
		replace bool
	}{
		{"unasked", bytes.NewReader(b), false},
		{"asked, by half a backup", bytes.NewReader(b[:1000]), true},
	} {
		if _, err := Restore(t.Context(), what.from, path, what.replace); err == nil || !what.replace && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", what.name, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
			t.Errorf("%s: it holds %q: %v", what.name, data, err)
		}
	}
	if _, err := Restore(t.Context(), bytes.NewReader(b), path, true); err != nil || Check(path) != nil {
		t.Errorf("asked: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v: %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("there is %v: %v", files, err)
	}
	if _, err := Restore(t.Context(), bytes.NewReader(b), filepath.Join(dir, "none", "backup"), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

func TestABackupLeavesOutWhatCannotBeRead(t *testing.T) {
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
	var b bytes.Buffer
	if err := l.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	path := storePath(t.TempDir())
	if found, err := Restore(t.Context(), &b, path, false); err != nil || found != (Restored{4, 1}) {
		t.Errorf("%+v, %v", found, err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "event 3 cannot be read") {
		t.Errorf("problems %q", p)
	}
}

func TestABackupTellsWhatWentWrong(t *testing.T) {
	l := liveStore(t, t.TempDir())
	full := errors.New("no space left on device")
	if err := l.Backup(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("a writer that fails: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Backup(ended, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	l.stop()
	if err := l.Backup(t.Context(), io.Discard); err == nil {
		t.Error("of a store that is closed there is a backup")
	}
}
