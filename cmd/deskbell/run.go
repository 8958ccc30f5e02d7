package main

import (
	"context"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"deskbell/agent"
	"deskbell/systemd"
)

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the agent until it is told to stop",
		Long: `Runs the agent until SIGTERM or SIGINT; then takes no more webhooks, finishes
what is in flight, turns the outputs off and exits within 10 s.`,
		Example: "  deskbell run --config /etc/deskbell/deskbell.toml",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			starting, isReady := context.WithCancel(cmd.Context())
			defer isReady()
			sockets := systemd.TakeSockets()
			c, err := loadConfig(cmd, exitRefused)
			if err != nil {
				return err
			}
			log := logger(cmd, c.Log)
			a, err := agent.New(c, agent.Options{
				Version:  version,
				Log:      log,
				Listener: sockets.Listener("webhook", c.Webhook.Listen),
				Bound: func(l net.Listener) bool {
					kept, err := systemd.Keep("webhook", c.Webhook.Listen, l)
					if err != nil {
						log.Warn("a restart will refuse webhooks", "error", err)
					}
					return kept
				},
				CheckStore: checkStore, SalvageStore: salvageStore,
				Ready: func() {
					isReady()
					noteVersion(c.DataDir)
					_ = systemd.Ready() // without a service manager it does nothing
				},
				Now: wallClock,
			})
			if err != nil {
				return &failure{code: exitRefused, err: err}
			}
			if isWindowsService() {
				return remedy(runAsWindowsService(cmd.Context(), starting, a), c.DataDir)
			}
			return remedy(runAgent(cmd.Context(), starting, a), c.DataDir)
		}),
	}
}

// runAgent runs a with the signs of life that a service manager may want;
// starting ends when it is ready.
func runAgent(ctx, starting context.Context, a *agent.Agent) error {
	group, ctx := errgroup.WithContext(ctx)
	watched, done := context.WithCancel(context.WithoutCancel(ctx))
	starting, started := context.WithCancel(starting)
	group.Go(func() error {
		defer done()
		defer started()
		stop := context.AfterFunc(ctx, func() { _ = systemd.Stopping() })
		defer stop()
		return a.Run(ctx)
	})
	group.Go(func() error {
		systemd.Starting(starting, a.Alive)
		return systemd.Watchdog(watched, a.Alive)
	})
	return group.Wait()
}

// logger writes to standard error. The journal has its own time stamps.
func logger(cmd *cobra.Command, c agent.LogConfig) *slog.Logger {
	o := &slog.HandlerOptions{}
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked with the configuration
	o.Level = level
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), o))
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), o))
}
