// Package mqtttest holds brokers for tests: a real mosquitto on a free port,
// and a fake one that misbehaves as it is told.
package mqtttest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// A Reply is what a Fake does about a publish.
type Reply int

const (
	Ack        Reply = iota // PUBACK
	Ignore                  // nothing
	Drop                    // end the connection without a word
	Stall                   // read nothing any more
	AckAndDrop              // both, one after the other
)

// A Publish is what a Fake received.
type Publish struct {
	Connection int // from 1
	Topic      string
	QoS        byte
	Retained   bool
	ID         uint16
	Payload    string
}

// A Fake is a broker for one test. Its fields are set before the first
// connection; its methods may be called at any time.
type Fake struct {
	// Well ends all the misbehaviour of the fields below once it says so. Nil:
	// it never ends.
	Well func() bool
	// Code is answered to CONNECT: 0 accepts.
	Code byte
	// DropWill ends the connection on a CONNECT with a last will that is to be
	// retained, without a word, as mosquitto does where nothing is retained.
	DropWill bool
	// Mute answers nothing at all, not even CONNECT.
	Mute bool
	// NoPing leaves pings unanswered.
	NoPing bool
	// RefuseSubscriptions answers 0x80 to each.
	RefuseSubscriptions bool
	// DropSubscription ends the connection on a filter. Nil: on none.
	DropSubscription func(filter string) bool
	// OnPublish decides about a publish. Nil: Ack. It is called by the
	// connection's own goroutine.
	OnPublish func(p Publish) Reply
	// Answer, when not nil, is sent instead of a PUBACK.
	Answer func(p Publish) []byte
	// Late is how much later than the publish a PUBACK is sent, each for itself.
	Late time.Duration
	// Over, when not nil, is put around each connection.
	Over func(net.Conn) net.Conn

	mu          sync.Mutex
	wg          sync.WaitGroup
	connections int
	live        map[net.Conn]chan struct{} // closed when the fake drops it; nil: done
	logins      []Login
	publishes   []Publish
	acked       []uint16
	filters     []string
	leaves      int
	changed     chan struct{}
}

// A Login is what a CONNECT said.
type Login struct {
	ClientID, Username, Password string
	Protocol                     string
	Level                        byte
	Clean                        bool
	KeepAlive                    uint16
	WillTopic, WillPayload       string
	WillQoS                      byte
	WillRetained                 bool
}

// Dial connects to the fake over a pipe. It fits mqtt.Config.
func (f *Fake) Dial(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	f.take(server)
	return client, nil
}

// Serve takes connections from l until l is closed.
func (f *Fake) Serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		f.take(c)
	}
}

func (f *Fake) take(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connections++
	if f.live == nil {
		f.live = make(map[net.Conn]chan struct{})
	}
	dropped := make(chan struct{})
	f.live[c] = dropped
	wire := c
	if f.Over != nil {
		wire = f.Over(c)
	}
	number := f.connections
	f.wg.Go(func() {
		f.serve(wire, number, dropped)
		_ = c.Close()
		f.mu.Lock()
		delete(f.live, c)
		f.signal()
		f.mu.Unlock()
	})
}

var (
	errDrop  = errors.New("dropped")
	errStall = errors.New("stalled")
)

func (f *Fake) serve(c net.Conn, number int, dropped <-chan struct{}) {
	r := bufio.NewReader(c)
	for {
		p, err := readPacket(r)
		if err != nil {
			return
		}
		answer, err := f.answer(p, number)
		switch {
		case answer == nil:
		case f.Late > 0 && p.kind == 3:
			f.wg.Go(func() {
				time.Sleep(f.Late)
				_, _ = c.Write(answer) // the connection may have ended
			})
		default:
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
		if errors.Is(err, errStall) {
			<-dropped
			return
		}
		if err != nil {
			return
		}
	}
}

// answer notes a packet and returns what is sent back; an error ends the
// connection.
func (f *Fake) answer(p packet, number int) ([]byte, error) {
	ill := f.Well == nil || !f.Well()
	if f.Mute && ill {
		return nil, nil
	}
	switch p.kind {
	case 1: // CONNECT
		f.note(func() { f.logins = append(f.logins, p.login()) })
		if f.DropWill && ill && p.login().WillRetained {
			return nil, errDrop
		}
		if f.Code != 0 && ill {
			return []byte{0x20, 2, 0, f.Code}, errDrop
		}
		return []byte{0x20, 2, 0, 0}, nil
	case 3: // PUBLISH
		m := p.publish(number)
		f.note(func() { f.publishes = append(f.publishes, m) })
		reply := Ack
		if f.OnPublish != nil && ill {
			reply = f.OnPublish(m)
		}
		switch {
		case reply == Drop:
			return nil, errDrop
		case reply == Stall:
			return nil, errStall
		case reply == Ignore || m.QoS == 0:
			return nil, nil
		case f.Answer != nil && ill:
			return f.Answer(m), nil
		}
		ack := []byte{0x40, 2, byte(m.ID >> 8), byte(m.ID)}
		if reply == AckAndDrop {
			return ack, errDrop
		}
		return ack, nil
	case 4: // PUBACK
		f.note(func() { f.acked = append(f.acked, uint16(p.rest[0])<<8|uint16(p.rest[1])) })
	case 8: // SUBSCRIBE
		f.note(func() { f.filters = append(f.filters, text(p.rest[2:])) })
		if f.DropSubscription != nil && ill && f.DropSubscription(text(p.rest[2:])) {
			return nil, errDrop
		}
		code := byte(1)
		if f.RefuseSubscriptions && ill {
			code = 0x80
		}
		return []byte{0x90, 3, p.rest[0], p.rest[1], code}, nil
	case 12: // PINGREQ
		if !f.NoPing || !ill {
			return []byte{0xd0, 0}, nil
		}
	case 14: // DISCONNECT
		f.note(func() { f.leaves++ })
		return nil, errDrop
	}
	return nil, nil
}

func (f *Fake) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
	f.signal()
}

// signal wakes Wait; f.mu is held.
func (f *Fake) signal() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// Wait blocks until ok says so, which is asked again after every change, and
// returns false when ctx ended first.
func (f *Fake) Wait(ctx context.Context, ok func() bool) bool {
	for {
		f.mu.Lock()
		if f.changed == nil {
			f.changed = make(chan struct{})
		}
		changed := f.changed
		f.mu.Unlock()
		if ok() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Send gives a message to every connection there is, subscribed or not.
func (f *Fake) Send(topic, payload string, id uint16, retained bool) {
	f.mu.Lock()
	conns := make([]net.Conn, 0, len(f.live))
	for c := range f.live {
		conns = append(conns, c)
	}
	f.mu.Unlock()
	for _, c := range conns {
		_, _ = c.Write(PublishPacket(topic, payload, id, retained))
	}
}

// Write gives bytes, whatever they are, to every connection there is.
func (f *Fake) Write(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.live {
		_, _ = c.Write(b)
	}
}

// Drop ends every connection there is, without a word.
func (f *Fake) Drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, dropped := range f.live {
		_ = c.Close()
		if dropped != nil {
			close(dropped)
			f.live[c] = nil
		}
	}
}

// Close is Drop that waits for the fake's goroutines.
func (f *Fake) Close() {
	f.Drop()
	f.wg.Wait()
}

// Publishes returns what was received so far, in order.
func (f *Fake) Publishes() []Publish {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.publishes)
}

// Logins returns every CONNECT so far.
func (f *Fake) Logins() []Login {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.logins)
}

// Filters returns the subscriptions asked for so far.
func (f *Fake) Filters() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.filters)
}

// Acked returns the ids of the client's PUBACKs so far.
func (f *Fake) Acked() []uint16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acked)
}

// Leaves counts DISCONNECT packets, Live connections now, Connections all.
func (f *Fake) Leaves() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leaves
}

// Live counts the connections there are now.
func (f *Fake) Live() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// Connections counts the connections there have been.
func (f *Fake) Connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connections
}
