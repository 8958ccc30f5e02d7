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

// allocate puts blocks of the disk behind n bytes of the file, and makes it
// longer where they are beyond its end. The error is errors.ErrUnsupported where
// the file system cannot.
func allocate(f *os.File, from, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, from, n)
		if err != unix.EINTR {
			return err
		}
	}
}
