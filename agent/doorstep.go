package agent

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"deskbell/storage"
)

// errStarting says that the store is still being checked. It is answered to
// the platform as 503, so that nothing is taken before it can be kept.
var errStarting = errors.New("starting: the store is being checked")

// doorstep is the store that the webhook sees. Until the real one is open it
// takes nothing; the webhook can so answer from the first moment on.
type doorstep struct {
	log atomic.Pointer[storage.Log]
	why atomic.Pointer[error] // it is not open yet; nil: it is being checked
}

// waits says why the store is not open yet.
func (d *doorstep) waits(why error) {
	why = fmt.Errorf("starting: %w", why)
	d.why.Store(&why)
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
