package storage

import (
	"os"

	"golang.org/x/sys/unix"
)

// readAhead has the system read the file from front to back, now: what comes
// next looks at every page of it, in no order. The steps are what Linux reads
// ahead at most for one call by default (read_ahead_kb, 128).
func readAhead(f *os.File, size int64) {
	const step = 128 << 10
	for from := int64(0); from < size; from += step {
		if unix.Fadvise(int(f.Fd()), from, step, unix.FADV_WILLNEED) != nil {
			return
		}
	}
}

// allocate makes the file longer, with blocks of the disk behind it.
func allocate(f *os.File, from, n int64) bool {
	return unix.Fallocate(int(f.Fd()), 0, from, n) == nil
}
