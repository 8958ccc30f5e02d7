package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

func fileInfo(t *testing.T, dir string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// filled makes the file of a stopped store with n events.
func filled(t *testing.T, dir string, n int) []byte {
	t.Helper()
	l := openLog(t, dir, testOptions())
	l.append(events(0, n)...)
	l.commit("desk", Update{Position: uint64(n / 2), Put: map[string][]byte{"k": []byte("v")}})
	l.stop()
	data, err := os.ReadFile(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamagedFileIsMovedAside(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(data []byte) []byte
	}{
		{"no bytes", func([]byte) []byte { return nil }},
		{"half a file header", func(d []byte) []byte { return d[:100] }},
		{"cut in the middle", func(d []byte) []byte { return d[:20*pageSize] }},
		{"both heads gone", func(d []byte) []byte { clear(d[:2*pageSize]); return d }},
		{"all zeros but the heads", func(d []byte) []byte { clear(d[2*pageSize:]); return d }},
		{"another program's file", func(d []byte) []byte { return []byte(strings.Repeat("SQLite format 3\x00", 2000)) }},
		{"one bit of one event", func(d []byte) []byte {
			i := strings.LastIndex(string(d), "event 1500")
			for ; i >= 0; i = strings.LastIndex(string(d[:i]), "event 1500") {
				d[i] ^= 1
			}
			return d
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			bad := test.damage(filled(t, dir, 3000))
			if err := os.WriteFile(storePath(dir), bad, 0o640); err != nil {
				t.Fatal(err)
			}
			o := testOptions()
			o.Check = checkInChild
			l := openLog(t, dir, o)
			aside := storePath(dir) + ".damaged-1"
			if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], aside) {
				t.Errorf("problems: %q", p)
			}
			if got, err := os.ReadFile(aside); err != nil || string(got) != string(bad) {
				t.Errorf("moved aside: %d bytes, %v, want %d", len(got), err, len(bad))
			}
			if got := l.append(event("anew")); got[0] != 1 {
				t.Errorf("the new store starts with %v", got)
			}
			l.stop()
			l = openLog(t, dir, o)
			if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], aside) {
				t.Errorf("at the next start, while the file lies there, the problems are %q", p)
			}
			l.stop()
			if err := os.Remove(aside); err != nil {
				t.Fatal(err)
			}
			l = openLog(t, dir, o)
			if p := l.Problems(); len(p) != 0 {
				t.Errorf("after the file was removed there are problems: %q", p)
			}
		})
	}
}

func TestTheNewestThreeDamagedFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "7"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := os.WriteFile(storePath(dir), fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		openLog(t, dir, testOptions()).stop()
	}
	files, err := filepath.Glob(storePath(dir) + "?*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for i := 10; i <= 12; i++ {
		if got, err := os.ReadFile(fmt.Sprint(storePath(dir), ".damaged-", i)); err != nil || string(got) != fmt.Sprint(i-1) {
			t.Errorf("damaged-%d: %q, %v", i, got, err)
		}
	}
}

// TestCheckThatCannotBeMade must not cost anybody his store.
func TestCheckThatCannotBeMade(t *testing.T) {
	for name, check := range map[string]func(context.Context, string) error{
		"the program is gone": func(ctx context.Context, path string) error {
			return exec.CommandContext(ctx, "/nonexistent/deskbell", path).Run()
		},
		"the program is not in the path": func(ctx context.Context, path string) error {
			return exec.CommandContext(ctx, "no-such-deskbell", path).Run()
		},
		"the agent is stopped meanwhile": func(ctx context.Context, path string) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return fmt.Errorf("check: %w", ctx.Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			filled(t, dir, 3)
			o := testOptions()
			o.Check = check
			if l, err := Open(context.Background(), dir, o); err == nil {
				_ = l.Close()
				t.Error("the store was opened")
			}
			if l := openLog(t, dir, testOptions()); l.Stats().Records != 3 {
				t.Errorf("%+v", l.Stats())
			}
		})
	}
}

// TestCheckThatIsKilled has the system end the check, for want of memory: it is
// made again, for ending would only have the agent started again.
func TestCheckThatIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		filled(t, dir, 3)
		var waited []error
		checks := 0
		o := testOptions()
		o.Waiting = func(why error) { waited = append(waited, why) }
		o.Check = func(context.Context, string) error {
			if checks++; checks < 3 {
				return fmt.Errorf("%w: signal: killed", ErrUnchecked)
			}
			return nil
		}
		before := time.Now()
		l := openLog(t, dir, o)
		if took := time.Since(before); checks != 3 || len(waited) != 2 || took < 3*openAgain || took > 3*openAgain+time.Second {
			t.Errorf("opened after %d checks and %v, waited for %q", checks, took, waited)
		}
		if l.Stats().Records != 3 {
			t.Errorf("%+v", l.Stats())
		}
		l.stop()
	})
}

func TestRemainsOfACreationAreHarmless(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, newName), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir, testOptions())
	if p := l.Problems(); len(p) != 0 {
		t.Errorf("%q", p)
	}
	if _, err := os.Stat(filepath.Join(dir, newName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestFilesAndFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	openLog(t, dir, testOptions()).append(event("x"))
	for path, want := range map[string]fs.FileMode{dir: 0o750, storePath(dir): 0o640} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no size":             func(o *Options) { o.MaxSize = 0 },
		"a cursor of no name": func(o *Options) { o.Cursors = []CursorSpec{{}} },
		"a cursor twice":      func(o *Options) { o.Cursors = []CursorSpec{{"a", true}, {"a", false}} },
	} {
		o := testOptions()
		change(&o)
		dir := filepath.Join(t.TempDir(), "store")
		if _, err := Open(context.Background(), dir, o); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the folder was made", name)
		}
	}
}

// spoil changes a record as a disk would: between two commits, by another way.
func (l *testLog) spoil(seq uint64) {
	l.t.Helper()
	if err := l.handle.Load().db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketEvents)
		v := append([]byte(nil), b.Get(sequenceKey(seq))...)
		v[len(v)-1]++
		return b.Put(sequenceKey(seq), v)
	}); err != nil {
		l.t.Fatal(err)
	}
	l.tail = tail{}
}

// TestDamagedRecordsAreNotToCome: nobody reads the last record if it is
// damaged, and nobody waits for it.
func TestDamagedRecordsAreNotToCome(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 5)...)
	l.pass(3)
	l.stopRun()
	l.spoil(4)
	l.spoil(5)
	if rs, err := l.Read(3, 10); err != nil || len(rs) != 0 {
		t.Fatalf("read %v, %v", rs, err)
	}
	if n, age := l.Undelivered(); n != 0 || age != 0 {
		t.Errorf("%d undelivered, for %v", n, age)
	}
	if n := l.cursor("hub").Pending(); n != 0 {
		t.Errorf("%d pending", n)
	}
}

func TestDamagedRecordIsLeftOut(t *testing.T) {
	l := openLog(t, t.TempDir(), testOptions())
	l.append(events(0, 5)...)
	l.stopRun()
	newest := l.tail
	l.spoil(3)
	for range 2 {
		if got := fmt.Sprint(l.sequences()); got != "[1 2 4 5]" {
			t.Errorf("read %v", got)
		}
		if _, err := l.Get(3); !errors.Is(err, ErrDamaged) {
			t.Errorf("Get(3): %v", err)
		}
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "event 3 ") {
			t.Errorf("problems: %q", p)
		}
	}
	l.tail = newest
	if rs, err := l.Next(context.Background(), 2, 1); err != nil || string(rs[0].Data) != "event 2" {
		t.Errorf("Next(2), while it is in memory: %v, %v", rs, err)
	}
	l.tail = tail{}
	if rs, err := l.Next(context.Background(), 2, 1); err != nil || rs[0].Sequence != 4 {
		t.Errorf("Next(2): %v, %v", rs, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := Check(l.path); !errors.Is(err, ErrDamaged) {
		t.Errorf("Check: %v", err)
	}
}

func TestReaderOfADamagedStore(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 300)
	p := &patient{T: t, dir: dir, path: storePath(dir)}
	g := p.open()
	metas, _ := g.metas()
	_ = g.file.Close()
	p.spoil(metas[0].root)
	if r, err := OpenReader(dir); !errors.Is(err, ErrUnsound) {
		t.Errorf("opened: %v, %v", r, err)
	}
}

func TestReader(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no store: %v", err)
	}
	filled(t, dir, 10)
	l := openLog(t, dir, testOptions())
	if _, err := OpenReader(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("beside an agent: %v", err)
	}
	l.stop()
	before, _ := os.ReadFile(storePath(dir))
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.FirstSequence != 1 || s.LastSequence != 10 || s.Records != 10 || s.Bytes == 0 {
		t.Errorf("%+v", s)
	}
	if rs, err := r.Read(3, 4); err != nil || len(rs) != 4 || rs[0].Sequence != 4 || string(rs[0].Data) != "event 3" {
		t.Errorf("Read: %v, %v", rs, err)
	}
	if rec, err := r.Get(10); err != nil || string(rec.Data) != "event 9" {
		t.Errorf("Get: %v, %v", rec, err)
	}
	if _, err := r.Get(11); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get(11): %v", err)
	}

	// An agent that starts now waits for the reader.
	opened := make(chan *Log)
	go func() {
		l, err := Open(context.Background(), dir, testOptions())
		if err != nil {
			t.Error(err)
		}
		opened <- l
	}()
	if after, _ := os.ReadFile(storePath(dir)); string(after) != string(before) {
		t.Error("reading changed the file")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if l := <-opened; l != nil {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
