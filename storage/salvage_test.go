package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A patient is a stopped store's file, and what it holds.
type patient struct {
	*testing.T
	dir, path string
	healthy   map[string]string
	commit    meta // the last one
	before    meta
}

// newPatient stops a live store that ends with a commit of everything: an
// event, positions, an entry.
func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{T: t, dir: t.TempDir()}
	p.path = storePath(p.dir)
	l := liveStore(t, p.dir)
	for i := range 200 { // so that the entries have pages of their own
		l.cursor("desk").Save(Update{Put: map[string][]byte{"conversation " + strings.Repeat("x", i): make([]byte, 50)}})
	}
	l.append(mixed(1202, 1)...)
	l.cursor("desk").Save(Update{Position: 1190, Put: map[string][]byte{"conversation ": []byte("the newest")}})
	l.cursor("hub").Save(Update{Position: 530})
	l.append(mixed(1203, 1)...)
	last, err := os.ReadFile(p.path) // a stop would be one more commit
	if err != nil {
		t.Fatal(err)
	}
	l.stop()
	if err := os.WriteFile(p.path, last, 0o640); err != nil {
		t.Fatal(err)
	}
	p.healthy = contents(t, p.path)
	g := p.open()
	defer g.file.Close()
	metas, _ := g.metas()
	p.commit, p.before = metas[0], metas[1]
	return p
}

func (p *patient) open() *pager {
	p.Helper()
	g, err := openPager(p.path)
	if err != nil {
		p.Fatal(err)
	}
	return g
}

// find returns the page of the last commit that holds a key of a bucket.
func (p *patient) find(bucket string, key []byte) (page uint64) {
	p.Helper()
	g := p.open()
	defer g.file.Close()
	t := g.newTree()
	t.keep = true
	var leaf func(id uint64)
	leaf = func(id uint64) {
		l, err := g.page(id, nil)
		if err != nil {
			p.Fatal(err)
		}
		for e := range l.elements(true) {
			switch {
			case !l.leaf:
				leaf(e.child)
			case bytes.Equal(e.key, key):
				page = id
			}
		}
	}
	root, err := g.page(p.commit.root, nil)
	if err != nil {
		p.Fatal(err)
	}
	for e := range root.elements(true) {
		if id, _, _ := e.root(); string(e.key) == bucket && id > 0 {
			leaf(id)
		}
	}
	if page == 0 {
		p.Fatalf("%s has no page with %q", bucket, key)
	}
	return page
}

// rootOf returns the page at which a bucket begins, in a commit.
func (p *patient) rootOf(m meta, bucket string) uint64 {
	p.Helper()
	g := p.open()
	defer g.file.Close()
	root, err := g.page(m.root, nil)
	if err != nil {
		p.Fatal(err)
	}
	for e := range root.elements(true) {
		if id, _, _ := e.root(); string(e.key) == bucket {
			return id
		}
	}
	p.Fatalf("there is no %s", bucket)
	return 0
}

// spoil makes pages unreadable.
func (p *patient) spoil(pages ...uint64) {
	p.Helper()
	patch(p.T, p.path, func(data []byte) {
		for _, id := range pages {
			copy(within(data, id), bytes.Repeat([]byte{0xa5}, pageSize))
		}
	})
}

// salvage returns what the new file holds.
func (p *patient) salvage() (Report, map[string]string) {
	p.Helper()
	to := filepath.Join(p.TempDir(), fileName)
	r, err := Salvage(context.Background(), p.path, to, 1<<30)
	if err != nil {
		p.Fatal(err)
	}
	if err := Check(to); err != nil {
		p.Error(err)
	}
	return r, contents(p.T, to)
}

// differ is differences, but for what every salvage of a damaged store changes:
// sequences go on further up.
func differ(want, got map[string]string) []string {
	want, got = maps.Clone(want), maps.Clone(got)
	if want["events sequence"] <= got["events sequence"] {
		delete(want, "events sequence")
		delete(got, "events sequence")
	}
	for k := range got {
		if strings.HasPrefix(k, "gaps ") {
			delete(got, k)
		}
	}
	return differences(want, got)
}

func TestSalvageOfASoundStore(t *testing.T) {
	p := newPatient(t)
	r, got := p.salvage()
	for _, d := range differences(p.healthy, got) {
		t.Error(d)
	}
	if !r.Whole() || r.Missing > 0 || len(r.Begun) > 0 || r.Records == 0 {
		t.Errorf("%+v", r)
	}
}

// TestTheWholeStoreIsSaved although what leads to it is gone.
func TestTheWholeStoreIsSaved(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(p *patient)
	}{
		{"the first page that leads to the last commit", func(p *patient) { p.spoil(p.commit.transaction % 2) }},
		{"the first page that leads to the commit before", func(p *patient) { p.spoil(p.before.transaction % 2) }},
		{"both first pages", func(p *patient) { p.spoil(0, 1) }},
		{"the branch of the events", func(p *patient) { p.spoil(p.rootOf(p.commit, "events")) }},
		{"the first page and the branch of the events", func(p *patient) { p.spoil(p.commit.transaction%2, p.rootOf(p.commit, "events")) }},
		{"the sequence of the events, lower", func(p *patient) { p.sequence(func(n uint64) uint64 { return n &^ 1024 }) }},
		{"the sequence of the events, higher", func(p *patient) { p.sequence(func(n uint64) uint64 { return n | 1<<62 }) }},
		{"the number of values in a leaf", func(p *patient) {
			patch(p.T, p.path, func(data []byte) { within(data, p.find("events", sequenceKey(1203)))[10]-- })
		}},
		{"the key that leads to a page, lower", func(p *patient) { p.branchKey(func(key []byte) { key[7]-- }) }},
		{"the key that leads to a page, higher", func(p *patient) { p.branchKey(func(key []byte) { key[7]++ }) }},
		{"the kind of a leaf", func(p *patient) {
			patch(p.T, p.path, func(data []byte) { within(data, p.find("events", sequenceKey(900)))[8] = 7 })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t)
			test.spoil(p)
			r, got := p.salvage()
			for _, d := range differ(p.healthy, got) {
				t.Error(d)
			}
			if r.Whole() || r.Missing > 0 || len(r.Begun) > 0 {
				t.Errorf("%+v", r)
			}
			if n := got["events sequence"]; len(n) != 4 || n <= p.healthy["events sequence"] {
				t.Errorf("sequences go on after %s, the last one was %s", n, p.healthy["events sequence"])
			}
		})
	}
}

// branchKey changes the key that leads to a leaf of the events, so that records
// lie on the wrong side of it, and clears what older commits left of them.
func (p *patient) branchKey(change func(key []byte)) {
	at, g := p.find("events", sequenceKey(900)), p.open()
	tree := g.look(p.commit.root, false)
	_ = g.file.Close()
	patch(p.T, p.path, func(data []byte) {
		for id := uint64(2); id < uint64(len(data)/pageSize); id++ {
			b := within(data, id)
			if !tree.uses(id) {
				clear(b)
				continue
			}
			g := page{b: b}
			if _, err := g.head(); err != nil || g.leaf {
				continue
			}
			for e := range g.elements(true) {
				if e.child == at {
					change(e.key)
				}
			}
		}
	})
}

// sequence changes what the file says of the last one given.
func (p *patient) sequence(change func(uint64) uint64) {
	patch(p.T, p.path, func(data []byte) {
		g := page{b: within(data, p.commit.root), leaf: true}
		if _, err := g.head(); err != nil {
			p.Fatal(err)
		}
		for e := range g.elements(true) {
			if string(e.key) == "events" {
				binary.NativeEndian.PutUint64(e.value[8:], change(binary.NativeEndian.Uint64(e.value[8:])))
			}
		}
	})
}

// position reads one from contents.
func position(all map[string]string, name string) string {
	key := []byte(prefixPosition + name)
	p, ok := parsePosition(key, []byte(all[fmt.Sprintf("meta %x", key)]))
	return fmt.Sprint(p.position, ok)
}

// count says how many values a bucket has, of keys that begin so.
func count(all map[string]string, prefix string) (n int) {
	for k := range all {
		if strings.HasPrefix(k, prefix) {
			n++
		}
	}
	return n
}

// TestRootPageIsGone: what the last commit wrote there is lost, but for the
// events, and the commit before counts.
func TestRootPageIsGone(t *testing.T) {
	p := newPatient(t)
	p.spoil(p.commit.root)
	r, got := p.salvage()
	for _, d := range differ(p.healthy, got) {
		if !strings.HasPrefix(d, "meta ") && !strings.HasPrefix(d, "cursor.desk 65636f6e766572736174696f6e20:") {
			t.Error(d)
		}
	}
	if hub, desk := position(got, "hub"), position(got, "desk"); hub != "520 true" || desk != "1150 true" || r.Places != 1 || r.Missing > 0 {
		t.Errorf("hub at %s, desk at %s, %+v", hub, desk, r)
	}
}

// TestEntriesAreLost: the cursor begins anew, for what it knew belongs together.
func TestEntriesAreLost(t *testing.T) {
	p := newPatient(t)
	key := []byte("econversation " + strings.Repeat("x", 150)) // not of the last commit
	p.spoil(p.find("cursor.desk", key))
	r, got := p.salvage()
	if position(got, "desk") != "0 true" || position(got, "hub") != "530 true" || count(got, "cursor.desk ") > 0 || !slices.Equal(r.Begun, []string{"desk"}) {
		t.Errorf("desk at %s with %d entries, hub at %s, %+v", position(got, "desk"), count(got, "cursor.desk "), position(got, "hub"), r)
	}
	if want := count(p.healthy, "events "); count(got, "events ") != want || r.Records != want-1 {
		t.Errorf("%d events of %d, %+v", count(got, "events "), want, r)
	}
}

// TestEntriesOfTheLastCommitAreLost: those of the commit before are there, with
// the position that belongs to them, and what was trimmed since.
func TestEntriesOfTheLastCommitAreLost(t *testing.T) {
	p := newPatient(t)
	p.spoil(p.find("cursor.desk", []byte("econversation ")))
	r, got := p.salvage()
	if position(got, "desk") != "1150 true" || position(got, "hub") != "530 true" || len(r.Begun) > 0 {
		t.Errorf("desk at %s, hub at %s, %+v", position(got, "desk"), position(got, "hub"), r)
	}
	if n := count(got, "cursor.desk "); n != count(p.healthy, "cursor.desk ") {
		t.Errorf("%d entries", n)
	}
}
