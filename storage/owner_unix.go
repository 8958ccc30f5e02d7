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
	// Root may run this in a folder that is the agent's: what has taken the place
	// of the new file meanwhile, such as a link to one of root's, is not touched.
	f, err := os.OpenFile(fresh, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	is, err := f.Stat()
	if err != nil {
		return err
	}
	before, ok := was.Sys().(*syscall.Stat_t)
	now, known := is.Sys().(*syscall.Stat_t)
	if ok && known && (before.Uid != now.Uid || before.Gid != now.Gid) {
		if err := f.Chown(int(before.Uid), int(before.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(was.Mode().Perm())
}
