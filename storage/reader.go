package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Reader reads the store of a stopped agent and changes nothing, not one
// byte. All methods may be called at once from several goroutines.
type Reader struct {
	folder *os.File
	handle *handle
	stats  Stats
}

// OpenReader opens the store in dir for reading. An agent that starts
// meanwhile waits for Close, for five seconds. The whole file is read. Errors:
// ErrLocked while an agent has it open, ErrUnsound, ErrNewer, fs.ErrNotExist,
// or that it may not be read.
func OpenReader(dir string) (*Reader, error) {
	r := &Reader{}
	if err := r.open(dir); err != nil {
		return nil, fmt.Errorf("read store %s: %w", dir, errors.Join(err, r.Close()))
	}
	return r, nil
}

func (r *Reader) open(dir string) (err error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if r.folder, err = lock(context.Background(), dir, false); err != nil {
		return err
	}
	// bbolt would take a damaged page for what it is, and end the process.
	if err := checkTree(path); errors.Is(err, ErrNewer) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsound, err)
	}
	if r.handle, err = openHandle(context.Background(), path, &bolt.Options{ReadOnly: true, Timeout: time.Millisecond}); err != nil {
		return err
	}
	return r.handle.view(func(tx *bolt.Tx) error {
		if err := checkFormat(tx); err != nil {
			return err
		}
		events := tx.Bucket(bucketEvents)
		r.stats = Stats{LastSequence: events.Sequence(), Records: events.Stats().KeyN, Bytes: tx.Size()}
		if k, _ := events.Cursor().First(); k != nil {
			r.stats.FirstSequence = sequenceOf(k)
		}
		return nil
	})
}

// Read returns the records after sequence after, oldest first, at most max of
// them and of about 1 MiB together; none at the end. Damaged ones are left out.
func (r *Reader) Read(after uint64, max int) ([]Record, error) {
	return read(r.handle.view, after, r.stats.LastSequence, max, func(uint64) {})
}

// Get returns one record. Errors: ErrNotFound, ErrDamaged.
func (r *Reader) Get(seq uint64) (Record, error) {
	return get(r.handle.view, seq, r.stats.LastSequence, func(uint64) {})
}

// Remembered returns what a list of Log.Remember holds, the oldest first.
func (r *Reader) Remembered(name string) ([][]byte, error) {
	var items []item
	if err := r.handle.view(func(tx *bolt.Tx) error {
		items = readList(tx, name)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read list %s: %w", name, err)
	}
	return overlaid(items, nil), nil
}

// Entries returns what a cursor keeps; nothing where there is no cursor of that
// name. What is damaged is left out.
func (r *Reader) Entries(cursor string) (map[string][]byte, error) {
	var entries map[string][]byte
	err := r.handle.view(func(tx *bolt.Tx) (err error) {
		entries, err = entriesOf(tx, []byte(prefixCursor+cursor))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read entries of %s: %w", cursor, err)
	}
	return entries, nil
}

// Stats returns what the store holds. Full and MaxBytes are not known, and
// Bytes includes free pages.
func (r *Reader) Stats() Stats { return r.stats }

// Close gives the file back.
func (r *Reader) Close() error {
	var errs []error
	if r.handle != nil {
		errs = append(errs, r.handle.close())
	}
	if r.folder != nil {
		errs = append(errs, r.folder.Close())
	}
	return errors.Join(errs...)
}

// readBytes bounds the data of one read, its first record apart.
const readBytes = 1 << 20

// read returns records in (after, last]. It calls damaged for those it leaves
// out.
func read(view viewer, after, last uint64, max int, damaged func(seq uint64)) (rs []Record, err error) {
	if after >= last {
		return nil, nil
	}
	var bad []uint64
	err = view(func(tx *bolt.Tx) error {
		size := 0
		c := tx.Bucket(bucketEvents).Cursor()
		for k, v := c.Seek(sequenceKey(after + 1)); k != nil; k, v = c.Next() {
			seq := sequenceOf(k)
			if seq > last || len(rs) >= max || len(rs) > 0 && size+len(v) > readBytes {
				break
			}
			r, ok := parseRecord(k, v)
			if !ok {
				bad = append(bad, seq)
				continue
			}
			size += len(v)
			if rs == nil {
				rs = make([]Record, 0, min(uint64(max), last-after, 64))
			}
			rs = append(rs, r)
		}
		own(rs)
		return nil
	})
	for _, seq := range bad {
		damaged(seq)
	}
	if err != nil {
		return nil, fmt.Errorf("read after event %d: %w", after, err)
	}
	return rs, nil
}

// own gives records data of their own, in one array.
func own(rs []Record) {
	n := 0
	for _, r := range rs {
		n += len(r.Data)
	}
	data := make([]byte, 0, n)
	for i, r := range rs {
		from := len(data)
		data = append(data, r.Data...)
		rs[i].Data = data[from:len(data):len(data)]
	}
}

// get returns one record not after last.
func get(view viewer, seq, last uint64, damaged func(seq uint64)) (Record, error) {
	rs := make([]Record, 1)
	err := view(func(tx *bolt.Tx) error {
		key := sequenceKey(seq)
		v := tx.Bucket(bucketEvents).Get(key)
		if v == nil || seq > last {
			return ErrNotFound
		}
		var ok bool
		if rs[0], ok = parseRecord(key, v); !ok {
			return ErrDamaged
		}
		own(rs)
		return nil
	})
	if errors.Is(err, ErrDamaged) {
		damaged(seq)
	}
	if err != nil {
		return Record{}, fmt.Errorf("read event %d: %w", seq, err)
	}
	return rs[0], nil
}

// stampOf returns the stamp of a record.
func stampOf(view viewer, seq uint64) (s stamp, err error) {
	err = view(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucketEvents).Get(sequenceKey(seq))
		if v == nil {
			return ErrNotFound
		}
		s = recordStamp(v)
		return nil
	})
	return s, err
}
