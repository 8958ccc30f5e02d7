//go:build linux || darwin

package agent

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes may be written on the disk of dir by who is not
// root.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("ask for free space: %w", err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
