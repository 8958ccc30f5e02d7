package storage

import (
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// A size says what the bytes of the file are used for.
type size struct {
	high int64 // where the pages end that were ever used
	free int64 // pages below high that hold nothing
	file int64 // at least so long is the file
}

// used is what is in use of the file.
func (s *size) used() int64 { return s.high - s.free }

// measure looks at the last commit. Pages that it gave up count as free: with
// the next one they are, for no reading takes long.
func (s *size) measure(h *handle) error {
	return h.view(func(tx *bolt.Tx) error {
		st := h.db.Stats()
		s.high = tx.Size()
		s.free = int64(st.FreePageN+st.PendingPageN) * int64(h.db.Info().PageSize)
		return nil
	})
}

// manyBytes is from where a commit had better write into blocks that were never
// written. At 810 bytes an event, ext4, bytes at the device an event with
// blocks of zeros, and with blocks only allocated: 1 event a commit 24.5k and
// 30.7k, 10 events 4.6k and 5.0k, 100 events 2.3k and 1.4k. With a hole in the
// file, which bbolt leaves: 35.7k, 6.3k, 1.6k.
const manyBytes = 24 << 10

// reserve makes room in the file for a commit of n bytes, by allocating blocks
// at its end and, where commits are small, by filling them with zeros. bbolt by
// itself would leave a hole there. Then the disk could be full in the middle of
// a commit, and not even deleting would work, which needs pages too; and the
// first write to a block makes the sync write the file system's journal. What
// cannot be done here is left to bbolt.
func (s *size) reserve(file *os.File, n int64, o *Options) {
	need := n + n/4 + o.growth() - s.free
	if s.high+need <= s.file {
		return
	}
	if info, err := file.Stat(); err == nil {
		s.file = info.Size()
	}
	end := s.high + need + o.growth()
	if n >= manyBytes {
		end += 3 * o.growth()
	}
	end = min(end, o.MaxSize) &^ (pageSize - 1)
	if end <= s.file {
		return
	}
	if n >= manyBytes && allocate(file, s.file, end-s.file) {
		s.file = end
		return
	}
	written, _ := io.Copy(io.NewOffsetWriter(file, s.file), io.LimitReader(zeros{}, end-s.file))
	s.file += written
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
