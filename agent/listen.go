package agent

import (
	"context"
	"fmt"
	"net"

	"deskbell/agent/webhook"
	"deskbell/storage"
)

// listen returns what takes the webhooks: the listener that was given, or one
// of its own. Whoever calls it closes that.
func (a *Agent) listen() (net.Listener, error) {
	l := a.options.Listener
	if l == nil {
		var err error
		bind := net.ListenConfig{Control: bindAhead}
		l, err = bind.Listen(context.Background(), "tcp", a.config.Webhook.Listen)
		if err != nil {
			if used := storage.InUse(a.config.DataDir); used != nil {
				return nil, used // a second agent: to name the first helps more
			}
			return nil, fmt.Errorf("listen for webhooks: %w", err)
		}
	}
	a.listener.Store(&l)
	if a.options.Bound != nil {
		a.kept = a.options.Bound(l)
	}
	return l, nil
}

// serveWebhook serves until ctx ends, and then until who was accepted has an
// answer, for a while. /readyz says before that it ends.
func (a *Agent) serveWebhook(ctx context.Context, l net.Listener) error {
	server := webhook.NewServer(a.webhook, a.log)
	limited := webhook.LimitListener(l, webhook.MaxConnections)
	limited.Working = a.pulses.of("webhook")
	served := make(chan error, 1)
	go func() { served <- server.Serve(a.secrecy.over(limited)) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve webhooks: %w", err)
	case <-ctx.Done():
	}
	a.webhook.Stop(a.kept)
	_ = limited.Close() // whoever has not been accepted is the next process's, where the socket is kept
	<-served
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	return limited.Drain(grace, server)
}

// WebhookAddr is the address that webhooks are taken on, once Run has bound
// it; before that it is "".
func (a *Agent) WebhookAddr() string {
	if l := a.listener.Load(); l != nil {
		return (*l).Addr().String()
	}
	return ""
}
