//go:build unix

package storage

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// sameOwner gives a new file owner and mode of the one whose place it takes: the
// agent may be another user than the one who runs this.
func sameOwner(old, fresh string) error {
	was, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	is, err := os.Stat(fresh)
	if err != nil {
		return err
	}
	before, ok := was.Sys().(*syscall.Stat_t)
	now, known := is.Sys().(*syscall.Stat_t)
	if ok && known && (before.Uid != now.Uid || before.Gid != now.Gid) {
		if err := os.Chown(fresh, int(before.Uid), int(before.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(fresh, was.Mode().Perm())
}
