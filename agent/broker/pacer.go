package broker

import (
	"errors"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// behind is how many messages a subscriber may owe its acknowledgement
	// for before the events of this process wait for it.
	behind = 1024
	// patience is how long they wait. It must be well below the 20 s after
	// which the publisher gives up.
	patience = 8 * time.Second
	// glance is how often the subscriber is looked at meanwhile.
	glance = 2 * time.Millisecond
)

var errBehind = errors.New("too far behind")

// A pacer holds back what this process publishes while a subscriber cannot
// follow. The library acknowledges a publish before it passes it on, and
// throws away what a subscriber has no room for.
type pacer struct {
	mqtt.HookBase
	ended <-chan struct{} // the broker stops

	mu      sync.Mutex
	clients map[*mqtt.Client]bool // connected over the network
}

// ID names the hook for the library.
func (p *pacer) ID() string { return "pacer" }

// Provides says which of the library's calls it takes.
func (p *pacer) Provides(b byte) bool {
	return b == mqtt.OnSessionEstablished || b == mqtt.OnDisconnect || b == mqtt.OnPublish
}

// OnSessionEstablished notes a client that may subscribe.
func (p *pacer) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	if cl.Net.Listener == inside {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[cl] = true
}

// OnDisconnect forgets it.
func (p *pacer) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, cl)
}

// OnPublish is called before a publish is acknowledged and passed on. It waits
// for the slowest subscriber, and ends the connection of one that takes
// nothing at all.
func (p *pacer) OnPublish(from *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if from.Net.Listener == inside && pk.FixedHeader.Qos > 0 {
		for slow := p.slowest(); slow != nil; slow = p.slowest() {
			p.wait(slow)
		}
	}
	return pk, nil
}

// slowest returns a client that is too far behind; nil: there is none.
func (p *pacer) slowest() *mqtt.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	for cl := range p.clients {
		if !cl.Closed() && cl.State.Inflight.Len() >= behind {
			return cl
		}
	}
	return nil
}

// wait returns when a client has caught up, or is gone.
func (p *pacer) wait(cl *mqtt.Client) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for !cl.Closed() && cl.State.Inflight.Len() >= behind {
		select {
		case <-ticker.C:
		case <-deadline.C:
			cl.Stop(errBehind)
		case <-p.ended:
			cl.Stop(errBehind)
		}
	}
}
