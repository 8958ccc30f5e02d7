package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"deskbell/systemd"
)

func serviceCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "service",
		Short: "Install deskbell as a system service, or steer it",
		Long: `Installs deskbell as a service of this system's service manager, or steers it.
The Debian package does this by itself.`,
		Example: "  sudo deskbell service install\n  sudo deskbell service start",
	})
	for _, verb := range []struct{ name, short string }{
		{"install", "Install the service and have it started at boot"},
		{"uninstall", "Stop the service and remove it"},
		{"start", "Start the service"},
		{"stop", "Stop the service"},
		{"restart", "Stop and start the service"},
		{"status", "Tell whether the service runs"},
	} {
		c := &cobra.Command{
			Use: verb.name, Short: verb.short, Example: "  deskbell service " + verb.name, Args: cobra.NoArgs,
			RunE: does(func(cmd *cobra.Command, _ []string) error { return steer(cmd, verb.name) }),
		}
		if verb.name == "status" {
			jsonFlag(c)
		}
		cmd.AddCommand(c)
	}
	return cmd
}

// onSystemd is what kardianos/service calls systemd.
const onSystemd = "linux-systemd"

// nothing is what kardianos/service wants to start; the service runs `run`.
type nothing struct{}

func (nothing) Start(service.Service) error { return nil }
func (nothing) Stop(service.Service) error  { return nil }

func newService(cmd *cobra.Command) (service.Service, error) {
	c := &service.Config{
		Name:        systemd.Name,
		DisplayName: "deskbell",
		Description: "Live-chat events to MQTT, lights and buzzers",
		Option:      service.KeyValue{"SystemdScript": systemd.Script()},
	}
	if service.Platform() != onSystemd { // the unit has the command itself
		c.Arguments = []string{"run"}
	}
	if name, _ := cmd.Flags().GetString("config"); name != "" {
		name, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		c.Arguments = append(c.Arguments, "--config", name)
	}
	return service.New(nothing{}, c)
}

// steer does one of the verbs and says what came of it.
func steer(cmd *cobra.Command, verb string) error {
	s, err := newService(cmd)
	if err != nil {
		return failed(fmt.Errorf("find this system's service manager: %w", err), "run it in a terminal instead: deskbell run")
	}
	if service.Platform() == onSystemd {
		if verb == "status" {
			return systemdStatus(cmd)
		}
		if verb == "install" {
			if _, err := loadConfig(cmd, exitFailed); err != nil {
				return err
			}
			if err := systemd.EnsureUser(cmd.Context()); err != nil {
				return failed(err, "run it as root")
			}
		}
	}
	switch verb {
	case "status":
		state, err := s.Status()
		if err != nil {
			return failed(fmt.Errorf("ask %s for the service: %w", service.Platform(), err), "is it installed? deskbell service install")
		}
		return serviceState{true, state == service.StatusRunning, serviceWords[state]}.tell(cmd, "the service does not run", "deskbell service start")
	case "uninstall":
		_ = s.Stop() // one that does not run is as good
		err = s.Uninstall()
	default:
		err = service.Control(s, verb)
	}
	if err != nil {
		return failed(fmt.Errorf("%s the service: %w", verb, err), "run it as root; more is in: journalctl -u deskbell")
	}
	said := map[string]string{
		"install": "installed, and started at every boot; start it now with: deskbell service start", "uninstall": "removed",
		"start": "started", "stop": "stopped", "restart": "restarted",
	}[verb]
	fmt.Fprintln(cmd.OutOrStdout(), said)
	return nil
}

// systemdStatus prints what systemd says.
func systemdStatus(cmd *cobra.Command) error {
	state, is, err := askSystemd(cmd.Context())
	if err != nil {
		return err
	}
	if !state.Installed {
		return state.tell(cmd, "the service is not installed", "sudo deskbell service install")
	}
	return state.tell(cmd, fmt.Sprintf("the service does not run: %s (%s), started again %s times", is["ActiveState"], is["SubState"], is["NRestarts"]),
		"see why with: journalctl -u deskbell")
}

// askSystemd asks systemd itself: it tells a service that starts again and
// again from one that runs. is holds the properties that it gave.
func askSystemd(ctx context.Context) (state serviceState, is map[string]string, err error) {
	out, err := exec.CommandContext(ctx, "systemctl", "show", systemd.Name, "--property=LoadState,ActiveState,SubState,NRestarts").CombinedOutput()
	if err != nil {
		return state, nil, fmt.Errorf("ask systemd: %w: %s", err, strings.TrimSpace(string(out)))
	}
	is = map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		is[key] = value
	}
	return serviceState{is["LoadState"] == "loaded", is["ActiveState"] == "active", is["ActiveState"]}, is, nil
}

// serviceWords are the states that other service managers know.
var serviceWords = map[service.Status]string{service.StatusRunning: "running", service.StatusStopped: "stopped"}

// serviceState is what the service manager says.
type serviceState struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	State     string `json:"state"` // in the service manager's own word
}

// tell prints the state. It is an error with that sentence unless the service
// runs.
func (s serviceState) tell(cmd *cobra.Command, sentence, hint string) error {
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), s); err != nil {
			return err
		}
	}
	if !s.Running {
		return failed(errors.New(sentence), hint)
	}
	if !wantsJSON(cmd) {
		fmt.Fprintln(cmd.OutOrStdout(), "running")
	}
	return nil
}
