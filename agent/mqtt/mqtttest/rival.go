package mqtttest

import (
	"bufio"
	"context"
	"net"
	"time"
)

// Rival connects to the broker at addr by a client id, again and again, a while
// after each time that it was thrown out, until ctx ends.
func Rival(ctx context.Context, addr, id string, after time.Duration) {
	for ctx.Err() == nil {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			_ = login(c, id, true)
			for r := bufio.NewReader(c); err == nil; {
				_, err = readPacket(r)
			}
			stop()
			_ = c.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(after):
		}
	}
}
