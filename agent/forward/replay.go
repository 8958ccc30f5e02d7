package forward

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"deskbell/storage"
)

// replayEntry is the entry of the cursor in which ranges survive a restart.
const replayEntry = "replay"

// maxReplays is how many ranges may wait.
const maxReplays = 16

// ErrTooManyReplays comes from Replay when enough ranges wait already.
var ErrTooManyReplays = errors.New("too many replays wait for the broker")

// A span is a range of events to be sent again, both ends included. Its number,
// from 1, tells it from others: one may be taken back while it is being sent.
type span struct{ from, to, number uint64 }

// A Replay is what Forwarder.Replay has promised.
type Replay struct {
	From, To uint64
	Events   int // to be sent again
	Pending  int // of the range, but not sent before: they go in their turn
}

// replays are the ranges that were asked for, and what Serve knows of the one
// under way.
type replays struct {
	mu    sync.Mutex
	spans []span        // guarded by mu; the first is under way
	last  uint64        // guarded by mu; the number of the newest there was
	wake  chan struct{} // holds one: there is a range

	// Guarded by the Forwarder's turn.
	flying uint64 // the range one of whose events was in flight when the connection was lost; 0: none
	suspicion
}

// Replay has events sent again, from one to another, both included, beside new
// ones; a to of 0 is the newest. Events that are not sent yet are left to their
// turn, kinds that are not wanted are left out. What is set aside is released
// when the broker acknowledges it. It is durable on return. Errors:
// storage.ErrNotFound where an end is not in the store, ErrTooManyReplays, ctx's
// and those of storage.Cursor.Commit.
func (f *Forwarder) Replay(ctx context.Context, from, to uint64) (Replay, error) {
	if to == 0 {
		to = f.log.Stats().LastSequence
	}
	r := Replay{From: from, To: to}
	for _, end := range []uint64{from, to} {
		if err := f.present(end); err != nil {
			return r, err
		}
	}
	// What is on its way counts as sent: the broker may have passed it on.
	sent := max(f.acked.Load(), f.sent.Load())
	if err := f.count(ctx, &r, sent); err != nil || r.Events == 0 {
		return r, err
	}
	if err := f.enqueue(ctx, from, min(to, sent)); err != nil {
		return r, fmt.Errorf("replay events %d to %d: %w", from, to, err)
	}
	f.logger.Info("events are to be sent again", "from", from, "to", to, "events", r.Events)
	return r, nil
}

// present returns an error where there is no such event.
func (f *Forwarder) present(seq uint64) error {
	if seq > 0 {
		records, err := f.log.Read(seq-1, 1)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if len(records) > 0 && records[0].Sequence == seq {
			return nil
		}
	}
	return fmt.Errorf("replay event %d: %w", seq, storage.ErrNotFound)
}

// count counts the wanted events of r: up to sent, and after.
func (f *Forwarder) count(ctx context.Context, r *Replay, sent uint64) error {
	for after := r.From - 1; after < r.To; {
		if err := ctx.Err(); err != nil {
			return err
		}
		records, err := f.log.Read(after, batch)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, record := range records {
			after = record.Sequence
			switch {
			case after > r.To || !f.config.everything() && !f.maybeWanted(record.Data):
			case after <= sent:
				r.Events++
			default:
				r.Pending++
			}
		}
	}
	return nil
}

// enqueue adds a range, durably.
func (f *Forwarder) enqueue(ctx context.Context, from, to uint64) error {
	r := &f.replays
	r.mu.Lock()
	if len(r.spans) >= maxReplays {
		r.mu.Unlock()
		return ErrTooManyReplays
	}
	number := r.add(from, to)
	f.cursor.Save(r.update())
	r.mu.Unlock()
	if err := f.cursor.Commit(ctx, storage.Update{}); err != nil {
		f.dequeue(number)
		return err
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// add numbers a range; the caller holds mu.
func (r *replays) add(from, to uint64) (number uint64) {
	r.last++
	r.spans = append(r.spans, span{from, to, r.last})
	return r.last
}

// dequeue ends a range, done or not. It returns false when there is none of
// that number.
func (f *Forwarder) dequeue(number uint64) bool {
	r := &f.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.index(number)
	if i < 0 {
		return false
	}
	r.spans = slices.Delete(r.spans, i, i+1)
	f.cursor.Save(r.update())
	return true
}

// index returns the place of a range, -1 when it is no more; the caller holds
// mu.
func (r *replays) index(number uint64) int {
	return slices.IndexFunc(r.spans, func(s span) bool { return s.number == number })
}

// next returns the range under way.
func (r *replays) next() (s span, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) == 0 {
		return span{}, false
	}
	return r.spans[0], true
}

// wants says that a range was not taken back.
func (r *replays) wants(number uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.index(number) >= 0
}

// replayed notes that a range is done up to an event. What is released is not
// set aside any more, though the range may have been taken back.
func (f *Forwarder) replayed(number, done uint64, release ...uint64) {
	r := &f.replays
	r.mu.Lock()
	defer r.mu.Unlock()
	var u storage.Update
	if i := r.index(number); i >= 0 {
		r.spans[i].from = max(r.spans[i].from, done+1)
		u = r.update()
	}
	u.Release = release
	for _, seq := range release {
		f.unsent.clear(&u, seq)
	}
	f.cursor.Save(u)
}

// finish ends a range of which all was sent.
func (f *Forwarder) finish(s span) {
	if f.dequeue(s.number) {
		f.logger.Info("events were sent again", "to", s.to)
	}
}

// update says which ranges there are; the caller holds mu.
func (r *replays) update() storage.Update {
	var data []byte // nil: none
	for _, s := range r.spans {
		data = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(data, s.from), s.to)
	}
	return storage.Update{Put: map[string][]byte{replayEntry: data}}
}

// restore reads what update wrote. An entry that is not whole is left out: the
// events it was about were delivered or are set aside.
func (r *replays) restore(data []byte) {
	r.wake = make(chan struct{}, 1)
	for ; len(data) >= 16 && len(r.spans) < maxReplays; data = data[16:] {
		from, to := binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
		if from > 0 && from <= to {
			r.add(from, to)
		}
	}
}
