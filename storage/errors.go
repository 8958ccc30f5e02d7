package storage

import "errors"

// The errors that callers tell apart with errors.Is. What is returned wraps
// them and says more.
var (
	// ErrFull comes from Append and Ready when events that are not yet
	// delivered take up 85 % of Options.MaxSize, where Options.DropOldest does
	// not give them up. It goes away when a delivering cursor moves on. Append
	// alone has it for what is more than a tenth of MaxSize at once, and for a
	// large event for which the file has no place in one piece.
	ErrFull = errors.New("the store is full of events that are not delivered yet")

	// ErrNoSpace comes from Append, Commit and Ready when the disk has no room
	// and what can be given up is. It goes away by delivery, and the disk is asked
	// again every 5 s. Commit seldom has it, for which pages are kept.
	ErrNoSpace = errors.New("no space left on the disk of the store")

	// ErrBroken comes from Append, Commit and Ready after a write or a sync
	// failed for another reason than missing room, until the file is mended:
	// at once, after 5 s, or every 5 minutes. Reading goes on.
	ErrBroken = errors.New("the store cannot be written")

	// ErrClosed comes from everything that has to wait for the writer once Run
	// has returned, and from reading after Close.
	ErrClosed = errors.New("the store is closed")

	// ErrNotFound comes from Get for a sequence that is not in the store: never
	// given, or trimmed.
	ErrNotFound = errors.New("no such event in the store")

	// ErrDamaged comes from Get for a record whose checksum does not match.
	// Next and Read leave such a record out, and Problems names it.
	ErrDamaged = errors.New("the record is damaged")

	// ErrUnsound comes from OpenReader for a file that is damaged in any place.
	// Open saves what can be read of it.
	ErrUnsound = errors.New("the store is damaged")

	// ErrUnchecked is for Options.Check to wrap when it has found nothing out:
	// the check was stopped, or could not be made. Open then fails and leaves
	// the file as it is.
	ErrUnchecked = errors.New("the store could not be checked")

	// ErrUnknownCursor comes from Log.Cursor for a name that Options.Cursors
	// does not list.
	ErrUnknownCursor = errors.New("no such cursor")

	// ErrLocked comes from Open when another process has the folder open. The
	// text names that process where the system tells.
	ErrLocked = errors.New("the store is in use")

	// ErrNewer comes from Open and OpenReader for a store that a newer version
	// wrote in a format unknown here. The file is left as it is.
	ErrNewer = errors.New("the store was written by a newer version")
)
