package storage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var damages = flag.Int("damages", 40, "of each part of the damage test")

// TestAnyDamage changes any part of a file, and then starts an agent on it: it
// opens, shows no record but those that were stored, and gives no sequence
// twice. What is lost was in what was changed.
func TestAnyDamage(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("go test -run TestAnyDamage -seed %d -damages %d", s, *damages)
	good := newSpecimen(t)
	for part, test := range []struct {
		name  string
		pages func(*specimen) []uint64 // that are changed
	}{
		{"anywhere", func(s *specimen) (all []uint64) {
			for id := range uint64(len(s.data) / pageSize) {
				all = append(all, id)
			}
			return all
		}},
		{"in what leads to the records", func(s *specimen) []uint64 { return s.above }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(s, uint64(part)))
			pages := test.pages(good)
			dir, lost, begun, found := t.TempDir(), 0, 0, 0
			for n := range *damages {
				d := good.damage(r, pages, n%len(damageKinds))
				seen := good.start(t, dir, d)
				if t.Failed() {
					keep := filepath.Join(os.TempDir(), "damaged.db")
					_ = os.WriteFile(keep, d.data, 0o600)
					t.Fatalf("damage %d: %s, kept as %s", n, d.what, keep)
				}
				lost += seen.lost
				if seen.damaged {
					found++
				}
				if len(seen.Begun) > 0 {
					begun++
				}
			}
			t.Logf("%d of %d damages found, %d records lost of %d each time, cursors began anew %d times", found, *damages, lost, len(good.records), begun)
			if found == 0 {
				t.Error("none was found")
			}
		})
	}
}

// A specimen is a store's file, and what is known of it.
type specimen struct {
	data    []byte
	records map[uint64]string   // by sequence
	pages   map[uint64][]uint64 // which records are lost with a page
	above   []uint64            // pages that hold no record
	seen    seen
}

// seen is what an agent sees of a store.
type seen struct {
	Records   map[uint64]string
	Positions map[string]uint64
	Held      map[string][]uint64
	Entries   map[string]map[string][]byte
	Next      uint64 // the sequence of an event appended after that
	Problems  []string
	Begun     []string

	lost    int
	damaged bool
}

func newSpecimen(t *testing.T) *specimen {
	dir := t.TempDir()
	l := liveStore(t, dir)
	for i := range 400 { // so that the entries have pages of several levels
		l.cursor("desk").Save(Update{Put: map[string][]byte{fmt.Sprint("conversation ", strings.Repeat("x", i%90), i): make([]byte, 100)}})
	}
	l.commit("hub", Update{Position: 560, Put: map[string][]byte{"range": []byte("1-9")}})
	l.append(mixed(1202, 4)...)
	l.commit("desk", Update{Position: 1180})
	l.stop()
	s := &specimen{records: make(map[uint64]string), pages: make(map[uint64][]uint64)}
	var err error
	if s.data, err = os.ReadFile(storePath(dir)); err != nil {
		t.Fatal(err)
	}
	s.survey(t, storePath(dir))
	s.seen = *s.start(t, dir, damaged{data: s.data})
	s.records = s.seen.Records
	return s
}

// survey finds out what is where in the file.
func (s *specimen) survey(t *testing.T, path string) {
	p, err := openPager(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	metas, _ := p.metas()
	tree := p.look(metas[0].root, true)
	for id := range p.pages() {
		if id < 2 || tree.uses(id) {
			s.above = append(s.above, id)
		}
	}
	for _, l := range tree.locations {
		// The page at which its leaf begins is the last one before it that says so.
		head := uint64(l.at / pageSize)
		for binary.NativeEndian.Uint64(within(s.data, head)) != head {
			head--
		}
		s.pages[head] = append(s.pages[head], l.sequence)
		for id := max(head+1, uint64(l.at-8)/pageSize); id <= uint64(l.at+int64(l.size)-1)/pageSize; id++ {
			s.pages[id] = append(s.pages[id], l.sequence)
		}
	}
	s.above = slices.DeleteFunc(s.above, func(id uint64) bool { return len(s.pages[id]) > 0 })
}

// damaged is a changed file.
type damaged struct {
	data []byte
	what string
	lost map[uint64]bool // records that may be
}

var damageKinds = []string{"bit", "zeros", "noise", "exchanged", "sector", "cut"}

// damage changes one of the pages, in one of the ways that disks have.
func (s *specimen) damage(r *rand.Rand, pages []uint64, kind int) damaged {
	d := damaged{data: slices.Clone(s.data), lost: make(map[uint64]bool)}
	id := pages[r.IntN(len(pages))]
	d.what = fmt.Sprintf("%s at page %d", damageKinds[kind], id)
	touched := []uint64{id}
	p := within(d.data, id)
	switch damageKinds[kind] {
	case "bit":
		p[r.IntN(len(p))] ^= 1 << r.IntN(8)
	case "zeros":
		clear(p)
	case "noise":
		for i := range p {
			p[i] = byte(r.Int())
		}
	case "exchanged":
		other := pages[r.IntN(len(pages))]
		copy(p, within(s.data, other))
		copy(within(d.data, other), within(s.data, id))
		touched = append(touched, other)
		d.what += fmt.Sprintf(" and %d", other)
	case "sector":
		sector := r.IntN(pageSize/512) * 512
		clear(p[sector : sector+512])
	case "cut":
		// Within the page where that is the last one of these.
		end := int(id)*pageSize + r.IntN(pageSize)
		d.data = d.data[:end]
		for id++; int(id) < len(s.data)/pageSize; id++ {
			touched = append(touched, id)
		}
	}
	for _, id := range touched {
		for _, seq := range s.pages[id] {
			d.lost[seq] = true
		}
	}
	return d
}

// start starts an agent on a damaged file and holds what it sees against what
// was there.
func (s *specimen) start(t *testing.T, dir string, d damaged) *seen {
	t.Helper()
	files, _ := filepath.Glob(storePath(dir) + "*")
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(storePath(dir), d.data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := child(t.Context(), "use", dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	got := &seen{}
	if err == nil {
		err = json.Unmarshal(out, got)
	}
	if err != nil {
		t.Errorf("%v\n%.3000s", err, stderr.String())
		return got
	}
	if s.seen.Records == nil {
		return got // it was not damaged
	}
	got.damaged = len(got.Problems) > 0
	for seq, text := range got.Records {
		if want, ok := s.records[seq]; ok && text != want || !ok && !slices.Contains(slices.Collect(maps.Values(s.records)), text) && int(seq) > 520 {
			t.Errorf("event %d is %.30q, want %.30q", seq, text, want)
		}
	}
	for seq := range s.records {
		if _, ok := got.Records[seq]; ok {
			continue
		}
		got.lost++
		if !d.lost[seq] {
			t.Errorf("event %d is lost", seq)
		}
	}
	nothing := len(d.data) < pageHead+metaSum+8 // less than one of the first pages: nothing says that there was a store
	if last := s.seen.Next - 1; got.Next <= last && !nothing {
		t.Errorf("sequence %d is given again", got.Next)
	}
	for name, want := range s.seen.Positions {
		p := got.Positions[name]
		// It may be further than it was where there is nothing between.
		passed := slices.ContainsFunc(slices.Collect(maps.Keys(got.Records)), func(seq uint64) bool { return seq > want && seq <= p })
		if passed || p != want && !got.damaged {
			t.Errorf("%s is at %d, and was at %d", name, p, want)
		}
		if name == "desk" && p > 0 && p == want {
			for k, v := range s.seen.Entries[name] {
				if string(got.Entries[name][k]) != string(v) {
					t.Errorf("%s is at %d without %q", name, p, k)
				}
			}
		}
	}
	if p := got.Positions["hub"]; p > 0 {
		for _, seq := range s.seen.Held["hub"] {
			if !slices.Contains(got.Held["hub"], seq) && !d.lost[seq] {
				t.Errorf("%d is held no more", seq)
			}
		}
	}
	return got
}

// useStore is the child: it does all that an agent does.
func useStore(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	o := testOptions()
	o.Check = checkInChild
	got := seen{Records: make(map[uint64]string), Positions: make(map[string]uint64), Held: make(map[string][]uint64), Entries: make(map[string]map[string][]byte)}
	o.Salvage = func(ctx context.Context, from, to string, limit int64) (Report, error) {
		r, err := salvageInChild(ctx, from, to, limit)
		if err == nil {
			err = Check(to)
		}
		got.Begun = r.Begun
		return r, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	l, err := Open(ctx, dir, o)
	fail(err)
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	for after, more := uint64(0), true; more; {
		rs, err := l.Read(after, 1000)
		fail(err)
		for _, r := range rs {
			got.Records[r.Sequence] = string(r.Data)
			after = r.Sequence
		}
		more = len(rs) > 0
	}
	got.Problems = l.Problems()
	_, err = l.Remembered("refused")
	fail(err)
	for _, c := range l.cursors {
		entries, err := c.Entries()
		fail(err)
		got.Positions[c.spec.Name], got.Held[c.spec.Name], got.Entries[c.spec.Name] = c.Position(), c.Held(), maps.Clone(entries)
		for name := range entries {
			entries[name] = nil
		}
		c.Save(Update{Position: l.Stats().LastSequence, Put: entries})
	}
	next, err := l.Append(ctx, []Entry{event("the next")})
	fail(err)
	got.Next = next[0]
	for i := range 10 {
		_, err := l.Append(ctx, events(10000+i*50, 50))
		fail(err)
	}
	cancel()
	fail(<-ended)
	fail(l.Close())
	fail(Check(storePath(dir)))
	fail(json.NewEncoder(os.Stdout).Encode(got))
}
