//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock locks the folder, against everybody or against those who do. It waits
// for readers, which take little time, but not for what is known as an agent. Closing the file
// unlocks, and so does the end of the process.
func lock(ctx context.Context, dir string, exclusive bool) (*os.File, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for deadline := time.Now().Add(lockTimeout); ; {
		err = syscall.Flock(int(folder.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return folder, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			err = fmt.Errorf("lock %s: %w", dir, err)
			break
		}
		pid, agent := holder(folder)
		if agent || time.Now().After(deadline) {
			err = lockedBy(pid)
			break
		}
		if err = wait(ctx, lockRetry); err != nil {
			break
		}
	}
	_ = folder.Close()
	return nil, err
}

// lockedBy is ErrLocked with a name.
func lockedBy(pid int) error {
	if pid == 0 {
		return fmt.Errorf("%w by another process", ErrLocked)
	}
	return fmt.Errorf("%w by another deskbell (process %d)", ErrLocked, pid)
}

// heldBy is ErrLocked with the name of whoever has the file open.
func heldBy(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return ErrLocked
	}
	defer func() { _ = f.Close() }()
	if pid, _ := holder(f); pid != 0 {
		return fmt.Errorf("%w: process %d has %s open", ErrLocked, pid, path)
	}
	return lockedBy(0)
}
