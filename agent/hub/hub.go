// Package hub is the device's face on one broker: whether it is there, what
// its desk and its outputs are like, and the commands it takes.
package hub

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"deskbell/agent/mqtt"
)

// An OutputState is what one output shows.
type OutputState struct {
	Name  string
	State []byte // the payload of its state topic
	Off   []byte // that payload when the output is off, for a clean stop
}

// An InputState is how one input is.
type InputState struct {
	Name  string
	State []byte // the payload of its state topic
	Off   []byte // that payload when nobody presses it, for a clean stop
}

// A Press is what became of one press of an input.
type Press struct {
	Number  uint64 // counts the presses of all inputs, from 1
	Input   string
	Payload []byte // of its event topic
}

// A Device is what a Hub shows and commands. All methods may be called at once
// from several goroutines. A command is durable when it returns nil.
type Device interface {
	// Desk returns the payload of the desk topic.
	Desk() []byte
	// Outputs returns every output there is.
	Outputs() []OutputState
	// Inputs returns every input there is; that does not change.
	Inputs() []InputState
	// Presses returns the presses after a number as far as they are still to
	// be told, and the newest number.
	Presses(after uint64) (list []Press, newest uint64)
	// Changed returns a channel that is closed at the next change of what the
	// methods above return. Ask for it before calling them.
	Changed() <-chan struct{}

	Acknowledge(ctx context.Context) error
	Mute(ctx context.Context, d time.Duration) error // 0: the default
	Unmute(ctx context.Context) error
	Test(ctx context.Context, output string) error
	Set(ctx context.Context, output string, payload []byte) error
	Lock(ctx context.Context, input string, locked bool) error
}

const (
	online  = "online"
	offline = "offline"

	// calm is the least time from the acknowledgement of a round of snapshots
	// to the next: a burst of events is not a burst of snapshots, a slow broker
	// is not sent more of them than it takes, and an event that follows a round
	// is alone in flight for a while.
	calm = 250 * time.Millisecond
	// farewell is how long a clean stop waits for its last words.
	farewell = 2 * time.Second
)

// A Hub is the mqtt.Session that shows a Device.
type Hub struct {
	base   string
	device Device
	beacon *Beacon
	log    *slog.Logger

	// What the connection at hand has been told, how far the broker has
	// acknowledged it, and what is still to be granted. Greet and Serve are
	// called one after the other.
	told    map[string]string
	pressed uint64      // the newest press that was told, or was before it
	last    *mqtt.Token // of the last snapshot; nil: none yet
	granted []func(context.Context) error

	// Of the one goroutine that handles messages: commands that could not be
	// done, by name.
	complained map[string]bool

	mu sync.Mutex
	caution
}

var _ mqtt.Greeter = (*Hub)(nil)

// New returns a hub under base, such as deskbell/front-desk.
func New(base string, d Device, log *slog.Logger) *Hub {
	return &Hub{base: base, device: d, beacon: NewBeacon(base, log), log: log, complained: map[string]bool{},
		caution: caution{without: map[string]time.Time{}}}
}

func availability(base, state string) mqtt.Message {
	return mqtt.Message{Topic: base + "/availability", QoS: 1, Retained: true, Payload: []byte(state)}
}

// Will returns the message that the broker is to publish when it loses us: for
// mqtt.Config.
func Will(base string) *mqtt.Message {
	m := availability(base, offline)
	return &m
}

// Greet asks for commands and sends what is true now, all of it: the broker may
// have lost what it was told before.
func (h *Hub) Greet(ctx context.Context, c *mqtt.Conn) (err error) {
	defer func() {
		if err != nil {
			h.learn(c) // there will be no Serve
			h.beacon.learn(c)
		}
	}()
	h.told, h.last, h.granted, h.answered = map[string]string{}, nil, nil, false
	_, h.pressed = h.device.Presses(math.MaxUint64) // those while nobody listened are over
	if h.careful || h.beacon.careful {
		// What the beacon says is to be alone in flight.
		if err := h.appear(ctx, c); err != nil || h.careful {
			return err // the rest follows in Serve
		}
		if err := h.listen(ctx, c); err != nil {
			return err
		}
		return h.show(ctx, c)
	}
	if err := h.listen(ctx, c); err != nil {
		return err
	}
	if err := h.appear(ctx, c); err != nil {
		return err
	}
	return h.show(ctx, c)
}

// appear says that we are there.
func (h *Hub) appear(ctx context.Context, c *mqtt.Conn) error {
	err := h.beacon.Greet(ctx, c)
	h.last = h.beacon.said
	return err
}

// listen asks for commands.
func (h *Hub) listen(ctx context.Context, c *mqtt.Conn) error {
	filters := []string{h.base + "/command/+", h.base + "/output/+/set"}
	if len(h.device.Inputs()) > 0 {
		filters = append(filters, h.base+"/input/+/lock")
	}
	for _, filter := range filters {
		if h.omits(filter) {
			continue
		}
		granted, err := c.RequestSubscription(ctx, filter, func(m mqtt.Message) { h.obey(ctx, m) })
		if err != nil {
			return err
		}
		h.granted = append(h.granted, granted)
		if err := h.await(ctx, filter, granted); err != nil && !errors.Is(err, mqtt.ErrRefused) {
			return err
		}
	}
	return nil
}

// goCarefully is Greet's part on a careful connection.
func (h *Hub) goCarefully(ctx context.Context, c *mqtt.Conn) error {
	if h.last != nil {
		if err := acknowledged(h.last)(ctx); err != nil {
			return err
		}
	}
	if err := h.listen(ctx, c); err != nil {
		return err
	}
	return h.show(ctx, c)
}

// show sends the snapshots that the connection has not been told yet.
func (h *Hub) show(ctx context.Context, c *mqtt.Conn) error {
	if err := h.tell(ctx, c, h.base+"/desk", h.device.Desk()); err != nil {
		return err
	}
	for _, o := range h.device.Outputs() {
		if err := h.tell(ctx, c, h.stateTopic(o.Name), o.State); err != nil {
			return err
		}
	}
	for _, i := range h.device.Inputs() {
		if err := h.tell(ctx, c, h.inputTopic(i.Name)+"/state", i.State); err != nil {
			return err
		}
	}
	presses, newest := h.device.Presses(h.pressed)
	for _, p := range presses {
		m := mqtt.Message{Topic: h.inputTopic(p.Input) + "/event", QoS: 1, Payload: p.Payload}
		if h.omits(m.Topic) {
			continue
		}
		if err := h.publish(ctx, c, m); err != nil {
			return err
		}
	}
	h.pressed = newest
	return nil
}

func (h *Hub) stateTopic(output string) string { return h.base + "/output/" + output + "/state" }
func (h *Hub) inputTopic(input string) string  { return h.base + "/input/" + input }

// tell sends a state, unless the connection was told it already.
func (h *Hub) tell(ctx context.Context, c *mqtt.Conn, topic string, payload []byte) error {
	if told, ok := h.told[topic]; ok && told == string(payload) || h.omits(topic) {
		return nil
	}
	if err := h.publish(ctx, c, mqtt.Message{Topic: topic, QoS: 1, Retained: true, Payload: payload}); err != nil {
		return err
	}
	h.told[topic] = string(payload)
	return nil
}

// publish sends what may be left out where it cannot be sent.
func (h *Hub) publish(ctx context.Context, c *mqtt.Conn, m mqtt.Message) error {
	token, err := c.Publish(ctx, m)
	switch {
	case errors.Is(err, mqtt.ErrBadMessage):
		h.log.Warn("a state cannot be sent", "error", err) // the rest can
	case err != nil:
		return err
	default:
		h.last = token
		return h.await(ctx, m.Topic, acknowledged(token))
	}
	return nil
}

// Serve takes commands and sends what changes, until ctx ends. At a clean stop
// it says that the outputs are off and that the device is gone.
func (h *Hub) Serve(ctx context.Context, c *mqtt.Conn) error {
	defer h.learn(c)
	var wg sync.WaitGroup
	defer wg.Wait()
	shining, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { _ = h.beacon.Serve(shining, c) })
	if h.careful {
		if err := h.goCarefully(ctx, c); err != nil && ctx.Err() == nil {
			return err
		}
	}
	wg.Go(func() {
		for _, granted := range h.granted {
			if err := granted(ctx); errors.Is(err, mqtt.ErrRefused) {
				h.log.Warn("the broker lets us take no commands", "error", err) // the rest goes on all the same
			}
		}
	})
	for h.rest(ctx) {
		changed := h.device.Changed()
		if err := h.show(ctx, c); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return h.leave(ctx, c)
}

// rest waits until the snapshots sent so far are acknowledged, and a while. It
// returns false when ctx has ended.
func (h *Hub) rest(ctx context.Context) bool {
	if h.last != nil {
		select {
		case <-ctx.Done():
			return false
		case <-h.last.Done():
		}
		if h.last.Err() != nil {
			return false // the connection has ended
		}
	}
	h.answered = true
	select {
	case <-ctx.Done():
		return false
	case <-time.After(calm):
		return true
	}
}

// leave says the last words, if the connection still lives, and waits until
// the broker has them.
func (h *Hub) leave(ended context.Context, c *mqtt.Conn) error {
	if c.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), farewell)
	defer cancel()
	for _, o := range h.device.Outputs() {
		if err := h.tell(ctx, c, h.stateTopic(o.Name), o.Off); err != nil {
			return err
		}
	}
	for _, i := range h.device.Inputs() {
		if err := h.tell(ctx, c, h.inputTopic(i.Name)+"/state", i.Off); err != nil {
			return err
		}
	}
	if len(h.beacon.leftOut()) > 0 {
		return nil
	}
	token, err := c.Publish(ctx, availability(h.base, offline))
	if err != nil {
		return err
	}
	select {
	case <-token.Done():
	case <-ctx.Done():
	}
	return nil
}
