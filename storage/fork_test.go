package storage

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestForkedLookFindsTheSame: what several goroutines look at is what one does,
// whatever is damaged.
func TestForkedLookFindsTheSame(t *testing.T) {
	good := newSpecimen(t)
	r := rand.New(rand.NewPCG(*seed, 0))
	path := filepath.Join(t.TempDir(), fileName)
	for n := range 200 {
		d := damaged{data: good.data, what: "nothing"}
		if n > 0 {
			pages := append(slices.Clone(good.above), r.Uint64N(uint64(len(good.data)/pageSize)), r.Uint64N(uint64(len(good.data)/pageSize)))
			d = good.damage(r, pages, n%len(damageKinds))
		}
		if err := os.WriteFile(path, d.data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := openPager(path)
		if err != nil {
			t.Fatal(err)
		}
		metas, _ := p.metas()
		if len(metas) == 0 {
			_ = p.file.Close()
			continue
		}
		one, many := p.newTree(), p.newTree()
		one.walk("", metas[0].root, nil, nil, 0)
		many.fork = true
		many.walk("", metas[0].root, nil, nil, 0)
		if n == 0 && len(many.later) < 10 {
			t.Fatalf("there are %d branches to share", len(many.later))
		}
		many.join()
		_ = p.file.Close()
		text := func(t *tree) (all []string) {
			for _, d := range t.damages {
				all = append(all, d.bucket+" "+d.err.Error())
			}
			slices.Sort(all)
			return all
		}
		if !slices.Equal(text(one), text(many)) || !slices.Equal(one.runs, many.runs) || one.seen != many.seen || !slices.Equal(one.visited, many.visited) {
			t.Errorf("%s: one finds %q, seen %d, and several %q, seen %d", d.what, text(one), one.seen, text(many), many.seen)
		}
	}
}

// TestPagesOfTwoParts: a page that two goroutines came to is used twice.
func TestPagesOfTwoParts(t *testing.T) {
	p := &pager{size: 100 * pageSize}
	whole := p.newTree()
	for _, pages := range [][]uint64{{3, 4, 70}, {5, 71, 99}, {98, 70}} {
		part := p.newTree()
		for _, id := range pages {
			if err := part.visit(id, pageSize); err != nil {
				t.Fatal(err)
			}
		}
		before := len(whole.damages)
		whole.take(part)
		if found, want := len(whole.damages) > before, pages[0] == 98; found != want {
			t.Errorf("%d: found %v, want %v", pages, found, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 5<<20+777)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &blocks{file: f}
	for range 20000 {
		at, p := r.Int64N(int64(len(data))), make([]byte, 1+r.IntN(3*pageSize))
		n, err := s.ReadAt(p, at)
		want := min(len(p), len(data)-int(at))
		if n != want || (err == io.EOF) != (want < len(p)) || err != nil && err != io.EOF || !bytes.Equal(p[:n], data[at:at+int64(n)]) {
			t.Fatalf("%d bytes at %d: %d, %v", len(p), at, n, err)
		}
	}
	if most := 2*s.asked + 64*blockSize; s.read > most {
		t.Errorf("%d bytes read for %d", s.read, s.asked)
	}
	// What lies together is read once, in any order.
	s = &blocks{file: f}
	for _, page := range r.Perm(512) {
		if _, err := s.ReadAt(make([]byte, pageSize), int64(page)*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	if s.read != 512*pageSize {
		t.Errorf("%d bytes read of 2 MiB", s.read)
	}
}
