package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"deskbell/agent/mqtt"
)

const (
	// patience is how many connections may end on one thing of ours before it
	// is left out.
	patience = 3
	// forgiven is after how long it is tried again.
	forgiven = time.Hour
)

// caution keeps what a broker refuses by ending the connection, such as a topic
// that we may not write to, from holding up the events for ever. After a
// connection that ended before everything was answered, we say on the next
// ones that we are there and then one thing after the other, so that it shows
// what the broker does not take. Whether it takes the first is the Beacon's
// affair. Guarded by Hub.mu where Problems looks at it.
type caution struct {
	careful  bool                 // one after the other on this connection
	answered bool                 // all that was sent first on this connection
	asking   string               // what is unanswered on a careful connection
	blamed   string               // what the connection before ended on
	times    int                  // so many in a row
	without  map[string]time.Time // what is left out, since when
}

// omits says that something is left out.
func (h *Hub) omits(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, ok := h.without[name]
	if ok && time.Since(since) > forgiven {
		delete(h.without, name)
		ok = false
	}
	return ok
}

// await waits for the answer to what was just sent, on a careful connection,
// and whether that lives on.
func (h *Hub) await(ctx context.Context, name string, answer func(context.Context) error) error {
	if !h.careful {
		return nil
	}
	h.asking = name
	err := answer(ctx)
	if err != nil && !errors.Is(err, mqtt.ErrRefused) {
		return err
	}
	// mosquitto acknowledges what it refuses, and ends the connection then.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(calm):
	}
	h.asking = ""
	return err
}

// acknowledged is the answer to a publish.
func acknowledged(t *mqtt.Token) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-t.Done():
			return t.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// learn is called after each connection.
func (h *Hub) learn(c *mqtt.Conn) {
	if ours(c.Err()) {
		return
	}
	name := h.asking
	h.careful, h.asking = !h.answered, ""
	if name == "" {
		h.blamed, h.times = "", 0
		return
	}
	enough := patience
	h.mu.Lock()
	if len(h.without) > 0 {
		enough-- // where one thing is refused, so are others
	}
	h.mu.Unlock()
	if name != h.blamed {
		h.blamed, h.times = name, 0
	}
	if h.times++; h.times < enough {
		return
	}
	h.blamed, h.times = "", 0
	h.log.Warn("the broker ends the connection on something of ours, which is left out", "topic", name)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.without[name] = time.Now()
}

// Problems says in words what a person should look at.
func (h *Hub) Problems() []string {
	h.mu.Lock()
	topics := slices.Collect(maps.Keys(h.without))
	h.mu.Unlock()
	return refusals(append(topics, h.beacon.leftOut()...))
}

func list(topics []string) string {
	slices.Sort(topics)
	return strings.Join(topics, ", ")
}
