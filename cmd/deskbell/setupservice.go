package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/kardianos/service"

	"deskbell/agent"
	"deskbell/agent/admin"
	"deskbell/systemd"
)

// readyWithin is how long setup waits for the service. On a large store a start
// takes longer; it goes on then without setup.
const readyWithin = 60 * time.Second

// onSystemd says whether the service is one of systemd, and setup's to steer.
func (s *setup) onSystemd() bool { return !s.noService && service.Platform() == onSystemd }

// serve enables and restarts the service, and waits until it is ready.
func (s *setup) serve(ctx context.Context) error {
	c := s.console
	s.report.Service = "not managed"
	m, err := findManager(s.cmd)
	if s.noService || err != nil {
		if err != nil {
			c.warn("service", "no service manager is known here: nothing starts deskbell at boot")
		}
		return s.unmanaged(ctx)
	}
	patient, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	c.working("the service starts")
	if s.onSystemd() {
		err = s.restartSystemd(patient, m)
	} else {
		err = startAnew(patient, m)
	}
	if err != nil && ctx.Err() == nil && patient.Err() == nil {
		hint := "see why with: " + whyNot(s.onSystemd()) + ", then: sudo deskbell doctor"
		if s.report.Changed && s.before != nil {
			hint += "; the configuration before is " + s.file + ".bak"
		}
		return failed(fmt.Errorf("start the service: %w", err), hint)
	}
	if err := s.ready(patient); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return failed(err, "it may still be starting; see: "+whyNot(s.onSystemd()))
	}
	s.report.Service = "running"
	c.done("service", "enabled and running")
	return nil
}

// startAnew installs the service where it is not, and starts it with the new
// configuration.
func startAnew(ctx context.Context, m serviceManager) error {
	state, err := m.state(ctx)
	if err == nil && !state.Installed {
		err = m.install(ctx)
	}
	switch {
	case err != nil:
		return err
	case state.Running:
		return m.restart(ctx)
	}
	return m.start(ctx)
}

func whyNot(onSystemd bool) string {
	if onSystemd {
		return "journalctl -u deskbell"
	}
	return "deskbell service status"
}

// restartSystemd makes the service one that starts at boot, and starts it with
// the new configuration.
func (s *setup) restartSystemd(ctx context.Context, m serviceManager) error {
	state, err := m.state(ctx)
	if err != nil {
		return err
	}
	if !state.Installed {
		if err := m.install(ctx); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"daemon-reload"}, {"enable", systemd.Name}, {"reset-failed", systemd.Name}, {"restart", systemd.Name},
	} {
		out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
		if err == nil || args[0] == "reset-failed" { // one that never ran
			continue
		}
		said := strings.TrimSpace(string(out))
		if last, err := exec.CommandContext(ctx, "journalctl", "--unit="+systemd.Name, "--lines=5", "--output=cat", "--no-pager").Output(); err == nil && args[0] == "restart" {
			for line := range strings.Lines(string(last)) {
				if _, told, ok := strings.Cut(line, "deskbell: error: "); ok {
					said = strings.TrimSpace(told)
				}
			}
		}
		return fmt.Errorf("systemctl %s: %w: %s", args[0], err, said)
	}
	return nil
}

// lowestPort is the first port that a user other than root may listen on.
func lowestPort() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return 1024
	}
	port, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return port
}

// tooLow is the first of these addresses whose port is below lowest; "" where
// none is. Port 0 is any.
func tooLow(lowest int, addresses ...string) string {
	for _, address := range addresses {
		_, text, _ := net.SplitHostPort(address)
		if port, err := strconv.Atoi(text); err == nil && port > 0 && port < lowest {
			return address
		}
	}
	return ""
}

// mayHaveAnyPort says whether somebody has given the service of systemd the
// capability for that.
func mayHaveAnyPort(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "systemctl", "show", systemd.Name, "--property=AmbientCapabilities").Output()
	return err == nil && strings.Contains(string(out), "cap_net_bind_service")
}

// serviceConfig is the configuration that the service of systemd reads; "" where
// none is installed.
func serviceConfig(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "systemctl", "show", systemd.Name, "--property=ExecStart").Output()
	if err != nil {
		return ""
	}
	return configIn(string(out))
}

// configIn finds it in the ExecStart property.
func configIn(property string) string {
	_, args, found := strings.Cut(property, "argv[]=")
	if !found {
		return ""
	}
	args, _, _ = strings.Cut(args, " ;")
	if _, name, given := strings.Cut(args, " --config "); given {
		return strings.TrimSpace(name)
	}
	return defaultConfig
}

// unmanaged tells how to start the agent, and looks whether one runs already.
func (s *setup) unmanaged(ctx context.Context) error {
	_, err := s.api().Status(ctx)
	switch {
	case err == nil:
		s.console.warn("service", "left alone: an agent runs, and takes what is new when it is restarted")
	case !s.noWait || s.rehearsal:
		s.console.warn("service", "left alone: start it in another terminal with: deskbell run --config "+s.file)
		patient, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		if err := s.ready(patient); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return failed(err, "deskbell run --config "+s.file)
		}
	default:
		s.console.warn("service", "left alone: start it with: deskbell run --config "+s.file)
	}
	return nil
}

// ready waits until the agent takes events.
func (s *setup) ready(ctx context.Context) error {
	_, err := s.until(ctx, "the agent opens its store", func(st admin.Status) bool { return st.Ready })
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the agent is not ready yet")
	}
	return err
}

func (s *setup) api() *admin.Client { return admin.NewClient(agent.ControlSocket(s.config.DataDir)) }
