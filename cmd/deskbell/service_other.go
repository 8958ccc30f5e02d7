package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kardianos/service"
)

// writtenByUs is in every file that describes the service.
const writtenByUs = "The service of deskbell"

// installFile has kardianos/service write path, anew where deskbell wrote it before, and enable does the rest: kardianos/service
// does it as well, but drops what the service manager says. After an error path is as it was before.
func installFile(s service.Service, path string, enable func() error) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case len(old) > 0 && !bytes.Contains(old, []byte(writtenByUs)):
		return failed(fmt.Errorf("install the service: %s is there, and deskbell did not write it", path), "move it away, then: sudo deskbell service install")
	default:
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	err = s.Install()
	if written, _ := os.ReadFile(path); bytes.Contains(written, []byte(writtenByUs)) {
		err = enable()
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(path)
	if len(old) > 0 {
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(old, []byte("#!")) {
			mode = 0o755
		}
		err = errors.Join(err, os.WriteFile(path, old, mode))
	}
	return err
}

// elsewhere steers the service by kardianos/service alone: launchd, Windows and the older ones of Linux.
type elsewhere struct {
	s  service.Service
	ok func() error
}

func (m *elsewhere) install(ctx context.Context) error {
	if state, err := m.state(ctx); err != nil || state.Installed {
		return err
	}
	return m.s.Install()
}

func (m *elsewhere) uninstall(context.Context) error { return m.s.Uninstall() }
func (m *elsewhere) start(context.Context) error     { return m.s.Start() }
func (m *elsewhere) stop(context.Context) error      { return m.s.Stop() }
func (m *elsewhere) restart(context.Context) error   { return m.s.Restart() }
func (m *elsewhere) check(context.Context) error     { return m.ok() }

func (m *elsewhere) words() string {
	switch m.s.Platform() {
	case "windows-service":
		return "the event log, source deskbell"
	case "darwin-launchd":
		return "/var/log/deskbell.log"
	}
	return "the system's log"
}

func (m *elsewhere) state(context.Context) (serviceState, error) {
	status, err := m.s.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return serviceState{State: "not installed"}, nil
	case err != nil:
		return serviceState{}, fmt.Errorf("ask %s for the service: %w", m.s.Platform(), err)
	case status == service.StatusRunning:
		return serviceState{Installed: true, Running: true, State: "running"}, nil
	}
	return serviceState{Installed: true, State: "stopped"}, nil
}
