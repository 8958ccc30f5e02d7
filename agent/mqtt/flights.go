package mqtt

import (
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// flights are the publishes of one connection that wait for their PUBACK. It
// is the client library's store, one that keeps nothing and gives nothing
// back: what is not acknowledged is sent again from our own log only.
type flights struct {
	mu    sync.Mutex
	sent  map[uint16]uint64 // by packet id: the number of the publish
	queue []queued          // in the order of sending; those at the front may be acknowledged
	count uint64            // publishes so far
	acked uint64
	ended bool          // the connection has
	quiet chan struct{} // closed when nothing waits and something was acknowledged; nil: nobody asks
	head  time.Time     // when the oldest became the oldest
}

// queued is a publish in the order of sending.
type queued struct {
	id      uint16
	number  uint64
	written time.Time // when all of it was handed to the network; zero: not yet
}

var _ paho.Store = (*flights)(nil)

func newFlights() *flights { return &flights{sent: make(map[uint16]uint64)} }

// Put is called before a packet is sent.
func (f *flights) Put(_ string, packet packets.ControlPacket) {
	p, ok := packet.(*packets.PublishPacket)
	if !ok || p.Qos == 0 {
		return
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	if len(f.sent) == 0 {
		f.queue = f.queue[:0]
		f.head = now
	}
	f.count++
	f.sent[p.MessageID] = f.count
	f.queue = append(f.queue, queued{id: p.MessageID, number: f.count})
}

// written notes that a publish was handed to the network: now its PUBACK is
// due.
func (f *flights) written(id uint16) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	number, ok := f.sent[id]
	// Publishes are written in nearly the order in which they were put, and at
	// once.
	for i := len(f.queue) - 1; ok && i >= 0; i-- {
		if f.queue[i].number == number {
			f.queue[i].written = now
			return
		}
	}
}

// ack notes a PUBACK.
func (f *flights) ack(id uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.sent[id]; ok {
		f.remove(id)
		f.acked++
		f.tellQuiet()
	}
}

// tellQuiet wakes who waits for the acknowledgement of everything; the caller
// holds the lock.
func (f *flights) tellQuiet() {
	if f.quiet != nil && len(f.sent) == 0 && f.acked > 0 {
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

// forget takes a publish back that was not sent.
func (f *flights) forget(id uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(id)
}

// remove takes a publish out, and notes when another becomes the oldest.
func (f *flights) remove(id uint16) {
	delete(f.sent, id)
	for len(f.queue) > 0 && f.sent[f.queue[0].id] != f.queue[0].number {
		f.queue = f.queue[1:]
		f.head = time.Now()
	}
}

// end notes that nothing can be sent any more.
func (f *flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

func (f *flights) has(id uint16) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.sent[id]
	return ok
}

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
	if len(f.sent) == 0 || f.queue[0].written.IsZero() {
		return time.Time{}
	}
	if w := f.queue[0].written; w.After(f.head) {
		return w
	}
	return f.head
}

func (f *flights) Open()                            {}
func (f *flights) Close()                           {}
func (f *flights) Reset()                           {}
func (f *flights) Del(string)                       {}
func (f *flights) All() []string                    { return nil }
func (f *flights) Get(string) packets.ControlPacket { return nil }
