package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// What Open waits for is tried again after openAgain, and then, for it reads and
// writes all there is, after twice as long each time, at most openLater.
const (
	openAgain = 5 * time.Second
	openLater = 5 * time.Minute
)

// errWait is why Open tries again: for room, most of all.
type errWait struct{ error }

func (e errWait) Unwrap() error { return e.error }

// prepare sees to it that deskbell.db is there and sound. It waits for as long
// as it takes: an agent that ends would only be started again.
func (l *Log) prepare(ctx context.Context, dir string) error {
	for pause := openAgain; ; pause = min(2*pause, openLater) {
		err := l.begin(ctx, dir)
		var again errWait
		if !errors.As(err, &again) {
			return err
		}
		l.options.Log.Error("store cannot be opened yet", "store", l.path, "again in", pause, "error", err)
		l.options.Waiting(err)
		l.options.Working(false)
		if err := wait(ctx, pause); err != nil {
			return err
		}
		l.options.Working(true)
	}
}

func (l *Log) begin(ctx context.Context, dir string) error {
	damage, err := l.inspect(ctx)
	switch {
	case errors.Is(err, ErrUnchecked): // no memory for the other process, such as that
		return l.retry(err)
	case err != nil:
		return err
	}
	if damage != nil {
		if err := l.save(ctx, dir, damage); err != nil {
			return err
		}
	} else if err := l.nameDamaged(dir); err != nil {
		return err
	}
	if _, err := os.Stat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return l.retry(createFile(ctx, dir))
}

// save puts what can be read of the damaged file in its place.
func (l *Log) save(ctx context.Context, dir string, damage error) error {
	if l.options.Salvage == nil {
		return l.moveAside(dir, damage)
	}
	fresh := filepath.Join(dir, newName)
	report, err := l.options.Salvage(ctx, l.path, fresh, l.options.MaxSize/100*85)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !couldBe(err):
		return l.retry(fmt.Errorf("save what can be read of the damaged store: %w", err))
	case err != nil:
		l.options.Log.Error("nothing can be read of the damaged store", "store", l.path, "error", err)
		if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return l.moveAside(dir, damage)
	}
	aside, _, err := takeOver(dir, true)
	if err != nil {
		return l.retry(err)
	}
	l.problems.opening = fmt.Sprintf("the store was damaged: %d events were saved, %d places could not be read, and at most %d events that were not delivered are lost; "+
		"the damaged file is %s: look at the disk or card, and remove that file when you do not need it any more", report.Records, report.Places, report.Missing, aside)
	l.options.Log.Error("store was damaged", "kept", aside, "events", report.Records, "unreadable", report.Places, "lost at most", report.Missing, "begin anew", report.Begun, "error", damage)
	return nil
}

// couldBe says whether err is about the damaged file, and not about what was to
// be made of it.
func couldBe(err error) bool {
	var errno syscall.Errno
	return !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrNewer) && !errors.Is(err, ErrUnchecked) && !errors.Is(err, exec.ErrNotFound) && !errors.As(err, &errno)
}

// retry tells what may pass from what does not.
func (l *Log) retry(err error) error {
	if err == nil || errors.Is(err, ErrNewer) || errors.Is(err, fs.ErrPermission) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errWait{err}
}

// nameDamaged has Problems name the newest store that was set aside for as long
// as it lies there: it may hold the only copy of events.
func (l *Log) nameDamaged(dir string) error {
	numbers, err := damagedFiles(dir)
	if err != nil || len(numbers) == 0 {
		return err
	}
	aside := damagedPath(dir, numbers[len(numbers)-1])
	if sameFile(aside, l.path) { // what was to take its place never came, and it is sound
		return os.Remove(aside)
	}
	l.problems.opening = fmt.Sprintf("the store was damaged, and what could not be read of it is in %s alone: "+
		"look at the disk or card, and remove that file when you do not need it any more", aside)
	return nil
}

// moveAside renames the damaged file.
func (l *Log) moveAside(dir string, damage error) error {
	numbers, err := damagedFiles(dir)
	if err != nil {
		return err
	}
	next := 1
	if n := len(numbers); n > 0 {
		next = numbers[n-1] + 1
	}
	aside := damagedPath(dir, next)
	if err := os.Rename(l.path, aside); err != nil {
		return err
	}
	l.options.Log.Error("store is damaged, a new one is begun", "moved", aside, "error", damage)
	if err := errors.Join(syncFolder(dir), prune(dir)); err != nil {
		return err
	}
	return l.nameDamaged(dir)
}
