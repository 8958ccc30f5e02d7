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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	fileName    = "deskbell.db"
	newName     = fileName + ".new"
	damagedName = fileName + ".damaged-" // and a number
	keepDamaged = 3
)

// Open opens the store in dir, creating folder (0750) and file (0640) as
// needed. It blocks while the file is checked and read, twice at most. A
// damaged file is moved aside within dir and a new store begun; Problems names
// it. Nothing is stored until Run runs. Errors: ErrLocked, ErrNewer, ctx's, or
// that a path may not be used.
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
	damage, err := l.inspect(ctx)
	if err != nil {
		return err
	}
	if damage != nil {
		if err := l.moveAside(dir, damage); err != nil {
			return err
		}
	}
	if err := l.nameDamaged(dir); err != nil {
		return err
	}
	if _, err := os.Stat(l.path); errors.Is(err, fs.ErrNotExist) {
		if err := createFile(dir); err != nil {
			return err
		}
	}
	h, err := openHandle(l.path, boltOptions(&l.options))
	if err != nil {
		return err
	}
	if err := l.load(h); err != nil {
		return errors.Join(err, h.close())
	}
	return nil
}

// openBolt opens the file, with an error of ours where another process has it.
func openBolt(path string, o *bolt.Options) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o640, o)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w by another process", ErrLocked)
	}
	return db, err
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
	readAhead(f, info.Size())
	if l.options.Check != nil {
		if err := l.options.Check(ctx, l.path); err != nil {
			return judge(ctx, err)
		}
	}
	db, err := openBolt(l.path, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
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
// could not be moved aside, it is better known before. What a creation that was
// cut off has left goes with it.
func tryFolder(dir string) error {
	path := filepath.Join(dir, newName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(path))
}

// damagedFiles lists the numbers of the stores that were moved aside, the
// oldest first.
func damagedFiles(dir string) ([]int, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, f := range files {
		number, ok := strings.CutPrefix(f.Name(), damagedName)
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// nameDamaged has Problems name the newest store that was moved aside for as
// long as it lies there: it may hold the only copy of events.
func (l *Log) nameDamaged(dir string) error {
	numbers, err := damagedFiles(dir)
	if err != nil || len(numbers) == 0 {
		return err
	}
	aside := filepath.Join(dir, damagedName+strconv.Itoa(numbers[len(numbers)-1]))
	l.problems.opening = fmt.Sprintf("the store was damaged and a new one was begun; "+
		"events that were not delivered are in %s alone: keep a copy of it elsewhere, remove it here, and look at the disk or card", aside)
	return nil
}

// moveAside renames the damaged file and keeps the newest three of those.
func (l *Log) moveAside(dir string, damage error) error {
	numbers, err := damagedFiles(dir)
	if err != nil {
		return err
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	aside := filepath.Join(dir, damagedName+strconv.Itoa(next))
	if err := os.Rename(l.path, aside); err != nil {
		return err
	}
	for i := 0; i <= len(numbers)-keepDamaged; i++ {
		if err := os.Remove(filepath.Join(dir, damagedName+strconv.Itoa(numbers[i]))); err != nil {
			return err
		}
	}
	l.options.Log.Error("store is damaged, a new one is begun", "moved", aside, "error", damage)
	return syncFolder(dir)
}

// createFile makes an empty store under another name and renames it, so that
// deskbell.db is always a whole one.
func createFile(dir string) error {
	path := filepath.Join(dir, newName)
	db, err := openBolt(path, &bolt.Options{PageSize: pageSize, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, Timeout: lockTimeout})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(create), db.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
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
