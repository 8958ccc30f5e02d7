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
	mu     sync.Mutex
	sent   map[uint16]time.Time
	acked  uint64
	closed bool
}

var _ paho.Store = (*flights)(nil)

func newFlights() *flights { return &flights{sent: make(map[uint16]time.Time)} }

// Put is called before a packet is sent.
func (f *flights) Put(_ string, packet packets.ControlPacket) {
	p, ok := packet.(*packets.PublishPacket)
	if !ok || p.Qos == 0 {
		return
	}
	now := time.Now()
	f.mu.Lock()
	f.sent[p.MessageID] = now
	f.mu.Unlock()
}

// ack notes a PUBACK.
func (f *flights) ack(id uint16) {
	f.mu.Lock()
	if _, ok := f.sent[id]; ok {
		delete(f.sent, id)
		f.acked++
	}
	f.mu.Unlock()
}

// forget takes a publish back that was not sent.
func (f *flights) forget(id uint16) {
	f.mu.Lock()
	delete(f.sent, id)
	f.mu.Unlock()
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

// oldest returns when the publish was sent that waits longest; zero: none.
func (f *flights) oldest() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first time.Time
	for _, t := range f.sent {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

func (f *flights) Open()                            {}
func (f *flights) Close()                           {}
func (f *flights) Reset()                           {}
func (f *flights) Del(string)                       {}
func (f *flights) All() []string                    { return nil }
func (f *flights) Get(string) packets.ControlPacket { return nil }
