package storage

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// A CursorSpec names a consumer of the log.
type CursorSpec struct {
	Name string
	// Delivers says that a record counts as delivered only when this cursor has
	// passed it. A cursor that does not deliver only keeps records from being
	// trimmed before it has seen them.
	//
	// A new cursor that delivers starts at the oldest event not delivered yet,
	// or at the end where no cursor delivered before. One that does not deliver
	// starts at the oldest record.
	Delivers bool
}

// Options says how a store is to be kept. The zero value of each is usable but
// for MaxSize.
type Options struct {
	// MaxSize is the size in bytes that the file may have, everything included:
	// at least 1 MiB, on 32 bit at most 256 MiB. Below 32 MiB fewer than
	// 100,000 ids outlive both trimming and a restart: one for each 320 bytes.
	// What cursors store may make the file longer where nothing else helps, up
	// to twice: until it is stored nothing may be given up.
	MaxSize int64
	// DropOldest says what happens when undelivered events fill the store: the
	// oldest of them are given up, also those that a cursor holds, and counted in
	// Stats.Dropped. Otherwise, and always where it is the disk that has no room,
	// new ones are refused.
	DropOldest bool
	// Keep is how long delivered records stay, in running time: time switched
	// off does not count.
	Keep time.Duration
	// Cursors are the consumers there are. One found in the store that is not
	// listed is dropped, with a line in the log.
	Cursors []CursorSpec
	// Check runs the function Check of this package on path in another
	// process; that process failing or dying is damage. Where it could not be
	// started, or ctx ended, the store is not touched and Open returns that
	// error. Nil: the store is opened unchecked.
	Check func(ctx context.Context, path string) error
	// Salvage runs the function Salvage of this package in another process, for a
	// limited time. That process dying, or running out of time, means that
	// nothing can be read of from; where it could not be started, or to could not
	// be written, Open tries again. Nil: a damaged store is set aside and a new
	// one begun.
	Salvage func(ctx context.Context, from, to string, limit int64) (Report, error)
	// Waiting is called whenever Open begins to wait, with why: for room on the
	// disk, most of all. It must not block. May be nil.
	Waiting func(why error)
	// Working is told true when Open or Run begins its work on something, and
	// while that comes forward, such as before each sync; and false when it waits.
	// What comes forward in another process, Check and Salvage tell. It must not
	// block. May be nil.
	Working func(busy bool)
	// Committed is called after every commit with the time it took, syncs
	// included. It must not block. May be nil.
	Committed func(took time.Duration)
	// Changed is called after every commit, and when Ready or Problems change.
	// It must not block, but may call methods of the Log that do not. May be
	// nil.
	Changed func()
	// Log takes changes of state: paths, counts and sequences only. Nil:
	// slog.Default.
	Log *slog.Logger
	// Now is the wall clock; timers do not use it. Nil: time.Now.
	Now func() time.Time
}

// The least and, on 32 bit, the largest MaxSize: addresses run out there.
const (
	minSize   = 1 << 20
	maxSize32 = 256 << 20
)

// complete returns o with defaults filled in.
func (o Options) complete() (Options, error) {
	switch {
	case o.MaxSize < minSize:
		return o, fmt.Errorf("maximum size of %d bytes is less than %d", o.MaxSize, minSize)
	case math.MaxInt == math.MaxInt32 && o.MaxSize > maxSize32:
		return o, fmt.Errorf("maximum size of %d bytes is more than the %d of a 32 bit system", o.MaxSize, maxSize32)
	}
	for i, c := range o.Cursors {
		if c.Name == "" {
			return o, fmt.Errorf("cursor %d has no name", i+1)
		}
		for _, other := range o.Cursors[:i] {
			if other.Name == c.Name {
				return o, fmt.Errorf("cursor %s is there twice", c.Name)
			}
		}
	}
	if o.Waiting == nil {
		o.Waiting = func(error) {}
	}
	if o.Working == nil {
		o.Working = func(bool) {}
	}
	if o.Committed == nil {
		o.Committed = func(time.Duration) {}
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// groupBytes bounds what is stored in one commit, a single request apart.
func (o *Options) groupBytes() int64 { return min(2<<20, o.MaxSize/32) }

// listBytes bounds what a list keeps, so that lists cannot fill a small store.
func (o *Options) listBytes() int { return int(o.MaxSize / 64) }

// idWindow is how many of the last sequences have their ids kept in the file.
func (o *Options) idWindow() uint64 { return uint64(min(remembered, o.MaxSize/320)) }

// Stats is what the store holds now.
type Stats struct {
	FirstSequence uint64 // the oldest record; 0 while there is none
	LastSequence  uint64 // the newest ever given; 0 before the first
	Records       int
	Bytes         int64  // in use of the file
	MaxBytes      int64  // Options.MaxSize
	Full          bool   // Append answers ErrFull
	NearlyFull    bool   // so much is undelivered that it is not far to Full
	Dropped       uint64 // undelivered events given up since Open

	Undelivered      int    // records that the slowest delivering cursor has not passed
	UndeliveredBytes int64  // about what they take up of the file
	Slowest          string // that cursor; empty when all is delivered
}
