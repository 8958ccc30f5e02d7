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
	head  time.Time // when the oldest became the oldest, or was last known to be on its way
}

// queued is a publish in the order of sending.
type queued struct {
	id     uint16
	number uint64
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
	if len(f.sent) == 0 {
		f.queue = f.queue[:0]
		f.head = now
	}
	f.count++
	f.sent[p.MessageID] = f.count
	f.queue = append(f.queue, queued{p.MessageID, f.count})
}

// ack notes a PUBACK.
func (f *flights) ack(id uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.sent[id]; ok {
		f.remove(id)
		f.acked++
	}
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

// proceed notes that the oldest was on its way to the broker until now.
func (f *flights) proceed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head = time.Now()
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

// waitingSince returns since when the broker owes the PUBACK of the oldest
// publish; zero: it owes none. On a slow line many may be on their way, so the
// age of one does not tell.
func (f *flights) waitingSince() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sent) == 0 {
		return time.Time{}
	}
	return f.head
}

func (f *flights) Open()                            {}
func (f *flights) Close()                           {}
func (f *flights) Reset()                           {}
func (f *flights) Del(string)                       {}
func (f *flights) All() []string                    { return nil }
func (f *flights) Get(string) packets.ControlPacket { return nil }
