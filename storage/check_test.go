package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// rewrite changes a store's file by bbolt, so that its pages are sound.
func rewrite(t *testing.T, path string, change func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0, &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// patch changes the bytes of a file.
func patch(t *testing.T, path string, change func(data []byte)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(data)
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
}

// rootOf is the page that the newest meta page leads to.
func rootOf(t *testing.T, path string) uint64 {
	t.Helper()
	return newestMeta(t, path).root
}

// newestMeta is the newest meta page of a sound store.
func newestMeta(t *testing.T, path string) meta {
	t.Helper()
	p, err := openPager(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	metas, faults := p.metas()
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return metas[0]
}

// within returns the bytes of a page.
func within(data []byte, page uint64) []byte { return data[page*pageSize : (page+1)*pageSize] }

// TestCheckFindsWhatBboltTakes: of each of these bbolt itself says that the
// file is sound, and would go on with a part of the store.
func TestCheckFindsWhatBboltTakes(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string)
		want   string
	}{
		{"the newest of the two first pages is gone, and with it a commit", func(t *testing.T, path string) {
			p, err := openPager(path)
			if err != nil {
				t.Fatal(err)
			}
			metas, _ := p.metas()
			_ = p.file.Close()
			patch(t, path, func(data []byte) { data[metas[0].transaction%2*pageSize+30] ^= 1 })
		}, "its checksum does not match"},
		{"a cursor's name is another one", func(t *testing.T, path string) {
			root := rootOf(t, path)
			patch(t, path, func(data []byte) {
				i := bytes.Index(within(data, root), []byte("cursor.desk"))
				within(data, root)[i+8] ^= 2
			})
		}, "cursor dgsk has entries, but no position"},
		{"a bucket's name is another one", func(t *testing.T, path string) {
			root := rootOf(t, path)
			patch(t, path, func(data []byte) {
				i := bytes.Index(within(data, root), []byte("list.refused"))
				within(data, root)[i+1] ^= 1
			})
		}, "no store has such a bucket"},
		{"a leaf holds one value less", func(t *testing.T, path string) {
			patch(t, path, func(data []byte) {
				for page := uint64(2); ; page++ {
					p := within(data, page)
					if binary.NativeEndian.Uint16(p[8:]) == kindLeaf && bytes.Contains(p, []byte("conversation ")) {
						p[10]--
						return
					}
				}
			})
		}, "is not where it should be"},
		{"a branch leads to a page by a key that is lower than its first", func(t *testing.T, path string) {
			p, err := openPager(path)
			if err != nil {
				t.Fatal(err)
			}
			tree := p.look(rootOf(t, path), false)
			_ = p.file.Close()
			patch(t, path, func(data []byte) {
				for id := uint64(2); ; id++ {
					g := page{b: within(data, id)}
					if _, err := g.head(); !tree.uses(id) || err != nil || g.leaf || g.count < 2 || !bytes.Contains(g.b, []byte("conversation ")) {
						continue
					}
					e, _, _ := g.element(g.count - 1)
					e.key[len(e.key)-1]--
					return
				}
			})
		}, "another key than its first"},
		{"events that are not delivered are missing", func(t *testing.T, path string) {
			rewrite(t, path, func(tx *bolt.Tx) error {
				return errors.Join(tx.Bucket(bucketEvents).Delete(sequenceKey(800)), tx.Bucket(bucketEvents).Delete(sequenceKey(801)))
			})
		}, "event 800 is missing"},
		{"the last event is missing", func(t *testing.T, path string) {
			rewrite(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketEvents).Delete(sequenceKey(1202)) })
		}, "event 1202 is missing"},
		{"the last sequence is lower than a position", func(t *testing.T, path string) {
			rewrite(t, path, func(tx *bolt.Tx) error {
				c := tx.Bucket(bucketEvents).Cursor()
				for k, _ := c.First(); k != nil; k, _ = c.Next() {
					if err := c.Delete(); err != nil {
						return err
					}
				}
				return tx.Bucket(bucketEvents).SetSequence(519)
			})
		}, "there is a sign of event 1150, and the last one was 519"},
		{"one bit of the format", func(t *testing.T, path string) {
			rewrite(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyFormat, []byte{0, 0, 0, 3}) })
		}, "meta 666f726d6174: the record is damaged"},
		{"one bit of an event", func(t *testing.T, path string) {
			rewrite(t, path, func(tx *bolt.Tx) error {
				v := bytes.Clone(tx.Bucket(bucketEvents).Get(sequenceKey(700)))
				v[len(v)-1] ^= 1
				return tx.Bucket(bucketEvents).Put(sequenceKey(700), v)
			})
		}, "events 00000000000002bc: the record is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := liveStore(t, dir)
			for i := range 200 { // so that the entries have pages of their own
				l.cursor("desk").Save(Update{Put: map[string][]byte{"conversation " + strings.Repeat("x", i): make([]byte, 50)}})
			}
			l.stop()
			test.damage(t, storePath(dir))
			if err := boltCheck(storePath(dir)); err != nil {
				t.Errorf("bbolt finds it too: %v", err)
			}
			if err := checkTree(storePath(dir)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// TestCheckKnowsAPageFromAnother: one that was written in the place of another
// is sound by itself, and bbolt panics where it comes upon it.
func TestCheckKnowsAPageFromAnother(t *testing.T) {
	dir := t.TempDir()
	liveStore(t, dir).stop()
	path := storePath(dir)
	p, err := openPager(path)
	if err != nil {
		t.Fatal(err)
	}
	tree := p.look(rootOf(t, path), false)
	last := p.pages()
	_ = p.file.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for id := uint64(2); id < last && checked < 20; id++ {
		if !tree.uses(id) || order.Uint64(within(data, id)) != id { // it belongs to the page before it
			continue
		}
		patch(t, path, func(data []byte) { within(data, id)[0] ^= 1 })
		if err, want := checkTree(path), fmt.Sprintf("page %d is damaged: it says it is %d", id, id^1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		patch(t, path, func(data []byte) { within(data, id)[0] ^= 1 })
		checked++
	}
	if checked < 5 {
		t.Errorf("only %d pages", checked)
	}
}

// TestBranchesBeginAsTheirPages: whatever is put and removed, bbolt leads to a
// page by its first key, as Check wants it.
func TestBranchesBeginAsTheirPages(t *testing.T) {
	dir := memory(t)
	openLog(t, dir, testOptions()).stop()
	db, err := bolt.Open(storePath(dir), 0, boltOptions(&Options{MaxSize: 64 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.NoSync = true
	r := rand.New(rand.NewPCG(*seed, 1))
	most := 0
	for round := range 300 {
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("cursor.desk"))
			var vs values
			grows := round/50%2 == 0
			for range r.IntN(300) {
				key := []byte(fmt.Sprint("e", strings.Repeat("k", r.IntN(60)), r.IntN(2000)))
				if grows == (r.IntN(4) > 0) {
					err = errors.Join(err, b.Put(key, vs.seal(key, make([]byte, r.IntN(1500)))))
				} else if k, _ := b.Cursor().Seek(key); k != nil {
					err = errors.Join(err, b.Delete(bytes.Clone(k)))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := openPager(storePath(dir))
		if err != nil {
			t.Fatal(err)
		}
		metas, _ := p.metas()
		tree := p.look(metas[0].root, false)
		_ = p.file.Close()
		if len(tree.damages) > 0 {
			t.Fatalf("round %d: %v", round, tree.damages[0].err)
		}
		used := 0
		for _, word := range tree.visited {
			used += bits.OnesCount64(word)
		}
		most = max(most, used)
	}
	t.Logf("up to %d pages", most)
}

// TestCheckKnowsWhereThePagesEnd: bbolt would take a page behind that for a new
// one.
func TestCheckKnowsWhereThePagesEnd(t *testing.T) {
	dir := t.TempDir()
	liveStore(t, dir).stop()
	used := uint64(0)
	p, err := openPager(storePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	metas, _ := p.metas()
	tree := p.look(metas[0].root, false)
	for id := range p.pages() {
		if tree.uses(id) {
			used = id
		}
	}
	_ = p.file.Close()
	for end, sound := range map[uint64]bool{used + 1: true, used: false, used - 1: false} {
		patch(t, storePath(dir), func(data []byte) {
			for id := range uint64(2) {
				m := within(data, id)[pageHead:]
				order.PutUint64(m[40:], end)
				sum := fnv.New64a()
				_, _ = sum.Write(m[:metaSum])
				order.PutUint64(m[metaSum:], sum.Sum64())
			}
		})
		if err := Check(storePath(dir)); (err == nil) != sound {
			t.Errorf("page %d is used, the pages end at %d: %v", used, end, err)
		}
	}
}

// TestCheckKnowsWhatMayBeMissing: what was left out on purpose is no damage.
func TestCheckKnowsWhatMayBeMissing(t *testing.T) {
	for name, change := range map[string]func(tx *bolt.Tx) error{
		"a gap": func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket(bucketGaps)
			var vs values
			for _, s := range []stretch{{700, 700}, {702, 750}, {1202, 1300}} {
				k, v := vs.sealGap(s)
				err = errors.Join(err, b.Put(k, v))
				for seq := s.from; seq <= s.to; seq++ {
					err = errors.Join(err, tx.Bucket(bucketEvents).Delete(sequenceKey(seq)))
				}
			}
			return errors.Join(err, tx.Bucket(bucketEvents).SetSequence(1300))
		},
		"what a cursor still waits for that is new, behind what is held": func(tx *bolt.Tx) error {
			var vs values
			key := []byte("position.second")
			return tx.Bucket(bucketMeta).Put(key, vs.seal(key, savedPosition{6, true}.appendTo(nil)))
		},
		"the oldest that are not delivered, dropped": func(tx *bolt.Tx) (err error) {
			for seq := uint64(521); seq < 900; seq++ {
				err = errors.Join(err, tx.Bucket(bucketEvents).Delete(sequenceKey(seq)))
			}
			return err
		},
	} {
		dir := t.TempDir()
		liveStore(t, dir).stop()
		rewrite(t, storePath(dir), change)
		if err := Check(storePath(dir)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckOfAFreshBox: muted before the first event came.
func TestCheckOfAFreshBox(t *testing.T) {
	dir := t.TempDir()
	openLog(t, dir, testOptions()).stop()
	rewrite(t, storePath(dir), func(tx *bolt.Tx) error {
		var vs values
		b, err := tx.CreateBucket([]byte("cursor.desk"))
		return errors.Join(err, tx.Bucket(bucketMeta).Delete([]byte("position.desk")), b.Put([]byte("emute"), vs.seal([]byte("emute"), []byte("x"))))
	})
	if err := Check(storePath(dir)); err != nil {
		t.Error(err)
	}
}

func TestStretches(t *testing.T) {
	for _, test := range []struct {
		of   stretch
		gaps []stretch
		want []stretch
	}{
		{stretch{5, 9}, nil, []stretch{{5, 9}}},
		{stretch{5, 9}, []stretch{{1, 4}, {10, 12}}, []stretch{{5, 9}}},
		{stretch{5, 9}, []stretch{{1, 5}, {7, 7}, {9, 20}}, []stretch{{6, 6}, {8, 8}}},
		{stretch{5, 9}, []stretch{{5, 9}}, nil},
		{stretch{5, 9}, []stretch{{1, 20}}, nil},
	} {
		if got := without(test.of, test.gaps); !slices.Equal(got, test.want) {
			t.Errorf("%v without %v: %v, want %v", test.of, test.gaps, got, test.want)
		}
	}
}

// boltCheck has bbolt open the file as the agent does: it goes through all
// pages for the free ones, and panics where they do not fit together.
func boltCheck(path string) error {
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	return db.Close()
}
