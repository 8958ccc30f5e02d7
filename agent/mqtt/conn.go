package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const (
	// maxWaiting and maxWaitingBytes are how many received messages may wait
	// for their handler. More are not handled.
	maxWaiting      = 256
	maxWaitingBytes = 2 << 20
	// maxLeft is how many messages that are not handled may wait for their
	// PUBACK. They get one, as a broker sends no more when too many are without.
	maxLeft = 1024
)

// A Conn is one connection to a broker, from its acceptance to its end. All
// methods may be called at once from several goroutines.
type Conn struct {
	wire    *wire
	flights *flights
	client  paho.Client
	log     *slog.Logger

	gone   chan struct{} // closed when the library has noticed a loss and failed every token
	useful atomic.Bool

	received chan delivery
	waiting  atomic.Int64 // bytes of received
	left     chan uint16  // ids of messages that are not handled
	overrun  sync.Once
	large    sync.Once
}

// A delivery is a received message on its way to its handler.
type delivery struct {
	message paho.Message
	handle  func(Message)
}

// Publish queues m for the network and returns before it is acknowledged. It
// blocks while the network takes nothing. Publishes of one goroutine are sent
// in the order of the calls. m.Payload is copied. An error means that m was not
// sent: ErrBadMessage, or that the connection or ctx has ended.
func (c *Conn) Publish(ctx context.Context, m Message) (*Token, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
		token, room := c.flights.put(c, m)
		if token != nil {
			return token, nil
		}
		select {
		case <-room: // of an ended connection it is nil
		case <-c.Done():
		case <-ctx.Done():
		}
	}
}

// send hands what is queued to the network, until the connection's end.
func (c *Conn) send() {
	for {
		select {
		case <-c.Done():
			return
		case <-c.flights.ready:
		}
		for {
			packets := c.flights.take()
			if len(packets) == 0 {
				break
			}
			if _, err := c.wire.send(packets, c.flights.progress); err != nil {
				return
			}
		}
	}
}

// offer hands something to the library until it is taken. The library waits
// sendWait for the network and then gives an error; a longer wait there would
// go on after the connection has ended.
func (c *Conn) offer(ctx context.Context, send func() paho.Token) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.Err(); err != nil {
			return err
		}
		began := time.Now()
		token := send()
		select {
		case <-token.Done():
		default:
			return nil
		}
		err := token.Error()
		switch {
		case errors.Is(err, paho.ErrNotConnected):
			c.wire.cut(err)
			return c.Err()
		case err == nil || time.Since(began) < sendWait:
			return nil // it was sent, and has failed since
		}
	}
}

// Acked counts the publishes that the broker acknowledged on this connection.
func (c *Conn) Acked() uint64 {
	acked, _ := c.flights.counts()
	return acked
}

// Unacked counts the publishes sent on this connection that the broker has not
// acknowledged. After the connection's end it stays as it was.
func (c *Conn) Unacked() int {
	_, waiting := c.flights.counts()
	return waiting
}

// Settle waits until something was acknowledged and nothing waits for it, or
// the connection or ctx ends.
func (c *Conn) Settle(ctx context.Context) {
	select {
	case <-c.flights.allAcked():
	case <-c.Done():
	case <-ctx.Done():
	}
}

// Subscribe asks for the messages of filter at QoS 1. It returns when the
// broker has granted it. handle is called for one message after the other; a
// message is acknowledged after handle returned. Handlers run one at a time
// for the whole connection, and may take their time.
func (c *Conn) Subscribe(ctx context.Context, filter string, handle func(Message)) error {
	granted, err := c.RequestSubscription(ctx, filter, handle)
	if err != nil {
		return err
	}
	return granted(ctx)
}

// RequestSubscription is Subscribe that returns when the request was sent.
// granted waits for the broker's answer.
func (c *Conn) RequestSubscription(ctx context.Context, filter string, handle func(Message)) (granted func(context.Context) error, err error) {
	var token *paho.SubscribeToken
	err = c.offer(ctx, func() paho.Token {
		token = c.client.Subscribe(filter, 1, func(_ paho.Client, m paho.Message) {
			c.receive(delivery{message: m, handle: handle})
		}).(*paho.SubscribeToken)
		return token
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	return func(ctx context.Context) error {
		select {
		case <-token.Done():
		case <-c.Done():
			return fmt.Errorf("subscribe to %s: %w", filter, c.Err())
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := token.Error(); err != nil {
			return fmt.Errorf("subscribe to %s: %w", filter, err)
		}
		if code := token.Result()[filter]; code > 2 {
			return fmt.Errorf("subscribe to %s: %w", filter, ErrRefused)
		}
		return nil
	}, nil
}

// ErrRefused comes from Subscribe when the broker does not let us read there.
// The connection lives on.
var ErrRefused = errors.New("refused by the broker")

// Useful notes that the connection does what it is there for. When it is lost
// soon, the next one follows soon all the same.
func (c *Conn) Useful() { c.useful.Store(true) }

// receive is called by the library's reader, which must not wait.
func (c *Conn) receive(d delivery) {
	size := int64(len(d.message.Payload()))
	if c.waiting.Load()+size <= maxWaitingBytes {
		select {
		case c.received <- d:
			c.waiting.Add(size)
			return
		default:
		}
	}
	c.overrun.Do(func() { c.log.Warn("more messages come from the broker than can be handled: some are ignored") })
	c.ignore(d.message.MessageID())
}

// leaveOut is called by the wire's reader, which must not wait either.
func (c *Conn) leaveOut(id uint16, size int) {
	c.large.Do(func() {
		c.log.Warn("a message from the broker is too large and is ignored", "bytes", size, "limit", maxReceived)
	})
	c.ignore(id)
}

// ignore has a message acknowledged that nobody handles.
func (c *Conn) ignore(id uint16) {
	if id == 0 {
		return
	}
	select {
	case c.left <- id:
	default: // the broker has to live without it
	}
}

// dispatch hands received messages to their handlers until the connection's
// end.
func (c *Conn) dispatch() {
	for {
		select {
		case <-c.Done():
			return
		case id := <-c.left:
			c.wire.acknowledge(id)
		case d := <-c.received:
			c.waiting.Add(-int64(len(d.message.Payload())))
			d.handle(Message{
				Topic:    d.message.Topic(),
				QoS:      d.message.Qos(),
				Retained: d.message.Retained(),
				Payload:  d.message.Payload(),
			})
			d.message.Ack()
		}
	}
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.wire.ended }

// Err returns nil while the connection lives, then why it ended.
func (c *Conn) Err() error {
	select {
	case <-c.wire.ended:
		return c.wire.cause
	default:
		return nil
	}
}

// leave ends the connection. A connection that lives and is used by nobody any
// more ends with a goodbye, so that the broker does not publish the will; that
// may take leaveWait. Who publishes while the library says goodbye might wait
// for ever: in a hurry there is none.
func (c *Conn) leave(hurry bool) {
	c.wire.leaving.Store(true)
	if hurry {
		c.wire.cut(ErrLeft)
	}
	if c.Err() != nil {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-c.gone:
		case <-timer.C:
		}
	}
	c.client.Disconnect(uint(leaveWait.Milliseconds()))
	c.wire.cut(ErrLeft)
}
