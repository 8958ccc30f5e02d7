package forward

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
	"deskbell/storage"
)

// A delivery is what a Forwarder does on one connection: one goroutine reads
// and publishes, another waits for the acknowledgements in the same order and
// moves the cursor.
type delivery struct {
	*Forwarder
	conn    *mqtt.Conn
	window  *window
	flights chan flight

	replaying replaying

	first uint64 // the first event in flight when the connection ended; 0: none
	alone bool   // it was the only publish in flight
}

// A flight is an event on its way; without a token it is one that is not sent.
type flight struct {
	sequence uint64
	accepted time.Duration
	token    *mqtt.Token // nil: not sent
	fault    error       // why it cannot be
}

// errFault is why no message could be made of an event.
var errFault = errors.New("a fault of this program")

// run returns after both goroutines have ended.
func (d *delivery) run(ctx context.Context) error {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	// The acknowledgements outlive ctx by a while.
	waiting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		timer := time.NewTimer(farewell)
		defer timer.Stop()
		select {
		case <-timer.C:
			end()
		case <-waiting.Done():
		}
	})()
	if !d.replayFirst(ctx, waiting) {
		return nil
	}
	if d.replaying.until = d.log.Stats().LastSequence; !d.lost || d.acked.Load() >= d.replaying.until {
		d.replaying.begin()
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if !d.land(waiting) {
			stop()
			for range d.flights {
			}
		}
	})
	wg.Go(func() { d.replayAll(sending, waiting) })
	err := d.send(sending)
	stop()
	close(d.flights)
	wg.Wait()
	if ctx.Err() != nil || d.conn.Err() != nil {
		return nil // it is known why
	}
	return err
}

// send reads events and publishes them, as far as the window lets it.
func (d *delivery) send(ctx context.Context) error {
	after := d.acked.Load()
	var payloads buffer
	works := d.config.Working
	defer works(false)
	for {
		works(false)
		forgets := d.log.Forgets()
		records, err := d.log.Next(ctx, after, batch)
		if err != nil {
			return fmt.Errorf("read events after %d: %w", after, err)
		}
		for _, r := range records {
			works(true)
			fl := flight{sequence: r.Sequence, accepted: r.Elapsed}
			m, wanted, err := d.message(r, &payloads)
			switch {
			case err != nil:
				fl.fault = err
			case wanted:
				works(false)
				if !d.window.take(ctx) {
					return ctx.Err()
				}
				works(true)
				if d.forgotten(r.Sequence, forgets) {
					d.window.back()
					break
				}
				works(false)
				fl.token, err = d.conn.Publish(ctx, m)
				switch {
				case errors.Is(err, mqtt.ErrBadMessage):
					d.window.back()
					fl.fault = err
				case err != nil:
					return fmt.Errorf("publish event %d: %w", r.Sequence, err)
				default:
					d.sent.Store(r.Sequence)
				}
			}
			works(false)
			select {
			case d.flights <- fl:
			case <-ctx.Done():
				return ctx.Err()
			}
			after = r.Sequence
		}
	}
}

// forgotten says whether an event is gone that was read when so much had been
// forgotten: it is not to be sent.
func (f *Forwarder) forgotten(sequence, forgets uint64) bool {
	if f.log.Forgets() == forgets {
		return false
	}
	_, err := f.log.Get(sequence)
	return errors.Is(err, storage.ErrNotFound)
}

// message makes the publish of an event, with b for its payload, unless it is
// not wanted. A fault of this program in one event must not end it: it would
// come again after each start.
func (f *Forwarder) message(r storage.Record, b *buffer) (m mqtt.Message, wanted bool, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			f.trace.Do(func() {
				f.logger.Error("a fault of this program", "sequence", r.Sequence, "stack", string(debug.Stack()))
			})
			err = fmt.Errorf("%w (%T)", errFault, panicked) // not its words, which may quote the event
		}
	}()
	var e event.Event
	if f.config.Format == Raw && !f.topic.uses("type", "account", "bot", "conversation") {
		e.Kind = f.decoder.Kind(r.Data)
	} else {
		e = f.decoder.EventOf(r.ID, r.Data)
	}
	if !f.wanted(e.Kind) {
		return mqtt.Message{}, false, nil
	}
	return mqtt.Message{Topic: f.topic.topic(f.config.Device, e), QoS: 1, Payload: f.payload(r, e, b)}, true, nil
}

// land waits for the acknowledgements, in order, and moves the cursor. It
// returns false at the first that will not come.
func (d *delivery) land(ctx context.Context) bool {
	done := d.acked.Load() // what the cursor is to say
	var aside []uint64     // and what it is to hold
	save := func() {
		if done > d.acked.Load() {
			d.acked.Store(done)
			u := storage.Update{Position: done, Hold: aside}
			d.unsent.note(&u)
			d.cursor.Save(u)
			aside = nil
			d.changed()
		}
		if done >= d.replaying.until {
			d.replaying.begin()
		}
	}
	defer save()
	for {
		var fl flight
		var ok bool
		select {
		case fl, ok = <-d.flights:
		default:
			save() // before waiting
			fl, ok = <-d.flights
		}
		if !ok {
			return true
		}
		if fl.token != nil {
			select {
			case <-fl.token.Done():
			default:
				save()
				select {
				case <-fl.token.Done():
				case <-ctx.Done():
					return false
				}
			}
			if err := fl.token.Err(); err != nil {
				if !errors.Is(err, mqtt.ErrNotSent) {
					d.first, d.alone = fl.sequence, d.conn.Unacked() == 1
				}
				return false
			}
			d.conn.Useful()
			d.window.give()
			d.replaying.begin()
			d.delivered(d.log.Elapsed() - fl.accepted)
		}
		if fl.fault != nil {
			d.logger.Warn("event set aside: it cannot be sent", "sequence", fl.sequence, "error", fl.fault)
			aside = append(aside, fl.sequence)
		}
		done = fl.sequence
	}
}
