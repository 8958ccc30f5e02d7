package storage

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// A backup is a stream of what a store holds, value by value, which makes a
// store again. It begins with backupMark; then come parts, each a byte that
// says what it is and what belongs to that. Numbers are unsigned varints, and
// so is the length before bytes.
//
//	'v' bucket, key, sealed value
//	's' bucket, the sequence that it gave last
//	'e' number of values left out, 4 bytes CRC-32C of everything before those
//	'x' why there is no more
const backupMark = "deskbell backup 1\n"

const (
	partValue    = 'v'
	partSequence = 's'
	partEnd      = 'e'
	partError    = 'x'
)

// maxPart bounds what is believed of a length; a record is far shorter.
const maxPart = 1 << 29

var (
	errRebuilt = errors.New("the store was rebuilt meanwhile: try again")
	errBackup  = errors.New("the backup is not whole")
)

// Backup writes the store as it is now to w, while it is in use: Restore makes
// a store of it again. Events that come meanwhile may be in it or not. It never
// has a transaction open while it writes, so w may be slow. When it fails, w
// says so as well. Errors: w's, ctx's, ErrClosed.
func (l *Log) Backup(ctx context.Context, w io.Writer) error {
	first := l.handle.Load()
	return backup(ctx, w, source{
		view: func(f func(*bolt.Tx) error) error {
			switch {
			case first == nil:
				return ErrClosed
			case l.handle.Load() != first || !first.enter():
				return errRebuilt
			}
			defer first.leave()
			return first.view(f)
		},
		damaged: func(v value) {
			if v.bucket == string(bucketEvents) {
				l.damaged(sequenceOf(v.key))
			}
		},
	})
}

// Backup is that of Log.
func (r *Reader) Backup(ctx context.Context, w io.Writer) error {
	return backup(ctx, w, source{view: r.handle.view, damaged: func(value) {}})
}

func backup(ctx context.Context, w io.Writer, s source) error {
	b := backupWriter{buffer: bufio.NewWriterSize(w, 64<<10), sum: crc32.New(castagnoli)}
	left, damaged := uint64(0), s.damaged
	s.damaged = func(v value) {
		left++
		damaged(v)
	}
	b.write([]byte(backupMark))
	for v, err := range s.values(ctx) {
		switch {
		case err != nil:
			b.part(partError)
			b.bytes([]byte(err.Error()))
			return fmt.Errorf("back up the store: %w", errors.Join(err, b.buffer.Flush()))
		case v.key == nil:
			b.part(partSequence)
			b.bytes([]byte(v.bucket))
			b.number(v.sequence)
		default:
			b.part(partValue)
			b.bytes([]byte(v.bucket))
			b.bytes(v.key)
			b.bytes(v.sealed)
		}
		if b.err != nil {
			break
		}
	}
	b.part(partEnd)
	b.number(left)
	b.write(b.sum.Sum(nil))
	if err := errors.Join(b.err, b.buffer.Flush()); err != nil {
		return fmt.Errorf("back up the store: %w", err)
	}
	return nil
}

// backupWriter writes parts. The first error stays.
type backupWriter struct {
	buffer *bufio.Writer
	sum    hash.Hash
	err    error
}

func (b *backupWriter) write(p []byte) {
	if b.err == nil {
		_, b.err = b.buffer.Write(p)
		_, _ = b.sum.Write(p) // has no errors
	}
}

func (b *backupWriter) part(what byte) { b.write([]byte{what}) }

func (b *backupWriter) number(n uint64) {
	b.write(binary.AppendUvarint(nil, n))
}

func (b *backupWriter) bytes(p []byte) {
	b.number(uint64(len(p)))
	b.write(p)
}

// Restored says what Restore found in a backup.
type Restored struct {
	Records int
	LeftOut int // values that could not be read when it was made
}

// Restore makes a store of what Backup wrote, at path, where with replace a
// file may be. It is durable on return. After an error what was there is there
// still, and nothing else. Errors: ErrNoSpace, fs.ErrExist, ctx's, that r is not
// a whole backup, or what r says of that itself.
func Restore(ctx context.Context, r io.Reader, path string, replace bool) (Restored, error) {
	b := backupReader{buffer: bufio.NewReaderSize(r, 64<<10), sum: crc32.New(castagnoli)}
	part := fmt.Sprintf("%s.%d.part", path, os.Getpid())
	err := build(ctx, part, b.values())
	if err == nil {
		err = name(part, path, replace)
	}
	if err != nil {
		return Restored{}, fmt.Errorf("write %s: %w", path, err)
	}
	return b.found, nil
}

// name gives the file part the name path, durably, or removes it.
func name(part, path string, replace bool) error {
	place := os.Rename
	if !replace {
		place = func(part, path string) error {
			// A link, unlike a new name, never replaces what is there.
			if err := os.Link(part, path); err == nil || errors.Is(err, fs.ErrExist) {
				return errors.Join(err, os.Remove(part))
			}
			if _, err := os.Lstat(path); err == nil {
				return fs.ErrExist
			}
			return os.Rename(part, path)
		}
	}
	if err := place(part, path); err != nil {
		_ = os.Remove(part)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// backupReader reads parts.
type backupReader struct {
	buffer *bufio.Reader
	sum    hash.Hash
	one    [1]byte
	found  Restored
}

func (b *backupReader) values() iter.Seq2[value, error] {
	return func(yield func(value, error) bool) {
		err := b.mark()
		for err == nil {
			var v value
			var more bool
			if v, more, err = b.next(); err == nil && (!more || !yield(v, nil)) {
				return
			}
		}
		yield(value{}, err)
	}
}

// read returns so many bytes, which are the caller's own.
func (b *backupReader) read(n uint64) ([]byte, error) {
	if n > maxPart {
		return nil, fmt.Errorf("%w: a length of %d bytes", errBackup, n)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(b.buffer, p); err != nil {
		return nil, broken(err)
	}
	_, _ = b.sum.Write(p)
	return p, nil
}

// broken says what an error of reading means.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it breaks off", errBackup)
	}
	return fmt.Errorf("%w: %w", errBackup, err)
}

// ReadByte makes b what numbers are read from.
func (b *backupReader) ReadByte() (byte, error) {
	c, err := b.buffer.ReadByte()
	if err != nil {
		return 0, broken(err)
	}
	b.one[0] = c
	_, _ = b.sum.Write(b.one[:])
	return c, nil
}

func (b *backupReader) bytes() ([]byte, error) {
	n, err := binary.ReadUvarint(b)
	if err != nil {
		return nil, err
	}
	return b.read(n)
}

func (b *backupReader) mark() error {
	mark, err := b.read(uint64(len(backupMark)))
	if err == nil && string(mark) != backupMark {
		err = fmt.Errorf("%w: it does not begin like one", errBackup)
	}
	return err
}

// next returns the next value, or that there are no more.
func (b *backupReader) next() (v value, more bool, err error) {
	what, err := b.ReadByte()
	if err != nil {
		return v, false, err
	}
	switch what {
	case partValue, partSequence:
		bucket, err := b.bytes()
		if err != nil {
			return v, false, err
		}
		v.bucket = string(bucket)
		if what == partSequence {
			v.sequence, err = binary.ReadUvarint(b)
			return v, true, err
		}
		if v.key, err = b.bytes(); err != nil {
			return v, false, err
		}
		if v.sealed, err = b.bytes(); err != nil {
			return v, false, err
		}
		if v.bucket == string(bucketEvents) {
			b.found.Records++
		}
		return v, true, nil
	case partEnd:
		return v, false, b.end()
	case partError:
		text, err := b.bytes()
		if err == nil {
			err = fmt.Errorf("%w: %s", errBackup, text)
		}
		return v, false, err
	}
	return v, false, fmt.Errorf("%w: an unknown part", errBackup)
}

func (b *backupReader) end() error {
	left, err := binary.ReadUvarint(b)
	if err != nil {
		return err
	}
	b.found.LeftOut = int(left)
	want := b.sum.Sum(nil)
	sum, err := b.read(uint64(len(want)))
	if err == nil && string(sum) != string(want) {
		err = fmt.Errorf("%w: its checksum does not match", errBackup)
	}
	return err
}
