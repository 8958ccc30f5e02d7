package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// firstID is the first packet id of our publishes. The library numbers the
	// few subscriptions of a connection from 1.
	firstID = 256
	// maxQueued is how many bytes may wait for the network, the last message
	// apart, before Publish blocks.
	maxQueued = 64 << 10
)

// ErrNotSent is in Token.Err when the connection ended before the publish was
// handed to the network.
var ErrNotSent = errors.New("not sent before the connection ended")

var errNotAcknowledged = errors.New("not acknowledged before the connection ended")

// flights are the publishes of one connection, from Publish to their PUBACK.
// The client library knows nothing of them: it would take some forty
// allocations and four changes of goroutine for each, and a write of its own.
type flights struct {
	ready chan struct{} // there is something to write; capacity 1

	mu     sync.Mutex
	buffer []byte        // packets that wait for the network
	queued []*Token      // of buffer
	room   chan struct{} // closed when there is some in buffer again; nil: nobody waits

	spare   []byte   // packets being handed to the network
	handing []*Token // of spare: those that are not handed over yet
	begun   int      // of handing: how many have begun

	lastID uint16
	sent   map[uint16]*Token // begun and not acknowledged
	order  []*Token          // in the order of sending; those at the front may be acknowledged
	acked  uint64
	head   time.Time     // when the oldest became the oldest
	quiet  chan struct{} // closed when nothing waits and something was acknowledged; nil: nobody asks
	ended  bool          // the connection has
}

// A Token follows one publish.
type Token struct {
	conn     *Conn
	id       uint16    // 0: of QoS 0
	from, to int       // its place among those being handed over
	handed   time.Time // when all of it was handed to the network; zero: not yet
	done     chan struct{}
	err      error // set before done is closed
}

// Done is closed when the publish was acknowledged, and when it will not be.
// A publish of QoS 0 is done when it was handed to the network.
func (t *Token) Done() <-chan struct{} { return t.done }

// Err returns, once Done is closed, nil when the broker acknowledged the
// publish on this very connection, else why it did not. Before: nil.
func (t *Token) Err() error {
	select {
	case <-t.done:
	default:
		return nil
	}
	if t.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", t.err, t.conn.Err())
}

func newFlights() *flights {
	return &flights{ready: make(chan struct{}, 1), sent: make(map[uint16]*Token), lastID: firstID - 1}
}

// put queues a message. Where there is no room it returns a channel that is
// closed when there may be again. After the end it returns neither.
func (f *flights) put(c *Conn, m Message) (t *Token, room <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return nil, nil
	case len(f.buffer) >= maxQueued:
		if f.room == nil {
			f.room = make(chan struct{})
		}
		return nil, f.room
	}
	t = &Token{conn: c, from: len(f.buffer), done: make(chan struct{})}
	if m.QoS > 0 {
		t.id = f.newID()
	}
	f.buffer = appendPublish(f.buffer, m, t.id)
	t.to = len(f.buffer)
	f.queued = append(f.queued, t)
	select {
	case f.ready <- struct{}{}:
	default:
	}
	return t, nil
}

// newID returns a packet id that is not in use. There are always some: windows
// are much smaller.
func (f *flights) newID() uint16 {
	for {
		if f.lastID++; f.lastID < firstID {
			f.lastID = firstID
		}
		if f.sent[f.lastID] == nil {
			return f.lastID
		}
	}
}

// appendPublish appends a PUBLISH packet: MQTT 3.1.1, section 3.3.
func appendPublish(b []byte, m Message, id uint16) []byte {
	length := 2 + len(m.Topic) + len(m.Payload)
	if m.QoS > 0 {
		length += 2
	}
	first := byte(packetPublish)<<4 | m.QoS<<1
	if m.Retained {
		first |= 1
	}
	b = append(b, first)
	for ; length >= 0x80; length >>= 7 {
		b = append(b, byte(length)|0x80)
	}
	b = append(b, byte(length))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Topic)))
	b = append(b, m.Topic...)
	if m.QoS > 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	return append(b, m.Payload...)
}

// take returns what is to be handed to the network now: all that is queued. It
// stays as it is until the next call.
func (f *flights) take() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffer, f.spare = f.spare[:0], f.buffer
	if cap(f.buffer) > 2*maxQueued {
		f.buffer = nil // after a large message
	}
	f.queued, f.handing, f.begun = f.handing[:0], f.queued, 0
	if f.room != nil {
		close(f.room)
		f.room = nil
	}
	return f.spare
}

// progress notes how far what was taken is being handed to the network, and
// how far it was: from then on a PUBACK is due.
func (f *flights) progress(begun, handed int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	for ; f.begun < len(f.handing) && f.handing[f.begun].from < begun; f.begun++ {
		t := f.handing[f.begun]
		if t.id == 0 {
			continue
		}
		if len(f.sent) == 0 {
			f.order, f.head = f.order[:0], now
		}
		f.sent[t.id] = t
		f.order = append(f.order, t)
	}
	n := 0
	for ; n < len(f.handing) && f.handing[n].to <= handed; n++ {
		t := f.handing[n]
		t.handed = now
		if t.id == 0 {
			close(t.done)
		}
	}
	f.handing, f.begun = slices.Delete(f.handing, 0, n), f.begun-n
}

// ack notes a PUBACK.
func (f *flights) ack(id uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.sent[id]
	if t == nil || f.ended {
		return
	}
	delete(f.sent, id)
	f.acked++
	close(t.done)
	for len(f.order) > 0 && f.sent[f.order[0].id] != f.order[0] {
		f.order = f.order[1:]
		f.head = time.Now()
	}
	f.tellQuiet()
}

// tellQuiet wakes who waits for the acknowledgement of everything; the caller
// holds the lock.
func (f *flights) tellQuiet() {
	if f.quiet != nil && f.acked > 0 && len(f.sent)+len(f.queued)+len(f.handing) == 0 {
		close(f.quiet)
		f.quiet = nil
	}
}

// allAcked returns a channel that is closed when nothing waits and something
// was acknowledged.
func (f *flights) allAcked() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.quiet == nil {
		f.quiet = make(chan struct{})
	}
	c := f.quiet
	f.tellQuiet()
	return c
}

// end notes that nothing is sent any more: what is counted stays as it is.
func (f *flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

// fail is called after the end. It completes everything with an error: what is
// not acknowledged is sent again from our own log, on another connection.
func (f *flights) fail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	lose := func(t *Token, why error) {
		select {
		case <-t.done:
		default:
			t.err = why
			close(t.done)
		}
	}
	for _, t := range f.sent {
		lose(t, errNotAcknowledged)
	}
	for _, t := range slices.Concat(f.handing, f.queued) {
		lose(t, ErrNotSent)
	}
}

// counts says how many were acknowledged, and how many are at the broker, or
// on their way, and are not.
func (f *flights) counts() (acked uint64, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acked, len(f.sent)
}

// dueSince returns since when the broker owes the PUBACK of the oldest
// publish; zero: it owes none, as on a slow line the oldest may be on its way
// for long. That it gets ahead there is the wire's affair.
func (f *flights) dueSince() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sent) == 0 || f.order[0].handed.IsZero() {
		return time.Time{}
	}
	if at := f.order[0].handed; at.After(f.head) {
		return at
	}
	return f.head
}
