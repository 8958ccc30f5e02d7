package agent

import (
	"context"
	"errors"
	"sync/atomic"

	"deskbell/storage"
)

// errStarting says that the store is still being checked. It is answered to
// the platform as 503, so that nothing is taken before it can be kept.
var errStarting = errors.New("starting: the store is being checked")

// doorstep is the store that the webhook sees. Until the real one is open it
// takes nothing; the webhook can so answer from the first moment on.
type doorstep struct{ log atomic.Pointer[storage.Log] }

// Append passes on to the store, or returns errStarting.
func (d *doorstep) Append(ctx context.Context, es []storage.Entry) ([]uint64, error) {
	if l := d.log.Load(); l != nil {
		return l.Append(ctx, es)
	}
	return nil, errStarting
}

// Ready says whether events can be made durable now.
func (d *doorstep) Ready() error {
	if l := d.log.Load(); l != nil {
		return l.Ready()
	}
	return errStarting
}

// Remember passes on to the store; before it is open the note is dropped.
func (d *doorstep) Remember(list string, data []byte) {
	if l := d.log.Load(); l != nil {
		l.Remember(list, data)
	}
}
