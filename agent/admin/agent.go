package admin

import (
	"context"
	"io"
	"time"

	"deskbell/storage"
)

// DefaultMute is how long a mute lasts when nothing else is asked for.
const DefaultMute = 30 * time.Minute

// Agent is what is shown and steered. All methods are called from several
// goroutines at once.
type Agent interface {
	Commands
	Reasoner

	// Status returns the snapshot of now. It must not block; it is called for
	// every poll, scrape and change, and the result is not changed here.
	Status() Status

	// Changed returns a channel that is closed when Status has changed after
	// the call. Each change closes the channel handed out before it; so who
	// first asks Changed and then Status misses nothing.
	Changed() <-chan struct{}

	// Backup writes the store as it is now, as storage.Log.Backup does.
	Backup(ctx context.Context, w io.Writer) error

	// Forget removes what is kept about a conversation or about a visitor; one
	// of them is empty. It is durable, and there is no way back. Its errors are
	// told as those of Commands.
	Forget(ctx context.Context, conversation, visitor string) (Forgotten, error)

	// SetAside returns what each forward has set aside. It must not block.
	SetAside() []Aside
}

// Commands change what is shown and sent. Each is durable when it returns nil.
// An error that wraps [ErrUnknownOutput], [ErrUnknownInput] or [ErrBadArgument], or is an
// [*Error], is told to the caller as such; errors of package storage are told
// as 503, all others as 500.
type Commands interface {
	// Acknowledge takes every wait that there is now as seen.
	Acknowledge(ctx context.Context) error
	// Mute silences what sounds for d, counted from now; 0 is DefaultMute.
	Mute(ctx context.Context, d time.Duration) error
	// Unmute ends a mute. It is no error when nothing is muted.
	Unmute(ctx context.Context) error
	// Test shows pattern on output for d and returns as soon as it shows. The
	// pattern is never empty and d is above 0 when it comes through the API.
	Test(ctx context.Context, output, pattern string, d time.Duration) error
	// Press presses an input that is simulated, for d, or for 0 as long as makes
	// it count. It returns when what a short one does was done, and at once
	// where d is longer than a second. Nothing is durable but what it does.
	Press(ctx context.Context, input string, d time.Duration) error
	// Lock locks an input, so that its presses do nothing, or unlocks it.
	Lock(ctx context.Context, input string, locked bool) error
	// Replay has a forward send events again, from one to another, both
	// included; a to of 0 is the newest. An error that wraps
	// [ErrUnknownForward] or storage.ErrNotFound is told as 404.
	Replay(ctx context.Context, forward string, from, to uint64) (Replayed, error)
}

// Reader is the part of a store that the documents are made of: a
// *storage.Log, or the *storage.Reader of a stopped agent.
type Reader interface {
	Read(after uint64, max int) ([]storage.Record, error)
	Get(seq uint64) (storage.Record, error)
	Remembered(list string) ([][]byte, error)
	Stats() storage.Stats
}

// Events is a store that grows while it is read: a *storage.Log.
type Events interface {
	Reader
	Next(ctx context.Context, after uint64, max int) ([]storage.Record, error)
}
