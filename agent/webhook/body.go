package webhook

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"deskbell/agent/event"
	"deskbell/storage"
)

const (
	firstBuffer = 4 << 10  // enough for nearly every body the platform sends
	freeBuffer  = 16 << 10 // up to here a buffer is not charged, so that large bodies never keep usual ones out, and is kept
	keepEvents  = 256
	allBuffers  = 32 << 20 // what all charged buffers may have together, see newBudget
)

var (
	errTooLarge = errors.New("body larger than allowed")
	errBusy     = errors.New("too many large bodies at once")
	errCut      = errors.New("body not complete in time")
)

// budget bounds the memory of bodies that are being read, whoever sends them.
type budget struct{ left atomic.Int64 }

// newBudget leaves room for at least one body of the largest size while its buffer grows.
func newBudget(maxBody int64) *budget {
	b := new(budget)
	b.left.Store(max(allBuffers, 2*maxBody))
	return b
}

func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

func (b *budget) give(n int64) { b.left.Add(n) }

// exchange is the memory of one request; it is used again for others.
type exchange struct {
	body     []byte
	budget   *budget // what large buffers are charged to
	charged  int64
	elements []event.Element
	entries  []storage.Entry
}

// read fills x.body. Its buffer grows with what has come, not with what is announced. The errors are those above, or
// say what is wrong with the transfer.
func (x *exchange) read(r *http.Request, limit int64) error {
	x.body = x.body[:0]
	for {
		if len(x.body) == cap(x.body) {
			if err := x.grow(limit); err != nil {
				return err
			}
		}
		n, err := r.Body.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		if int64(len(x.body)) > limit {
			return errTooLarge
		}
		var network net.Error
		switch {
		case err == nil:
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
			return errCut // nobody is there to be answered
		default:
			return err
		}
	}
}

func (x *exchange) grow(limit int64) error {
	size := max(firstBuffer, min(2*int64(cap(x.body)), limit+1))
	if size > freeBuffer {
		if !x.budget.take(size) {
			return errBusy
		}
		x.budget.give(x.charged)
		x.charged = size
	}
	larger := make([]byte, len(x.body), size)
	copy(larger, x.body)
	x.body = larger
	return nil
}

// reset gives back what was charged and drops what is too large to keep.
func (x *exchange) reset() {
	x.budget.give(x.charged)
	x.charged = 0
	if cap(x.body) > freeBuffer {
		x.body = nil
	}
	clear(x.elements)
	clear(x.entries)
	x.elements, x.entries = x.elements[:0], x.entries[:0]
	if cap(x.elements) > keepEvents {
		x.elements, x.entries = nil, nil
	}
}
