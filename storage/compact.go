package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Compact writes the store of a stopped agent anew, without the space that it
// does not use, and returns its size before and after, in bytes. The new file
// is durable before it takes the place of the old one, with its owner and mode.
// check is Options.Check: a store that is not whole is left as it is, because
// what can still be read of it is saved by Open. Errors: those of check,
// ErrLocked, fs.ErrNotExist, ErrNoSpace, ErrDamaged, ctx's, or that a path may
// not be used.
func Compact(ctx context.Context, dir string, check func(ctx context.Context, path string) error) (before, after int64, err error) {
	before, after, err = compact(ctx, dir, check)
	if err != nil {
		return before, after, fmt.Errorf("compact store %s: %w", dir, err)
	}
	return before, after, nil
}

func compact(ctx context.Context, dir string, check func(ctx context.Context, path string) error) (before, after int64, err error) {
	path := filepath.Join(dir, fileName)
	before, err = sizeOf(path)
	if err != nil {
		return 0, 0, err
	}
	if err := writeAnew(ctx, dir, check, nil, func(*bolt.Tx) {}); err != nil {
		return before, before, err
	}
	after, err = sizeOf(path)
	return before, after, err
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// writeAnew puts a copy of a stopped agent's store in its place, with what is to
// be kept of it; keep is that of source. look is shown the store before.
func writeAnew(ctx context.Context, dir string, check func(ctx context.Context, path string) error, keep func(value) bool, look func(*bolt.Tx)) error {
	path, fresh := filepath.Join(dir, fileName), filepath.Join(dir, newName)
	folder, err := lock(ctx, dir, true)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	if err := check(ctx, path); err != nil {
		return err
	}
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left behind by a command that was cut off
	}
	if err := copyStore(ctx, path, fresh, keep, look); err != nil {
		return err
	}
	if _, renamed, err := takeOver(dir, false); err != nil {
		if !renamed {
			_ = os.Remove(fresh)
		}
		return err
	}
	return nil
}

// copyStore builds a store at to of what is to be kept of the one at from.
func copyStore(ctx context.Context, from, to string, keep func(value) bool, look func(*bolt.Tx)) error {
	h, err := openHandle(ctx, from, &bolt.Options{ReadOnly: true, Timeout: time.Millisecond})
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	if err := h.view(func(tx *bolt.Tx) error { look(tx); return nil }); err != nil {
		return err
	}
	copying, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := source{view: h.view, keep: keep, damaged: func(value) { cancel(ErrDamaged) }}
	err = build(copying, to, s.values(copying))
	if errors.Is(context.Cause(copying), ErrDamaged) {
		_ = os.Remove(to) // build has, unless this came with the last of it
		return ErrDamaged
	}
	return err
}
