package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"deskbell/agent/mqtt"
)

const (
	// settleWait is how long the events wait for the answer to what a careful
	// connection says first, where the broker is slow.
	settleWait = 2 * time.Second
	// firstRest and longestRest are for how long the availability is left out at
	// first, and at most: each time twice as long. Connections that end soon for
	// another reason, such as a second client with our id, are so no more than a
	// minute's silence.
	firstRest   = time.Minute
	longestRest = time.Hour
)

// A Beacon is the mqtt.Session that says that the device is there and nothing
// else: of a further connection to a broker that a Hub is on already, so that
// each command is done once and each state is told once.
//
// Its acknowledgement shows that the broker acknowledges at all. A broker may
// end the connection on it instead, one that keeps no retained messages for
// instance; the events behind it would never arrive. So when a connection ends
// before it is answered, it is alone in flight on the next ones, and is left
// out for a while after as many as of anything else.
type Beacon struct {
	base string
	log  *slog.Logger

	// Of the connection at hand, or between two of the last one. Greet, Serve
	// and learn are called one after the other.
	said     *mqtt.Token // nil: left out
	answered bool        // and the connection lived on
	alone    bool        // nothing else is in flight yet
	careful  bool        // the connection before ended too soon
	times    int         // connections in a row that ended on it

	mu    sync.Mutex
	until time.Time     // it is left out until then
	rest  time.Duration // for so long; 0: the broker takes it, as far as we know
}

var _ mqtt.Greeter = (*Beacon)(nil)

// NewBeacon returns a beacon under base.
func NewBeacon(base string, log *slog.Logger) *Beacon { return &Beacon{base: base, log: log} }

// Greet says that the device is online.
func (b *Beacon) Greet(ctx context.Context, c *mqtt.Conn) (err error) {
	defer func() {
		if err != nil {
			b.learn(c) // there will be no Serve
		}
	}()
	b.said, b.answered, b.alone = nil, false, false
	if b.pause() > 0 {
		return nil
	}
	if err := b.say(ctx, c); err != nil || !b.careful {
		return err
	}
	b.alone = true
	timed, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	if err := b.settle(timed); err != nil && (ctx.Err() != nil || c.Err() != nil) {
		return err
	}
	b.alone = false
	return nil
}

func (b *Beacon) say(ctx context.Context, c *mqtt.Conn) (err error) {
	b.said, err = c.Publish(ctx, availability(b.base, online))
	return err
}

// settle waits for the answer, and whether the connection lives on: a broker
// may acknowledge what it refuses.
func (b *Beacon) settle(ctx context.Context) error {
	if err := acknowledged(b.said)(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(calm):
	}
	b.answered, b.careful, b.times = true, false, 0
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until, b.rest = time.Time{}, 0
	return nil
}

// Serve waits for the answer, and says that the device is there when that was
// left out for long enough, until ctx ends.
func (b *Beacon) Serve(ctx context.Context, c *mqtt.Conn) error {
	defer b.learn(c)
	if b.said == nil {
		timer := time.NewTimer(b.pause())
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := b.say(ctx, c); err != nil {
			return nil // the connection has ended
		}
	}
	if !b.answered {
		_ = b.settle(ctx) // an error is learnt from
	}
	<-ctx.Done()
	return nil
}

// pause is how long the availability is still left out.
func (b *Beacon) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, time.Until(b.until))
}

// learn is called after each connection, and does no harm when it is called
// twice.
func (b *Beacon) learn(c *mqtt.Conn) {
	said := b.said
	if b.said = nil; said == nil || b.answered || ours(c.Err()) {
		return
	}
	blamed := b.alone || b.careful && said.Err() != nil && c.Acked() > 0
	b.careful = true
	if !blamed || errors.Is(said.Err(), mqtt.ErrNotSent) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times++; b.times < patience && b.rest == 0 {
		return
	}
	if b.rest == 0 {
		b.log.Warn("the broker ends the connection on something of ours, which is left out", "topic", availability(b.base, online).Topic)
	}
	b.times, b.rest = 0, min(max(firstRest, 2*b.rest), longestRest)
	b.until = time.Now().Add(b.rest)
}

// ours says that it was not the broker, nor the network, that ended a
// connection; nil: it has not ended.
func ours(err error) bool {
	return err == nil || errors.Is(err, mqtt.ErrSession) || errors.Is(err, mqtt.ErrLeft)
}

// leftOut lists what the broker does not take.
func (b *Beacon) leftOut() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rest == 0 {
		return nil
	}
	return []string{availability(b.base, online).Topic}
}

// Problems says in words what a person should look at.
func (b *Beacon) Problems() []string { return refusals(b.leftOut()) }

// refusals says which topics a broker does not take.
func refusals(topics []string) []string {
	if len(topics) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the broker ends the connection on %s, which is left out; allow it there, and retained messages",
		list(topics))}
}
