package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	fileName = "deskbell.db"
	newName  = fileName + ".new"
)

// Open opens the store in dir, creating folder (0750) and file (0640) as
// needed. It blocks while the file is checked and read, twice at most. Of a
// damaged file what can be read is saved; the file itself is kept beside the new
// one, and Problems names it. While there is no room for that, Open waits.
// Nothing is stored until Run runs. Errors: ErrLocked, ErrNewer, ctx's, or that
// a path may not be used.
func Open(ctx context.Context, dir string, o Options) (*Log, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	l := &Log{
		options: o,
		path:    filepath.Join(dir, fileName),
		work:    make(chan struct{}, 1),
		company: company{complete: make(chan struct{}, 1)},
		lists:   make(map[string]*list),
		timer:   time.NewTimer(time.Hour),
	}
	l.timer.Stop()
	o.Working(true)
	defer o.Working(false)
	l.problems.damaged = make(map[uint64]bool)
	if err := l.open(ctx, dir); err != nil {
		if l.folder != nil {
			_ = l.folder.Close()
		}
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if l.folder, err = lock(ctx, dir, true); err != nil {
		return err
	}
	if err := tryFolder(dir); err != nil {
		return err
	}
	if err := l.prepare(ctx, dir); err != nil {
		return err
	}
	h, err := openHandle(ctx, l.path, boltOptions(&l.options))
	if err != nil {
		return err
	}
	if err := l.load(h); err != nil {
		return errors.Join(err, h.close())
	}
	return nil
}

// openBolt opens the file. It waits for whoever has it open, o.Timeout at most,
// and then names that process where the system tells.
func openBolt(ctx context.Context, path string, o *bolt.Options) (*bolt.DB, error) {
	once := *o
	once.Timeout = time.Millisecond // bbolt by itself would not look at ctx
	for deadline := time.Now().Add(o.Timeout); ; {
		db, err := bolt.Open(path, 0o640, &once)
		if !errors.Is(err, bolterrors.ErrTimeout) {
			return db, err
		}
		if time.Now().After(deadline) {
			return nil, heldBy(path)
		}
		if err := wait(ctx, lockRetry); err != nil {
			return nil, err
		}
	}
}

// wait waits so long, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// boltOptions are those of every writable opening: pages of one size
// everywhere, no list of free pages in the file, which each commit would have
// to write, and addresses for the largest file, because growing them would
// block readers.
func boltOptions(o *Options) *bolt.Options {
	b := &bolt.Options{
		PageSize:       pageSize,
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
		MaxSize:        int(o.MaxSize),
		Timeout:        lockTimeout,
	}
	if runtime.GOOS != "windows" { // where the file would have that size at once
		b.InitialMmapSize = int(o.MaxSize)
	}
	return b
}

// inspect looks at the file before it is opened for writing. It returns what
// is damaged about it, or an error where that cannot be told.
func (l *Log) inspect(ctx context.Context) (damage, err error) {
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", l.path)
	}
	f, err := os.OpenFile(l.path, os.O_RDWR, 0) // may it be written, too?
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info.Size() < 2*pageSize {
		return fmt.Errorf("it has %d bytes", info.Size()), nil
	}
	if err := checkNewer(l.path); err != nil {
		return nil, err
	}
	var ahead sync.WaitGroup
	ahead.Go(func() { readAhead(f, info.Size()) }) // the other process has to start, too
	defer ahead.Wait()
	if l.options.Check != nil {
		if err := l.options.Check(ctx, l.path); err != nil {
			return judge(ctx, err)
		}
	}
	db, err := openBolt(ctx, l.path, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return judge(ctx, err)
	}
	err = errors.Join(db.View(checkFormat), db.Close())
	if errors.Is(err, errNoStore) {
		return err, nil
	}
	return nil, err
}

// judge tells damage from a check that could not be made: of that there is the
// errno, or it is the agent that ends.
func judge(ctx context.Context, found error) (damage, err error) {
	var errno syscall.Errno
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(found, ErrUnchecked), errors.As(found, &errno), errors.Is(found, exec.ErrNotFound), errors.Is(found, context.Canceled), errors.Is(found, ErrLocked):
		return nil, found
	}
	return found, nil
}

// InUse returns nil when no agent keeps its store in dir, else the ErrLocked
// that Open would return. It does not wait.
func InUse(dir string) error {
	ended, cancel := context.WithCancel(context.Background())
	cancel() // nobody is waited for
	folder, err := lock(ended, dir, false)
	if err == nil {
		return folder.Close()
	}
	if errors.Is(err, ErrLocked) {
		return fmt.Errorf("open store %s: %w", dir, err)
	}
	return nil
}

// tryFolder finds out whether files can be made in dir: where a damaged store
// could not be moved aside, it is better known before. What was cut off while
// it was made goes with it.
func tryFolder(dir string) error {
	path := filepath.Join(dir, newName)
	if err := finish(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		if fullDisk(err) {
			return nil // a store that is there can do with the room it has
		}
		return err
	}
	return errors.Join(f.Close(), os.Remove(path))
}

// createFile makes an empty store under another name and renames it, so that
// deskbell.db is always a whole one.
func createFile(ctx context.Context, dir string) error {
	path := filepath.Join(dir, newName)
	if err := build(ctx, path, func(func(value, error) bool) {}); err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(dir, fileName)); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder makes the names in dir durable, and that of dir itself where the
// folder above can be read.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	if above, err := os.Open(filepath.Dir(dir)); err == nil {
		_ = errors.Join(above.Sync(), above.Close())
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
