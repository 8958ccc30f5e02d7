package storage

import (
	"errors"
	"io"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A size says what the bytes of the file are used for, and how many more there
// can be now.
type size struct {
	max     int64 // Options.MaxSize
	high    int64 // where the pages end that were ever used
	free    int64 // pages below high that hold nothing
	file    int64 // so long is the file, with blocks of the disk behind it
	written int64 // behind high, blocks up to here are ready to be written
	most    int64 // so long it may become: max, or more where max was lowered
	tight   error // why it could not become longer, the last time; nil if it could
	tried   time.Time
	starved bool // a page found no room although the file is long enough
}

// used is what is in use of the file.
func (s *size) used() int64 { return s.high - s.free }

// capacity is how long the file may become, as far as is known.
func (s *size) capacity() int64 {
	if s.tight != nil {
		return s.file
	}
	return s.most
}

// ballast is by how much the file is to be longer than what events use. To give
// records up needs pages, too: bbolt writes every page anew that changes. So do
// positions, entries and lists, which go on while events are refused.
func (s *size) ballast() int64 { return min(4<<20, s.max/100*15) }

// limit is what may be in use for an event to be stored. Where a disk is so
// full that the file has hardly more than the ballast, half of it has to do.
func (s *size) limit() int64 {
	if s.starved {
		return 0
	}
	return min(s.max/100*85, s.capacity()-min(s.ballast(), s.capacity()/2))
}

// short says whether the limit is the disk's.
func (s *size) short() bool { return s.starved || s.tight != nil && s.limit() < s.max/100*85 }

// growth is by how much the file grows at a time.
func (s *size) growth() int64 { return min(256<<10, s.max/16&^(pageSize-1)) }

// stays bounds what events take up once they are stored, given their bytes with
// recordOverhead. A page has two values at least, and is left half empty at
// worst.
func stays(bytes int64, entries int) int64 {
	return min(2*bytes, bytes+int64(entries)*pageSize/2) + 4*pageSize
}

// aFew is what makes a store ready: events of a page together find room.
var aFew = stays(pageSize, 1)

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

// begin finds out how long the file is, and makes the ballast. Holes it may
// have, after somebody copied it, are filled. What the disk has no room for is
// missing.
func (s *size) begin(f *os.File, o *Options) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.max = o.MaxSize
	s.file = info.Size() &^ (pageSize - 1)
	s.written = s.high
	s.most = max(s.max&^(pageSize-1), s.file, s.used()+s.ballast())
	if err := allocate(f, 0, s.file); fullDisk(err) {
		s.tight, s.tried = err, time.Now()
		return nil
	}
	return s.reserve(f, 0)
}

// manyBytes is from where a commit had better write into blocks that were never
// written. At 810 bytes an event, ext4, bytes at the device an event with
// blocks of zeros, and with blocks only allocated: 1 event a commit 24.5k and
// 30.7k, 10 events 4.6k and 5.0k, 100 events 2.3k and 1.4k. With a hole in the
// file, which bbolt leaves: 35.7k, 6.3k, 1.6k.
const manyBytes = 24 << 10

// reserve makes the file long enough for n bytes that stay, and for the ballast
// behind them, with blocks of the disk: bbolt by itself would leave a hole there,
// and the disk could be full in the middle of a commit. Where the disk has no
// room that is no error, but shows in limit; it is asked again probeEvery.
func (s *size) reserve(f *os.File, n int64) error {
	if need := s.used() + n + s.ballast(); need > s.file {
		return s.grow(f, need-s.file, 4*s.growth())
	}
	return nil
}

// grow makes the file longer, by need and by more at once, or as far as there
// is room for it.
func (s *size) grow(f *os.File, need, more int64) error {
	if s.wait() > 0 {
		return nil
	}
	for n := need + more; ; {
		end := min(s.file+n+pageSize-1, s.most) &^ (pageSize - 1)
		err := s.extend(f, max(end, s.file))
		if err == nil {
			s.starved = false
			if n >= need {
				s.tight = nil
			}
			return nil
		}
		if !fullDisk(err) {
			return err
		}
		s.tight, s.tried = err, time.Now()
		if n = min(need, n/2); n < s.growth()/4 {
			return nil
		}
	}
}

// wait is how long the disk is not asked again.
func (s *size) wait() time.Duration {
	if s.tight == nil {
		return 0
	}
	return probeEvery - time.Since(s.tried)
}

// lengthen is grow, and says whether the file has become longer.
func (s *size) lengthen(f *os.File, need int64) (longer bool, err error) {
	before := s.file
	err = s.grow(f, need, 0)
	return s.file > before, err
}

// beyond lets the file become longer than max, up to twice, for what cursors
// have to store: as long as they cannot, nothing may be given up. It says
// whether there is more to have.
func (s *size) beyond() bool {
	if s.most >= 2*s.max {
		return false
	}
	s.most = min(s.most+4*s.growth(), 2*s.max)
	return true
}

// probe asks the disk again whether it has room for more.
func (s *size) probe(f *os.File) error {
	return s.grow(f, max(s.used()+aFew+s.ballast()-s.file, s.growth()), 0)
}

// extend makes the file end there.
func (s *size) extend(f *os.File, end int64) error {
	if end == s.file {
		return nil
	}
	err := allocate(f, s.file, end-s.file)
	if errors.Is(err, errors.ErrUnsupported) {
		err = zeroFill(f, s.file, end)
	}
	if err == nil {
		s.file = end
		return nil
	}
	if info, err := f.Stat(); err == nil {
		s.file = max(s.file, info.Size()&^(pageSize-1)) // some of it may have become
	}
	return err
}

// write fills blocks with zeros where the next commit, of n bytes, is going to
// write, if there are few: the first write to a block makes the sync write the
// file system's journal.
func (s *size) write(f *os.File, n int64) error {
	end := s.high + n + n/4 + s.growth() - s.free
	if end <= s.written {
		return nil
	}
	if n >= manyBytes { // the blocks that come are for more of these
		s.written = end + 4*s.growth()
		return nil
	}
	from := max(s.written, s.high)
	s.written = max(min(end+s.growth(), s.file), from)
	return zeroFill(f, from, s.written)
}

// zeroFill writes zeros.
func zeroFill(f *os.File, from, end int64) error {
	_, err := io.Copy(io.NewOffsetWriter(f, from), io.LimitReader(zeros{}, end-from))
	return err
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
