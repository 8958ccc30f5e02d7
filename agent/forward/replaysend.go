package forward

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"deskbell/agent/mqtt"
	"deskbell/storage"
)

// A replaying is what a delivery does about replays: it sends ranges beside new
// events, in their own order.
//
// Which event ends a connection shows where one is alone in flight. So after a
// loss the event of a range that was in flight is tried before anything else,
// and then a range waits until the first new event was acknowledged: each has
// a turn alone, as the window is one.
type replaying struct {
	first uint64        // the first event in flight when the connection ended; 0: none
	of    uint64        // the range it belongs to
	alone bool          // it was the only publish in flight
	until uint64        // new events up to this one come first
	begun chan struct{} // closed when the first of them was acknowledged
	once  sync.Once
}

// begin lets ranges be sent.
func (r *replaying) begin() { r.once.Do(func() { close(r.begun) }) }

// share is how many events of a range may be in flight: a part of the window,
// so that new ones have the rest.
func (f *Forwarder) share() int { return max(1, f.config.Window/8) }

// replayFirst sends the event of a range that was in flight when a connection
// was lost, alone. It returns false when this one has ended, too.
func (d *delivery) replayFirst(ctx, waiting context.Context) bool {
	if s, ok := d.replays.next(); ok && s.number == d.replays.flying {
		v := volley{delivery: d, ctx: ctx, waiting: waiting, alone: true}
		v.run()
	}
	return ctx.Err() == nil && d.conn.Err() == nil
}

// replayAll sends ranges until ctx ends or the connection does; waiting bounds
// the wait for what is in flight then.
func (d *delivery) replayAll(ctx, waiting context.Context) {
	select {
	case <-d.replaying.begun:
	case <-ctx.Done():
		return
	}
	for {
		v := volley{delivery: d, ctx: ctx, waiting: waiting}
		if !v.run() {
			return
		}
		if _, more := d.replays.next(); more {
			continue
		}
		select {
		case <-d.replays.wake:
		case <-ctx.Done():
			return
		}
	}
}

// A volley sends one range, or of it one event alone.
type volley struct {
	*delivery
	ctx, waiting context.Context
	alone        bool
	span         span     // what it sends
	forgets      uint64   // when the events were read
	flying       []flight // not landed yet, in their order
	payloads     buffer
}

// run returns false when it came to no good end.
func (v *volley) run() bool {
	s, ok := v.replays.next()
	if !ok {
		return true
	}
	v.span = s
	defer v.settle()
	for after := s.from - 1; after < s.to; {
		v.forgets = v.log.Forgets()
		records, err := v.log.Read(after, batch)
		if err != nil {
			v.logger.Warn("events are not sent again on this connection", "error", err)
			return false
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			if after = r.Sequence; after > s.to || !v.replays.wants(s.number) {
				after = s.to
				break
			}
			sent, ok := v.send(r)
			if !ok {
				return false
			}
			if sent && v.alone {
				return v.land()
			}
		}
	}
	for len(v.flying) > 0 {
		if !v.land() {
			return false
		}
	}
	v.finish(s) // what is not there any more is done, too
	return true
}

// settle says what was in flight, if the connection has ended.
func (v *volley) settle() {
	if v.conn.Err() == nil {
		return
	}
	for _, fl := range v.flying {
		if fl.token == nil {
			continue
		}
		<-fl.token.Done() // by the end of the connection, if nothing else
		if err := fl.token.Err(); err != nil && !errors.Is(err, mqtt.ErrNotSent) {
			v.replaying.first, v.replaying.of, v.replaying.alone = fl.sequence, v.span.number, v.conn.Unacked() == 1
			return
		}
	}
}

// send publishes one event, if it can be and is wanted.
func (v *volley) send(r storage.Record) (sent, ok bool) {
	for len(v.flying) > 0 && (v.flying[0].token == nil || len(v.flying) >= batch) {
		if !v.land() {
			return false, false
		}
	}
	m, wanted, err := v.message(r, &v.payloads)
	fl := flight{sequence: r.Sequence, fault: err}
	if wanted && err == nil {
		if !v.place() {
			return false, false
		}
		if !v.forgotten(r.Sequence, v.forgets) {
			fl.token, fl.fault = v.conn.Publish(v.ctx, m)
		}
		if fl.token == nil {
			v.window.back()
		}
		if fl.fault != nil && !errors.Is(fl.fault, mqtt.ErrBadMessage) {
			return false, false
		}
	}
	v.flying = append(v.flying, fl)
	return fl.token != nil, true
}

// place waits for a place in the window, and gives back those that it has.
func (v *volley) place() bool {
	for len(v.flying) >= v.share() {
		if !v.land() {
			return false
		}
	}
	for !v.window.try() {
		if len(v.flying) == 0 {
			return v.window.take(v.ctx)
		}
		if !v.land() {
			return false
		}
	}
	return true
}

// land waits for the acknowledgement of the first of those in flight. It
// returns false when that will not come.
func (v *volley) land() bool {
	fl := v.flying[0]
	switch {
	case fl.fault != nil:
		v.logger.Warn("event stays set aside: it cannot be sent", "sequence", fl.sequence, "error", fl.fault)
		v.replayed(v.span.number, fl.sequence)
	case fl.token == nil: // not wanted
		v.replayed(v.span.number, fl.sequence, fl.sequence)
	default:
		select {
		case <-fl.token.Done():
		case <-v.waiting.Done():
			return false
		}
		if fl.token.Err() != nil {
			return false
		}
		v.conn.Useful()
		if v.alone {
			v.window.back() // not wider: the first new event is to be alone, too
		} else {
			v.window.give()
		}
		v.replayed(v.span.number, fl.sequence, fl.sequence)
	}
	v.flying = v.flying[1:]
	return true
}

// judgeReplay sets the suspect of a range aside when it has ended enough
// connections, or leaves it so, and has the range go on after it.
func (f *Forwarder) judgeReplay(ctx context.Context) error {
	r := &f.replays
	if r.strikes < strikes {
		return nil
	}
	if f.present(r.suspect) == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWait)
		defer cancel()
		if err := f.cursor.Commit(ctx, storage.Update{Hold: []uint64{r.suspect}}); err != nil {
			return fmt.Errorf("set event %d aside: %w", r.suspect, err)
		}
		var u storage.Update
		f.unsent.clear(&u, r.suspect)
		f.cursor.Save(u)
	}
	f.replayed(r.flying, r.suspect)
	f.logger.Warn("event stays set aside: the broker ends the connection on it", "sequence", r.suspect, "connections", r.strikes)
	r.suspicion, r.flying = suspicion{}, 0
	f.changed()
	return nil
}
