package mqtttest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// A Subscriber collects the messages of one filter, with a session that the
// broker keeps while the two are apart. It speaks MQTT on its own, so that
// what it says does not rest on the client under test.
type Subscriber struct {
	dial   func(context.Context) (net.Conn, error)
	id     string
	filter string

	mu      sync.Mutex
	all     []Publish
	changed chan struct{}
}

// Subscribe starts a Subscriber on the broker at addr and returns when it is
// subscribed. stop ends it and waits.
func Subscribe(ctx context.Context, addr, filter string) (s *Subscriber, stop func(), err error) {
	return SubscribeOver(ctx, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}, filter)
}

// SubscribeOver is Subscribe with a connection of any kind.
func SubscribeOver(ctx context.Context, dial func(context.Context) (net.Conn, error), filter string) (s *Subscriber, stop func(), err error) {
	s = &Subscriber{dial: dial, id: fmt.Sprintf("subscriber-%s", filter), filter: filter, changed: make(chan struct{})}
	run, cancel := context.WithCancel(context.Background())
	subscribed := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		for run.Err() == nil {
			_ = s.connection(run, func() { once.Do(func() { close(subscribed) }) })
			select {
			case <-run.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	stop = func() {
		cancel()
		wg.Wait()
	}
	select {
	case <-subscribed:
		return s, stop, nil
	case <-ctx.Done():
		stop()
		return nil, nil, fmt.Errorf("subscribe to %s: %w", filter, ctx.Err())
	}
}

func (s *Subscriber) connection(ctx context.Context, subscribed func()) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if err := login(c, s.id, false); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if _, err := readPacket(r); err != nil { // CONNACK
		return err
	}
	filter := append([]byte{0, 1, 0, byte(len(s.filter))}, s.filter...)
	if err := send(c, 0x82, append(filter, 1)); err != nil {
		return err
	}
	for {
		p, err := readPacket(r)
		if err != nil {
			return err
		}
		switch p.kind {
		case 9:
			subscribed()
		case 3:
			m := p.publish(0)
			if m.QoS > 0 {
				if err := send(c, 0x40, []byte{byte(m.ID >> 8), byte(m.ID)}); err != nil {
					return err
				}
			}
			s.mu.Lock()
			s.all = append(s.all, m)
			close(s.changed)
			s.changed = make(chan struct{})
			s.mu.Unlock()
		}
	}
}

// login sends a CONNECT without a keep alive.
func login(c net.Conn, id string, clean bool) error {
	flags := byte(0)
	if clean {
		flags = 2
	}
	connect := append([]byte("\x00\x04MQTT\x04"), flags, 0, 0, 0, byte(len(id)))
	return send(c, 0x10, append(connect, id...))
}

func send(c net.Conn, kind byte, rest []byte) error {
	_, err := c.Write(append([]byte{kind, byte(len(rest))}, rest...))
	return err
}

// Messages returns what was received so far, repeats included.
func (s *Subscriber) Messages() []Publish {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Wait blocks until ok says so, which is asked again after each message, and
// returns false when ctx ended first.
func (s *Subscriber) Wait(ctx context.Context, ok func([]Publish) bool) bool {
	for {
		s.mu.Lock()
		all, changed := s.all, s.changed
		s.mu.Unlock()
		if ok(all) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// PublishOnce publishes a message at QoS 1 on a connection of its own, and
// returns when the broker has it.
func PublishOnce(ctx context.Context, addr, topic, payload string, retained bool) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if err := login(c, "publisher", true); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if _, err := readPacket(r); err != nil { // CONNACK
		return err
	}
	if _, err := c.Write(PublishPacket(topic, payload, 1, retained)); err != nil {
		return err
	}
	_, err = readPacket(r) // PUBACK
	return err
}
