package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A stored is what one of the files in testdata must say for ever. They were
// written by the first version that had format 1 and are never made anew.
type stored struct {
	file    string
	cursors []CursorSpec
	records []Record
	last    uint64
	clock   stamp
	known   []Entry
	place   map[string]place
	lists   map[string][]string
}

type place struct {
	position uint64
	entries  map[string]string
	held     []uint64
}

func storedFiles() []stored {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	later := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var bodies []string
	for i := 5; i < 25; i++ {
		bodies = append(bodies, fmt.Sprint("body ", i))
	}
	live := func(seq byte, minutes int, received time.Time, data string) Record {
		return Record{Sequence: uint64(seq), ID: ID{0: seq, 15: 0xff}, Received: received, Elapsed: time.Duration(minutes) * time.Minute, Data: []byte(data)}
	}
	return []stored{
		{ // trimmed, and compacted
			file:    "format1.db",
			cursors: []CursorSpec{{"hub", true}, {"desk", false}},
			records: []Record{
				{4, event("event 3").ID, at, 151374, []byte("event 3")},
				{301, event("event 300").ID, at, 1873239, []byte("event 300")},
				{302, event("event 301").ID, at, 1873239, []byte("event 301")},
			},
			last:  302,
			clock: stamp{2157982, 2157982, at.UnixNano()},
			known: events(0, 302),
			place: map[string]place{
				"hub":  {301, map[string]string{"key": "value"}, []uint64{4}},
				"desk": {300, map[string]string{}, nil},
			},
			lists: map[string][]string{"refused": {"what was refused"}},
		},
		{ // as an agent leaves it; a position of 0 was not always written
			file:    "format1-live.db",
			cursors: []CursorSpec{{"forward/hub", true}, {"forward/garden", true}, {"desk", false}},
			records: []Record{
				live(1, 1, at, `{"event":{"type":"message"}}`),
				live(2, 2, at, ""),
				live(3, 3, time.Time{}, "\x00\xff\n\x00"),
				live(4, 4, later, strings.Repeat("large ", 4000)),
				live(5, 5, later, "not JSON {"),
			},
			last:  5,
			clock: stamp{5 * time.Minute, 5 * time.Minute, later.UnixNano()},
			place: map[string]place{
				"forward/hub":    {4, map[string]string{"replay": "1-3"}, []uint64{2}},
				"forward/garden": {2, map[string]string{}, nil},
				"desk":           {0, map[string]string{"mute": "{}", "empty": "", "c/k\x00ß": strings.Repeat("state", 700)}, nil},
			},
			lists: map[string][]string{"refused": {""}, "rejected": bodies},
		},
	}
}

// TestStoredFiles are read by every later version, value by value, before and
// after it has written to them.
func TestStoredFiles(t *testing.T) {
	for _, s := range storedFiles() {
		t.Run(s.file, func(t *testing.T) {
			dir := t.TempDir()
			file, err := os.ReadFile(filepath.Join("testdata", s.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(storePath(dir), file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, r := range s.records {
				s.known = append(s.known, Entry{ID: r.ID})
			}
			s.reader(t, dir)
			o := testOptions()
			o.MaxSize = minSize
			o.Cursors = s.cursors
			o.Check = checkInChild
			o.Now = func() time.Time { return time.Unix(0, 0) } // no time switched off is added
			for n := range 2 {
				l := openLog(t, dir, o)
				s.log(t, l)
				if n == 0 && l.clock.from != s.clock {
					t.Errorf("the clock was at %+v, want %+v", l.clock.from, s.clock)
				}
				if got := l.append(s.known...); slices.Max(got) != 0 {
					t.Errorf("stored again: %v", got)
				}
				l.Remember("of this version", []byte("x")) // for a commit
				l.stop()
			}
			s.reader(t, dir)
			l := openLog(t, dir, o)
			if got := l.append(event("the next")); got[0] != s.last+1 {
				t.Errorf("the next event is %d", got[0])
			}
		})
	}
}

func (s *stored) reader(t *testing.T, dir string) {
	t.Helper()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := r.Read(0, 100)
	if err != nil {
		t.Error(err)
	}
	s.same(t, rs)
	for name, want := range s.lists {
		if got, err := r.Remembered(name); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("list %s: %q, %v", name, got, err)
		}
	}
	if st := r.Stats(); st.LastSequence != s.last || st.Records != len(s.records) {
		t.Errorf("%+v", st)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func (s *stored) log(t *testing.T, l *testLog) {
	t.Helper()
	rs, err := l.Read(0, 100)
	if err != nil || len(l.Problems()) != 0 {
		t.Errorf("%v, %q", err, l.Problems())
	}
	s.same(t, rs)
	for name, want := range s.place {
		c := l.cursor(name)
		entries, err := c.Entries()
		if err != nil || len(entries) != len(want.entries) || c.Position() != want.position || !slices.Equal(c.Held(), want.held) {
			t.Errorf("%s: position %d, held %v, %d entries, %v", name, c.Position(), c.Held(), len(entries), err)
		}
		for k, v := range want.entries {
			if got, ok := entries[k]; !ok || string(got) != v {
				t.Errorf("%s: entry %q is %.50q", name, k, got)
			}
		}
	}
	for name, want := range s.lists {
		if got, err := l.Remembered(name); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("list %s: %q, %v", name, got, err)
		}
	}
	if st := l.Stats(); st.LastSequence != s.last || st.Records != len(s.records) {
		t.Errorf("%+v", st)
	}
	if newest := s.records[len(s.records)-1].Elapsed; l.Elapsed() < newest {
		t.Errorf("the clock is at %v, the newest event is of %v", l.Elapsed(), newest)
	}
}

func (s *stored) same(t *testing.T, rs []Record) {
	t.Helper()
	for i, want := range s.records {
		if i >= len(rs) {
			t.Fatalf("%d events, want %d", len(rs), len(s.records))
		}
		if r := rs[i]; r.Sequence != want.Sequence || r.ID != want.ID || !r.Received.Equal(want.Received) || r.Elapsed != want.Elapsed || string(r.Data) != string(want.Data) {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
}

// newerStore makes a store of a later version: who knows what it has.
func newerStore(t testing.TB, dir string, format uint32) {
	t.Helper()
	db, err := bolt.Open(storePath(dir), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket(bucketIDs), tx.Bucket(bucketMeta).Put(keyFormat, binary.BigEndian.AppendUint32(nil, format)),
			tx.Bucket(bucketMeta).Put([]byte("of later"), []byte("not sealed")))
	}), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormatIsLeftAlone(t *testing.T) {
	for _, format := range []uint32{2, 4, 1000} {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			dir := t.TempDir()
			filled(t, dir, 3)
			newerStore(t, dir, format)
			before := snapshot(t, dir)
			if err := Check(storePath(dir)); !errors.Is(err, ErrNewer) {
				t.Errorf("Check: %v", err)
			}
			o := testOptions()
			o.Check = checkInChild
			for range 2 {
				if _, err := Open(context.Background(), dir, o); !errors.Is(err, ErrNewer) {
					t.Errorf("Open: %v", err)
				}
				if _, err := OpenReader(dir); !errors.Is(err, ErrNewer) {
					t.Errorf("OpenReader: %v", err)
				}
			}
			if after := snapshot(t, dir); after != before {
				t.Errorf("the folder was\n%sand is\n%s", before, after)
			}
		})
	}
}

// snapshot says what lies in a folder: names, modes, times of change, bytes.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %v %d %d %x\n", path, info.Mode(), info.ModTime().UnixNano(), len(data), event(string(data)).ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
