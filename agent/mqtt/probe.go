package mqtt

import (
	"context"
	"fmt"
	"log/slog"
)

// Probe logs in to a broker and leaves it again. It blocks for 6 s at most. The
// error says in words what is wrong, without credentials. A client that has the
// same ClientID loses its connection by that: give one of its own.
func Probe(ctx context.Context, c Config) error {
	address, err := ParseBroker(c.Broker)
	if err != nil && c.Dial == nil {
		return fmt.Errorf("broker address: %w", err)
	}
	l := NewLink(c, nil, slog.New(slog.DiscardHandler), nil)
	conn, err := l.login(ctx, address)
	if err != nil {
		return err
	}
	conn.leave(false)
	return nil
}
