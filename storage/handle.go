package storage

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A handle is an open file of a store. The log may exchange it for another one
// at any moment, also while somebody hangs in it on a page that the disk does
// not give: so nobody waits for those who are in it, and the last one out
// closes it.
type handle struct {
	db     *bolt.DB
	file   *os.File      // that of db
	users  atomic.Int64  // those in it, and one for the log that has it
	closed chan struct{} // closed when it is
	err    error         // of closing
}

// openHandle opens a file that is there.
func openHandle(ctx context.Context, path string, o *bolt.Options) (*handle, error) {
	h := &handle{closed: make(chan struct{})}
	h.users.Store(1)
	o.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
		h.file = f
		return f, err
	}
	db, err := openBolt(ctx, path, o)
	if err != nil {
		return nil, err
	}
	db.AllocSize = pageSize // the writer makes the file longer itself
	h.db = db
	return h, nil
}

// enter says whether h may be used, until leave: it is not closed.
func (h *handle) enter() bool {
	for {
		n := h.users.Load()
		if n == 0 {
			return false
		}
		if h.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave ends what enter began, and what openHandle did.
func (h *handle) leave() {
	if h.users.Add(-1) == 0 {
		h.err = h.db.Close()
		close(h.closed)
	}
}

// close is leave for whoever has opened it, and waits for everybody else.
func (h *handle) close() error {
	h.leave()
	<-h.closed
	return h.err
}

// view runs f on what was committed last, in a transaction of its own. It is
// not to be called from f.
func (h *handle) view(f func(*bolt.Tx) error) error {
	err := h.db.View(f)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// A viewer is handle.view, of one handle or of that which a log has now.
type viewer func(func(*bolt.Tx) error) error

// view runs f on what was committed last to the file that the log has now.
func (l *Log) view(f func(*bolt.Tx) error) error {
	for {
		h := l.handle.Load()
		if h == nil {
			return ErrClosed
		}
		if h.enter() {
			defer h.leave()
			return h.view(f)
		}
	}
}

// named says whether path names the file of h.
func (h *handle) named(path string) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	ours, err := h.file.Stat()
	return err == nil && os.SameFile(there, ours)
}

// nameless says whether path is known not to name the file of h any more.
func (h *handle) nameless(path string) bool {
	ours, err := h.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(there, ours)
}

// swap has the log go on with the file at path, once name has durably given it
// the name of the store. Nobody who reads waits or notices, but for what that
// file does not hold. After an error the log goes on as before, unless the file
// has got the name: then there is no way back, for what was stored in the other
// one would be lost, and nothing is stored any more.
func (w *writer) swap(path string, name func() error) error {
	h, err := openHandle(context.Background(), path, boltOptions(&w.options))
	if err != nil {
		return err
	}
	s, err := look(h, &w.options)
	if err == nil {
		err = name()
	}
	if err != nil && !h.named(w.path) {
		return errors.Join(err, h.close())
	}
	w.mu.Lock()
	old := w.handle.Swap(h)
	w.adopt(s)
	w.dirty, w.dirtySince = true, time.Now() // it may have been before: the timer is not known to be set
	w.arm(flushAfter)
	w.mu.Unlock()
	old.leave()
	w.assess()
	if err != nil {
		return w.breaks(err)
	}
	return nil
}
