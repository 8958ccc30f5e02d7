package hub

import (
	"context"

	"deskbell/agent/mqtt"
)

// A Beacon is the mqtt.Session of a further connection to a broker that a Hub
// is on already: it says that the device is there and nothing else, so that
// each command is done once and each state is told once.
type Beacon struct{ base string }

var _ mqtt.Greeter = Beacon{}

// NewBeacon returns a beacon under base.
func NewBeacon(base string) Beacon { return Beacon{base: base} }

// Greet says that the device is online. Its acknowledgement shows that the
// broker acknowledges at all.
func (b Beacon) Greet(ctx context.Context, c *mqtt.Conn) error {
	_, err := c.Publish(ctx, availability(b.base, online))
	return err
}

// Serve waits until ctx ends.
func (b Beacon) Serve(ctx context.Context, _ *mqtt.Conn) error {
	<-ctx.Done()
	return nil
}
