package forward

import (
	"context"

	"deskbell/storage"
)

// Run moves the cursor over events that are not wanted while there is no
// connection: they count as delivered. It gives way to Serve, returns nil when
// ctx ends, and may be left out where every kind is sent.
func (f *Forwarder) Run(ctx context.Context) error {
	for !f.config.everything() && ctx.Err() == nil {
		select {
		case f.turn <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		idle, cancel := context.WithCancel(ctx)
		f.mu.Lock()
		f.interrupt = cancel
		if f.serving {
			cancel()
		}
		f.mu.Unlock()
		f.pass(idle)
		cancel()
		<-f.turn
		select {
		case <-f.free:
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
	return nil
}

// pass moves the cursor up to the first event that is wanted, and waits there
// until ctx ends.
func (f *Forwarder) pass(ctx context.Context) {
	works := f.config.Working
	defer works(false)
	for {
		works(false)
		records, err := f.log.Next(ctx, f.acked.Load(), batch)
		if err != nil {
			return
		}
		works(true)
		var passed uint64
		for _, r := range records {
			if f.maybeWanted(r.Data) {
				break
			}
			passed = r.Sequence
		}
		if passed > 0 {
			f.acked.Store(passed)
			f.cursor.Save(storage.Update{Position: passed})
			f.changed()
		}
		if passed < records[len(records)-1].Sequence {
			works(false)
			<-ctx.Done()
			return
		}
	}
}

// maybeWanted says whether an event is to be sent. One that cannot be read is:
// what becomes of it is seen when it is.
func (f *Forwarder) maybeWanted(data []byte) (wanted bool) {
	defer func() {
		if recover() != nil {
			wanted = true
		}
	}()
	return f.wanted(f.decoder.Kind(data))
}

// takeTurn is for Serve: it asks Run to give way.
func (f *Forwarder) takeTurn(ctx context.Context) bool {
	f.mu.Lock()
	f.serving = true
	f.interrupt()
	f.mu.Unlock()
	select {
	case f.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		f.wake()
		return false
	}
}

// giveTurn ends Serve's turn.
func (f *Forwarder) giveTurn() {
	<-f.turn
	f.wake()
}

// wake lets Run go on.
func (f *Forwarder) wake() {
	f.mu.Lock()
	f.serving = false
	f.mu.Unlock()
	select {
	case f.free <- struct{}{}:
	default:
	}
}
