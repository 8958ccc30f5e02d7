package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Report says what Salvage saved.
type Report struct {
	// Records is how many the new file has.
	Records int `json:"records"`
	// Places is how many pages and values could not be read of what was in use.
	Places int `json:"places"`
	// Missing is how many events that were not delivered may be lost, at most.
	Missing uint64 `json:"missing"`
	// Begun are the cursors that begin anew, at 0: of what they knew a part is
	// lost.
	Begun []string `json:"begun,omitempty"`
}

// Whole says that nothing was lost: the old file is of no use any more.
func (r Report) Whole() bool { return r.Places == 0 }

// readFor bounds how long Salvage reads: a disk may take half a minute for each
// sector that it cannot read. What was not delivered is read first.
const readFor = 3 * time.Minute

// copyFor bounds, from its beginning, until when Salvage copies records, and
// deliveredFor those that were delivered: a slow disk may not be done with them
// when whoever waits for it waits no longer, and what was copied is to be a whole
// store before. What is left out then is in the old file alone.
const (
	copyFor      = 7 * time.Minute
	deliveredFor = 5 * time.Minute
)

// Salvage makes a store at to, where nothing may be yet, of all that can be
// read of the one at from, which is only read. Where that comes to more than
// limit bytes, delivered records are left out, the oldest first. The new file
// is durable when Salvage returns, its name is not. It blocks while it reads
// and writes, little more than 7 minutes where the disk answers at all; whatever the file says, it does not end the process. Errors:
// ErrNoSpace, ErrNewer, ctx's, or that from or to may not be used. After an
// error there is no file.
func Salvage(ctx context.Context, from, to string, limit int64) (Report, error) {
	r, err := salvageWithin(ctx, readFor, from, to, limit)
	if err != nil {
		return Report{}, fmt.Errorf("salvage store %s: %w", from, err)
	}
	return r, nil
}

var errLate = errors.New("there is no more time for reading")

func salvageWithin(ctx context.Context, reading time.Duration, from, to string, limit int64) (Report, error) {
	p, err := openPager(from)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = p.file.Close() }()
	readAhead(p.file, p.size)
	late := time.Now().Add(reading)
	p.stop = func() error {
		if ctx.Err() == nil && time.Now().After(late) {
			return errLate
		}
		return ctx.Err()
	}
	s := &salvage{pager: p, limit: limit}
	if err := s.look(); err != nil {
		return Report{}, err
	}
	p.stop = nil // what was found is read again
	if err := build(ctx, to, s.content()); err != nil {
		return Report{}, err
	}
	return s.report, nil
}

// A salvage is what is known of a damaged store.
type salvage struct {
	*pager
	limit  int64
	began  time.Time
	report Report

	// The trees that can be read in part at least, the newest first: what that
	// one says counts. The others are of commits before.
	trees []*tree
	base  *tree // the first one
	last  bool  // base is the last commit
	found bool  // base is whole and was found without a page that leads to it
	near  bool  // base is the last commit or the one before
	was   bool  // there was a store, for all that can be seen
	scan  scan  // of what lies beside base, unless that is whole

	values    []value // of all buckets but events and gaps, positions and clock
	positions map[string]savedPosition
	records   []location
	fresh     []location // these come last, under sequences of their own
	gone      []gone     // these are left out for want of room
	given     uint64     // the last sequence of which there is any sign
	sequence  uint64     // after which new ones are given
}

// look finds out what there is.
func (s *salvage) look() error {
	s.began = time.Now()
	metas, faults := s.metas()
	for _, m := range metas {
		if f := s.peek(m.root).format; f > formatVersion {
			return newer(f)
		}
	}
	for _, m := range metas {
		t := s.pager.look(m.root, true)
		s.trees = append(s.trees, t)
		if t.fault() == nil && len(faults) == 0 {
			break
		}
	}
	s.report.Places = len(faults)
	s.last = len(faults) == 0 && s.trees[0].usable()
	if !s.last {
		if len(faults) == 0 {
			s.report.Places++
		}
		s.findRoots(len(faults))
	}
	if err := s.ended(); err != nil && !errors.Is(err, errLate) {
		return err
	}
	s.base = s.trees[0]
	s.was = len(metas) > 0 || s.base.usable()
	s.near = s.last || s.found || slices.ContainsFunc(metas, func(m meta) bool { return m.root == s.trees[len(s.trees)-1].root })
	s.report.Places += len(s.base.damages)
	if s.report.Places == 0 && s.base.fault() != nil {
		s.report.Places = 1
	}
	lost := s.chooseCursors()
	if !s.last || s.base.fault() != nil {
		s.scan = scan{pager: s.pager, skip: s.base.uses, wanted: s.wanted(), newest: s.newest()}
		s.scan.all()
	}
	s.beginAnew(lost)
	s.chooseOthers()
	s.chooseRecords()
	s.leaveOut()
	return nil
}

// newest is the latest stamp of all trees.
func (s *salvage) newest() (newest stamp) {
	for _, t := range s.trees {
		newest = newest.later(t.newest)
	}
	return newest
}

// findRoots finds the trees to which no page leads any more. Their roots lie
// somewhere, with a clock that says how old they are: the newest ones are those
// that count, where they are newer than what is known. Whether the newest one is
// the last commit cannot be told: its root may be one of the pages that are lost.
func (s *salvage) findRoots(faults int) {
	best := stamp{elapsed: -1}
	findable := faults == 2 || faults == 1 && len(s.trees) == 1
	s.trees = slices.DeleteFunc(s.trees, func(t *tree) bool { return !t.usable() })
	for _, t := range s.trees {
		best = best.later(t.clock)
	}
	lost := scan{pager: s.pager, skip: func(uint64) bool { return false }, wanted: func(uint64) bool { return false }}
	lost.all()
	clocks := make(map[uint64]stamp)
	for _, root := range lost.roots {
		clocks[root] = s.peek(root).clock
	}
	slices.SortFunc(lost.roots, func(a, b uint64) int { return cmp.Compare(clocks[b].elapsed, clocks[a].elapsed) })
	var found []*tree
	for _, root := range lost.roots[:min(8, len(lost.roots))] {
		if clocks[root].elapsed <= best.elapsed {
			break
		}
		if t := s.pager.look(root, true); t.usable() {
			found = append(found, t)
			s.found = s.found || findable && len(found) == 1 && t.fault() == nil
		}
		if len(found) == 2 {
			break
		}
	}
	s.trees = append(found, s.trees...)
	if len(s.trees) == 0 { // not one
		t := s.newTree()
		t.damaged("", nil, nil, errNoStore)
		t.newest.elapsed = elapsedAtMost
		s.trees = append(s.trees, t)
	}
}
