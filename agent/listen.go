package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"deskbell/agent/webhook"
	"deskbell/storage"
)

// listen returns what takes the webhooks: the listener that was given, or one
// of its own. Whoever calls it closes that.
func (a *Agent) listen() (net.Listener, error) {
	l := a.options.Listener
	if l == nil {
		var err error
		l, err = net.Listen("tcp", a.config.Webhook.Listen)
		if err != nil {
			if used := storage.InUse(a.config.DataDir); used != nil {
				return nil, used // a second agent: to name the first helps more
			}
			return nil, fmt.Errorf("listen for webhooks: %w", err)
		}
	}
	a.listener.Store(&l)
	if a.options.Bound != nil {
		a.options.Bound(l)
	}
	return l, nil
}

// serveWebhook serves until ctx ends, and then until the posts in flight are
// answered, for a while.
func (a *Agent) serveWebhook(ctx context.Context, l net.Listener) error {
	server := webhook.NewServer(a.webhook, a.log)
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		a.webhook.Drain()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
		defer cancel()
		err := server.Shutdown(grace)
		if err != nil {
			err = server.Close() // what was not answered counts as not taken
		}
		stopped <- err
	})
	err := server.Serve(webhook.LimitListener(l, webhook.MaxConnections))
	if !stop() && errors.Is(err, http.ErrServerClosed) {
		return <-stopped
	}
	return fmt.Errorf("serve webhooks: %w", err)
}

// WebhookAddr is the address that webhooks are taken on, once Run has bound
// it; before that it is "".
func (a *Agent) WebhookAddr() string {
	if l := a.listener.Load(); l != nil {
		return (*l).Addr().String()
	}
	return ""
}
