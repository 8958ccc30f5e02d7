package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"deskbell/storage"
)

// errStarting says that the store is still being checked. It is answered to
// the platform as 503, so that nothing is taken before it can be kept.
var errStarting = errors.New("starting: the store is being checked")

// doorstep is the store that the webhook sees. Until the real one is open it
// takes nothing; the webhook can so answer from the first moment on.
type doorstep struct {
	log  atomic.Pointer[storage.Log]
	why  atomic.Pointer[error] // it is not open yet; nil: it is being checked
	soon chan struct{}         // closed when it is open, or will not be soon
	once sync.Once
}

// opened says that the store is open.
func (d *doorstep) opened(l *storage.Log) {
	d.log.Store(l)
	d.once.Do(func() { close(d.soon) })
}

// waits says why the store is not open yet, and that it may take long.
func (d *doorstep) waits(why error) {
	why = fmt.Errorf("starting: %w", why)
	d.why.Store(&why)
	d.once.Do(func() { close(d.soon) })
}

// Opened is closed when it is of no use to wait any longer for the store to be
// opened; nil: it is open.
func (d *doorstep) Opened() <-chan struct{} {
	if d.log.Load() != nil {
		return nil
	}
	return d.soon
}

// starting is why nothing is taken yet.
func (d *doorstep) starting() error {
	if why := d.why.Load(); why != nil {
		return *why
	}
	return errStarting
}

// Append passes on to the store, or returns errStarting.
func (d *doorstep) Append(ctx context.Context, es []storage.Entry) ([]uint64, error) {
	if l := d.log.Load(); l != nil {
		return l.Append(ctx, es)
	}
	return nil, d.starting()
}

// Ready says whether events can be made durable now.
func (d *doorstep) Ready() error {
	if l := d.log.Load(); l != nil {
		return l.Ready()
	}
	return d.starting()
}

// Remember passes on to the store; before it is open the note is dropped.
func (d *doorstep) Remember(list string, data []byte) {
	if l := d.log.Load(); l != nil {
		l.Remember(list, data)
	}
}
