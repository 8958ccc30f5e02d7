package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kardianos/service"

	"deskbell/systemd"
)

// onSystemdOnly steers the service on systemd.
type onSystemdOnly struct {
	s        service.Service
	own      string   // the folder of the administrator's units
	packaged []string // those of packages
}

const unitFile = systemd.Name + ".service"

func (m *onSystemdOnly) install(ctx context.Context) error {
	for _, dir := range m.packaged {
		if _, err := os.Stat(filepath.Join(dir, unitFile)); err == nil {
			return failed(fmt.Errorf("install the service: the package has done that: %s", filepath.Join(dir, unitFile)),
				"start it with: sudo systemctl enable --now deskbell; for a service of this program instead, remove the package first")
		}
	}
	if err := systemd.EnsureUser(ctx); err != nil {
		return err
	}
	return installFile(m.s, filepath.Join(m.own, unitFile), func() error {
		if _, err := runs(ctx, "systemctl", "daemon-reload"); err != nil {
			return err
		}
		_, err := runs(ctx, "systemctl", "enable", unitFile)
		return err
	})
}

func (m *onSystemdOnly) uninstall(ctx context.Context) error {
	file := filepath.Join(m.own, unitFile)
	if _, err := os.Stat(file); err != nil {
		return failed(errors.New("remove the service: it belongs to a package, and is stopped now"), "remove the package, such as: sudo apt remove deskbell")
	}
	if _, err := runs(ctx, "systemctl", "disable", unitFile); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	_, _ = runs(ctx, "systemctl", "reset-failed", unitFile) // one that is calm is an error
	_, err := runs(ctx, "systemctl", "daemon-reload")
	return err
}

func (m *onSystemdOnly) start(ctx context.Context) error   { return m.fresh(ctx, "start") }
func (m *onSystemdOnly) restart(ctx context.Context) error { return m.fresh(ctx, "restart") }
func (m *onSystemdOnly) words() string                     { return "journalctl -u " + systemd.Name }

func (m *onSystemdOnly) stop(ctx context.Context) error {
	_, err := runs(ctx, "systemctl", "stop", unitFile)
	return err
}

// fresh has systemd forget how often the service failed. A restart must be one for systemd, which keeps the webhook's socket then, and
// closes it in a stop.
func (m *onSystemdOnly) fresh(ctx context.Context, verb string) error {
	if _, err := runs(ctx, "systemctl", "daemon-reload"); err != nil {
		return err
	}
	_, _ = runs(ctx, "systemctl", "reset-failed", unitFile) // one that is calm is an error
	_, err := runs(ctx, "systemctl", verb, unitFile)
	return err
}

func (m *onSystemdOnly) state(ctx context.Context) (serviceState, error) {
	is, err := askSystemd(ctx)
	if err != nil {
		return serviceState{}, err
	}
	state := serviceState{Installed: is["LoadState"] == "loaded", Running: is["ActiveState"] == "active", State: is["ActiveState"]}
	if state.Installed && !state.Running {
		state.State = fmt.Sprintf("%s (%s)", is["ActiveState"], is["SubState"])
	}
	if is["ActiveState"] == "activating" {
		state.Restarts, _ = strconv.Atoi(is["NRestarts"])
	}
	return state, nil
}

// askSystemd asks systemd itself: it tells a service that starts again and
// again from one that runs.
func askSystemd(ctx context.Context) (map[string]string, error) {
	out, err := runs(ctx, "systemctl", "show", unitFile, "--property=LoadState,ActiveState,SubState,NRestarts,NFileDescriptorStore")
	if err != nil {
		return nil, err
	}
	is := map[string]string{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		is[key] = value
	}
	return is, nil
}

// keptPort says in what state the service is whose listening sockets systemd holds meanwhile; "" where it holds none.
func keptPort(ctx context.Context) string {
	if service.Platform() != onSystemd {
		return ""
	}
	is, err := askSystemd(ctx)
	if n, _ := strconv.Atoi(is["NFileDescriptorStore"]); err != nil || n == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s)", is["ActiveState"], is["SubState"])
}
