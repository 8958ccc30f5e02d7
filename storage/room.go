package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// probeEvery is how often the disk is asked again whether it has room.
const probeEvery = 5 * time.Second

// stuck is why a commit without events found no room, and when: another one is
// tried probeEvery.
type stuck struct {
	err error
	at  time.Time
}

// wait is how long nothing is to be tried.
func (s stuck) wait() time.Duration {
	if s.err == nil {
		return 0
	}
	return probeEvery - time.Since(s.at)
}

// room is what may be stored now, in bytes, with what can be given up for it.
// That is rather too much: when it has been given up, it is known. The caller
// holds the lock, and has called positions.
func (w *writer) room() int64 {
	room, gain := w.size.limit()-w.size.used(), int64(0)
	if w.trimmable() {
		gain = w.upTo(w.boundary)
	}
	if w.mayDrop() {
		gain = max(gain, certain(w.ledger.upTo(w.seen)))
	}
	return room + gain
}

// upTo is about what records up to a sequence take up, all that is in use being
// theirs.
func (w *writer) upTo(seq uint64) int64 {
	_, bytes := w.ledger.upTo(seq)
	return int64(float64(w.size.used()) * float64(bytes) / float64(max(w.ledger.bytes, 1)))
}

// reserve makes the file long enough for the events of the batch.
func (w *writer) reserve() error {
	w.need = 0
	if len(w.fresh) == 0 {
		return nil
	}
	bytes := int64(len(w.arena))
	w.need = stays(bytes+recordOverhead*int64(len(w.fresh)), len(w.fresh))
	f := w.handle.Load().file
	if err := w.size.reserve(f, w.need); err != nil {
		return err
	}
	if err := w.size.write(f, bytes); err != nil && !fullDisk(err) {
		return err
	}
	return nil
}

// admit says why the events of the batch cannot be stored, before anything is
// tried; the caller holds the lock.
func (w *writer) admit() error {
	switch most := w.options.MaxSize / 10; {
	case len(w.fresh) == 0:
		return nil
	case int64(len(w.arena)) > most:
		return fmt.Errorf("%w: %d bytes at once are too many for %d", ErrFull, len(w.arena), w.options.MaxSize)
	case max(w.need, w.lack) > w.room():
		w.lack = max(w.lack, w.lacking())
		return w.fullness()
	case w.knot.holds(w.largest()):
		return w.knot.err
	}
	return nil
}

// lacking is how much room there must be again after the batch was refused for
// room. Until then the store is full for all: else it would be ready at once,
// for the smallest of events, and refuse the next usual one. A very large event
// counts in part, so that it does not refuse its neighbours for long.
func (w *writer) lacking() int64 {
	if w.size.short() { // there may never be more
		return min(w.need, 64<<10)
	}
	return min(w.need, w.options.MaxSize/16)
}

// fullness is why nothing can be stored.
func (w *writer) fullness() error {
	if w.size.short() {
		return fmt.Errorf("%w: %w", ErrNoSpace, w.size.tight)
	}
	return ErrFull
}

// A knot is a value for which there were pages enough, but not side by side.
type knot struct {
	bytes int
	err   error
	at    time.Time
}

// tie is the knot that the batch has met.
func (w *writer) tie() knot {
	n := w.largest()
	return knot{n, fmt.Errorf("%w: %d bytes find no place in one piece", w.fullness(), n), time.Now()}
}

// holds says whether a value is not to be tried.
func (k knot) holds(bytes int) bool {
	return k.bytes > 0 && bytes >= k.bytes && time.Since(k.at) < probeEvery
}

// small says that usual events find no place.
func (k knot) small() bool { return k.bytes > 0 && isSmall(k.bytes) }

// isSmall says whether an event is a usual one.
func isSmall(bytes int) bool { return bytes <= 2*pageSize }

// largest returns the bytes of the largest event of the batch.
func (w *writer) largest() (n int) {
	for _, s := range w.fresh {
		n = max(n, s.to-s.from)
	}
	return n
}

// probe looks whether there is room again.
func (w *writer) probe() {
	w.probed = time.Now()
	if w.knot.small() {
		w.rebuilt()
	}
	if err := w.size.probe(w.handle.Load().file); err != nil {
		_ = w.breaks(err)
	}
	w.assess()
}

// The file is made anew, so that free pages lie side by side, after that time or
// so many bytes for each byte of MaxSize.
const (
	remakeEvery = 5 * time.Minute
	remakeBytes = 4
)

// rebuilt makes the file anew, if that is to be done now, and says whether it
// was.
func (w *writer) rebuilt() bool {
	if !w.made.IsZero() && time.Since(w.made) < remakeEvery && w.since < w.size.max/remakeBytes {
		return false
	}
	return w.remake()
}

// untied is rebuilt for events that are to be stored now. Usual ones wait for
// nothing but for some use of the last time: bbolt writes all of the last page
// anew for them, with a large value that it may hold.
func (w *writer) untied() bool {
	return w.rebuilt() || len(w.fresh) > 0 && isSmall(w.largest()) && w.since > 0 && w.remake()
}

// remake is rebuilt without asking when that was the last time.
func (w *writer) remake() bool {
	if w.size.short() {
		return false
	}
	err := w.rebuild(w.ctx, nil)
	w.made, w.since = time.Now(), 0
	if err != nil {
		w.options.Log.Warn("store has free pages, but not side by side, and could not be made anew", "store", w.path, "error", err)
		return false
	}
	w.options.Log.Info("store was made anew, for its free pages were not side by side", "store", w.path)
	return true
}

// rebuild goes on with a copy of the file, of what keep wants; nil: of all.
// Nothing is stored meanwhile.
func (w *writer) rebuild(ctx context.Context, keep func(value) bool) error {
	dir := filepath.Dir(w.path)
	path := filepath.Join(dir, newName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	whole := true
	src := source{view: w.view, keep: keep, damaged: func(value) { whole = false }}
	if err := build(ctx, path, w.telling(src.values(ctx))); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if !whole {
		return errors.Join(ErrDamaged, os.Remove(path))
	}
	if info, err := os.Stat(path); err != nil || info.Size() > max(w.size.max, w.size.file) {
		return errors.Join(err, ErrFull, os.Remove(path)) // large values can leave more free pages than there were
	}
	pending := w.ids.pending() // of the batch, if one is under way
	if err := w.swap(path, func() error {
		return errors.Join(os.Rename(path, w.path), syncFolder(dir))
	}); err != nil {
		return err
	}
	for _, id := range pending {
		w.ids.add(id)
	}
	return nil
}

// telling tells that a copy comes forward.
func (w *writer) telling(values iter.Seq2[value, error]) iter.Seq2[value, error] {
	return func(yield func(value, error) bool) {
		n := 0
		for v, err := range values {
			if n++; n%64 == 0 {
				w.options.Working(true)
			}
			if !yield(v, err) {
				break
			}
		}
		w.options.Working(true)
	}
}

// nearly is what is undelivered, of what makes the store full, when a warning
// begins and when it ends.
const (
	nearlyFrom = 80
	nearlyTo   = 75
)

// count returns what the store holds; the caller holds the lock, and has called
// positions.
func (w *writer) count() Stats {
	s := Stats{
		FirstSequence: w.ledger.next(0),
		LastSequence:  w.last,
		Records:       w.ledger.records,
		Bytes:         w.size.used(),
		MaxBytes:      w.options.MaxSize,
		Full:          errors.Is(w.noRoom, ErrFull),
		Dropped:       w.stats.Dropped,
	}
	var raw int64
	if s.Undelivered, raw = w.ledger.after(w.delivered); s.Undelivered > 0 {
		s.UndeliveredBytes = min(raw+raw/6, s.Bytes) // pages are not filled to the brim
		for _, c := range w.cursors {
			if c.spec.Delivers && c.position == w.delivered {
				s.Slowest = c.spec.Name
			}
		}
	}
	kept, limit := w.size.used(), w.size.limit()
	if w.trimmable() {
		kept -= w.upTo(w.boundary)
	}
	percent := int64(nearlyFrom)
	if w.stats.NearlyFull {
		percent = nearlyTo
	}
	s.NearlyFull = s.Undelivered > 0 && kept >= limit/100*percent
	return s
}

// A condition is how a store fares. Its changes are told, once each.
type condition struct {
	refuses  error // why no events are taken
	nearly   bool  // it is nearly full of undelivered events
	dropping bool  // so the oldest of them are given up
}

// same says whether there is nothing to tell.
func (c condition) same(other condition) bool {
	return (c.refuses == nil) == (other.refuses == nil) && errors.Is(c.refuses, ErrFull) == errors.Is(other.refuses, ErrFull) &&
		c.nearly == other.nearly && c.dropping == other.dropping
}

// assess finds out whether events can be stored now, and tells of changes.
func (w *writer) assess() {
	w.mu.Lock()
	w.positions()
	if w.room() >= w.lack {
		w.lack = 0
	}
	switch w.noRoom = nil; {
	case w.stuck.err != nil:
		w.noRoom = w.stuck.err
	case w.room() < max(aFew, w.lack):
		w.noRoom = w.fullness()
	case w.knot.small():
		w.noRoom = w.knot.err
	}
	w.stats = w.count()
	w.dropping = w.dropping && w.stats.NearlyFull
	before, after, stats := w.told, condition{w.noRoom, w.stats.NearlyFull, w.dropping}, w.stats
	w.told = after
	if w.stuck.err != nil { // also where nothing waits for a commit
		w.arm(max(flushAfter, w.stuck.wait()))
	}
	if w.noRoom != nil && (w.size.short() || w.knot.small()) {
		w.arm(probeEvery)
	}
	w.mu.Unlock()
	if after.same(before) {
		return
	}
	w.options.Changed()
	log := w.options.Log.With("store", w.path, "bytes", stats.Bytes, "undelivered", stats.Undelivered, "behind", stats.Slowest)
	switch {
	case errors.Is(after.refuses, ErrFull):
		log.Warn("store is full of undelivered events: no more are taken")
	case after.refuses != nil:
		log.Warn("store has no room: no events are taken", "error", after.refuses)
	case before.refuses != nil:
		log.Info("store has room again")
	case after.dropping && !before.dropping:
		log.Warn("store is full of undelivered events: the oldest are given up")
	case before.dropping && !after.dropping:
		log.Info("store has room again, no undelivered events are given up any more", "dropped", stats.Dropped)
	case after.nearly && !before.nearly:
		log.Warn("store is nearly full of undelivered events")
	}
}
