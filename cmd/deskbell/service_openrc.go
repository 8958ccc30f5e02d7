package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kardianos/service"

	"deskbell/systemd"
)

// onOpenRCOnly steers the service on OpenRC.
type onOpenRCOnly struct {
	s       service.Service
	script  string
	options string // the folder where the supervisor writes what it does
}

func (m *onOpenRCOnly) install(ctx context.Context) error {
	if err := systemd.EnsureUser(ctx); err != nil {
		return err
	}
	return installFile(m.s, m.script, func() error {
		_, err := runs(ctx, "rc-update", "add", systemd.Name, "default")
		return err
	})
}

func (m *onOpenRCOnly) uninstall(ctx context.Context) error {
	_, err := runs(ctx, "rc-update", "--all", "delete", systemd.Name) // an error for each runlevel that has it not
	if left, _ := filepath.Glob("/etc/runlevels/*/" + systemd.Name); len(left) > 0 {
		return err
	}
	return os.Remove(m.script)
}

func (m *onOpenRCOnly) start(ctx context.Context) error {
	if state, err := m.state(ctx); err == nil && state.State == "crashed" {
		_, _ = runs(ctx, "rc-service", systemd.Name, "zap") // the supervisor is gone: else it counts as started
	}
	return m.does(ctx, "start")
}

func (m *onOpenRCOnly) stop(ctx context.Context) error    { return m.does(ctx, "stop") }
func (m *onOpenRCOnly) restart(ctx context.Context) error { return m.does(ctx, "restart") }
func (m *onOpenRCOnly) check(ctx context.Context) error   { return m.does(ctx, "checkconfig") }
func (m *onOpenRCOnly) words() string                     { return "/var/log/deskbell.log" }

func (m *onOpenRCOnly) does(ctx context.Context, verb string) error {
	_, err := runs(ctx, "rc-service", "--nocolor", systemd.Name, verb)
	return err
}

// state tells a service whose supervisor waits before it starts it again from one that runs: for OpenRC both have started.
func (m *onOpenRCOnly) state(ctx context.Context) (serviceState, error) {
	if _, err := os.Stat(m.script); err != nil {
		return serviceState{State: "not installed"}, nil
	}
	said, err := runs(ctx, "rc-service", "--nocolor", systemd.Name, "status")
	_, word, ok := strings.Cut(said, "status: ")
	if !ok {
		return serviceState{}, err
	}
	state := serviceState{Installed: true, State: strings.TrimSpace(word)}
	if state.State != "started" {
		return state, nil
	}
	child := m.number("child_pid")
	if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(child))); child > 0 && err != nil {
		state.State, state.Restarts = "waits to be started again", max(1, m.number("start_count")-1)
		return state, nil
	}
	state.Running = true
	return state, nil
}

func (m *onOpenRCOnly) number(option string) int {
	text, _ := os.ReadFile(filepath.Join(m.options, option))
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}
