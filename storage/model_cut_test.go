package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// A recorder copies the store's file after each commit, while it is told to.
type recorder struct {
	path string

	mu    sync.Mutex
	on    bool
	files [][]byte
}

// committed is an Options.Committed: the file has no other writer then.
func (d *recorder) committed(time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.on {
		d.copy()
	}
}

func (d *recorder) copy() {
	file, err := os.ReadFile(d.path)
	if err != nil {
		panic(err)
	}
	d.files = append(d.files, file)
}

func (d *recorder) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on, d.files = true, nil
	d.copy()
}

// end returns the file as it was at the start, and after each commit since.
func (d *recorder) end() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on = false
	return d.files
}

// cutsEach is how many power cuts one commit is looked at with.
const cutsEach = 6

// powerCut has the power fail during a commit. Whatever the disk holds then,
// the store is as it was before that commit or as it was after it; it goes on
// with one of these.
func (w *walker) powerCut() {
	if err := w.l.cursors[0].Commit(context.Background(), Update{}); err != nil { // all that was saved
		w.Error(err)
		return
	}
	synctest.Wait()
	before := w.m.clone()
	w.disk.start()
	for range w.r.IntN(6) {
		w.update(false)
	}
	if w.r.IntN(3) == 0 {
		w.remember()
	}
	switch w.r.IntN(4) {
	case 0:
		w.update(true)
	case 1:
	default:
		w.append()
	}
	time.Sleep(2 * flushAfter) // what was saved is stored, also after events were refused
	synctest.Wait()
	files := w.disk.end()
	if len(files) < 2 || w.Failed() {
		return // nothing was to be stored
	}
	at := len(files) - 2 // the last commit; those before it made room for it
	old, done := w.holds(files[at]), w.holds(files[at+1])
	w.l.stop()
	for range cutsEach {
		image, whole := w.cut(files[at], files[at+1])
		want := old
		if whole {
			want = done
		}
		w.lives++
		dir := filepath.Join(w.above, fmt.Sprint(w.lives))
		if err := os.Mkdir(dir, 0o750); err != nil {
			w.Fatal(err)
		}
		if err := os.WriteFile(storePath(dir), image, 0o640); err != nil {
			w.Fatal(err)
		}
		if err := Check(storePath(dir)); err != nil {
			w.Errorf("after a power cut: %v", err)
		}
		if d := differences(want, w.holds(image)); len(d) > 0 {
			w.Errorf("after a power cut (the commit counts: %t) %d values differ, one of them %s", whole, len(d), d[0])
		}
		if w.Failed() {
			return
		}
		_ = os.RemoveAll(filepath.Dir(w.disk.path)) // the life before
		w.disk.path = storePath(dir)
	}
	// The last of them is where it goes on; where there were several commits,
	// that is known of what the last one made only.
	last, err := os.ReadFile(w.disk.path)
	switch {
	case err != nil:
		w.Fatal(err)
	case len(differences(done, w.holds(last))) == 0:
		w.cuts.after++
	case len(files) > 2:
		if err := os.WriteFile(w.disk.path, files[at+1], 0o640); err != nil {
			w.Fatal(err)
		}
	default:
		w.cuts.before++
		w.m = before
	}
	w.open(filepath.Dir(w.disk.path))
	w.compare(true)
	w.repeatAll()
}

// cut is what the disk may hold when the power fails during the commit that
// made b of a. bbolt writes pages, syncs, writes the page that points to them,
// syncs; what was not synced may be on the disk or not, by sectors. whole says
// that the commit counts.
func (w *walker) cut(a, b []byte) (image []byte, whole bool) {
	const sector = 512
	head := newestHead(b)
	size := len(b)
	image = slices.Clone(b)
	restore := func(from, to int) { // what was there before
		clear(image[from:to])
		if from < len(a) {
			copy(image[from:to], a[from:min(to, len(a))])
		}
	}
	if w.r.IntN(2) == 0 { // after the first sync
		for at := head; at < head+pageSize; at += sector {
			if w.r.IntN(2) == 0 {
				restore(at, at+sector)
			}
		}
		return image, bytes.Equal(image[head:head+sector], b[head:head+sector])
	}
	share := w.r.IntN(101)
	for at := 0; at < size; at += pageSize {
		switch {
		case at == head:
			restore(at, at+pageSize)
		case bytes.Equal(image[at:at+pageSize], a[min(at, len(a)):min(at+pageSize, len(a))]):
		case w.r.IntN(100) < share:
		case w.r.IntN(3) > 0:
			restore(at, at+pageSize)
		default:
			for s := at; s < at+pageSize; s += sector {
				if w.r.IntN(2) == 0 {
					restore(s, s+sector)
				}
			}
		}
	}
	if w.r.IntN(2) == 0 {
		image = image[:min(len(a), size)]
	}
	return image, false
}

// newestHead is where the page lies that points to the last commit: the one of
// the first two with the greater number of the commit, which stands behind the
// page's head of 16 bytes, four numbers of 4, the root of 16, and two page ids
// of 8.
func newestHead(file []byte) int {
	const at = 16 + 4*4 + 16 + 2*8
	if binary.LittleEndian.Uint64(file[pageSize+at:]) > binary.LittleEndian.Uint64(file[at:]) {
		return pageSize
	}
	return 0
}

// holds are all values of a file.
func (w *walker) holds(file []byte) map[string]string {
	w.Helper()
	path := filepath.Join(w.above, "looked-at")
	if err := os.WriteFile(path, file, 0o640); err != nil {
		w.Fatal(err)
	}
	return contents(w, path)
}

// repeatAll has every event that must be known come again.
func (w *walker) repeatAll() {
	from := max(0, len(w.m.events)-int(w.o.idWindow()))
	for i := from; i < len(w.m.events); i += 500 {
		for n, seq := range w.l.append(w.m.events[i:min(i+500, len(w.m.events))]...) {
			if seq != 0 {
				w.Fatalf("event %d is not known any more and is stored again as %d", i+n+1, seq)
			}
		}
	}
}
