package storage

import (
	"errors"
	"io"
	"os"
)

// blocks reads a file in blocks, and keeps some of them. To ask the system for
// every single page takes longer than to look at it, and pages that follow one
// another in a tree lie near each other in the file, though in no order.
type blocks struct {
	file        *os.File
	kept        [32]kept
	asked, read int64 // bytes
}

// kept are the bytes that a file has from a multiple of blockSize on, fewer than
// that at its end; there may be none.
type kept struct {
	at int64
	b  []byte
}

const blockSize = 64 << 10

// ReadAt reads from a block. It leaves blocks alone where more than twice as
// much would be read as is asked for.
func (s *blocks) ReadAt(p []byte, at int64) (int, error) {
	s.asked += int64(len(p))
	from := at &^ (blockSize - 1)
	end := int(at-from) + len(p)
	k := &s.kept[from/blockSize%int64(len(s.kept))]
	if end <= blockSize && k.at == from && len(k.b) >= end {
		return copy(p, k.b[at-from:]), nil
	}
	if end > blockSize || s.read > 2*s.asked+int64(len(s.kept))*blockSize {
		return s.file.ReadAt(p, at)
	}
	s.read += blockSize
	if k.b == nil {
		k.b = make([]byte, blockSize)
	}
	n, err := s.file.ReadAt(k.b[:blockSize], from)
	k.at, k.b = from, k.b[:n]
	if n < end || err != nil && !errors.Is(err, io.EOF) {
		k.b = k.b[:0]
		return s.file.ReadAt(p, at) // where an error is about what was asked for
	}
	return copy(p, k.b[at-from:]), nil
}
