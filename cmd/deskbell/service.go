package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/systemd"
)

func serviceCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "service",
		Short: "Install deskbell as a system service, or steer it",
		Long: `Installs deskbell as a service of this system's service manager (systemd, OpenRC,
launchd, Windows' own and others), or steers it. The package does this by itself.
It needs root, but for status. Before a start and a restart the configuration is
checked as the service will see it: one with a fault is refused, and a service
that runs goes on as it was.`,
		Example: "  sudo deskbell service install\n  sudo deskbell service start",
	})
	for _, verb := range []struct{ name, short string }{
		{"install", "Install the service and have it started at boot"},
		{"uninstall", "Stop the service and remove it; configuration and events stay"},
		{"start", "Check the configuration and start the service"},
		{"stop", "Stop the service"},
		{"restart", "Check the configuration and start the service anew"},
		{"status", "Tell whether the service runs"},
	} {
		c := &cobra.Command{
			Use: verb.name, Short: verb.short, Example: "  sudo deskbell service " + verb.name, Args: cobra.NoArgs,
			RunE: does(func(cmd *cobra.Command, _ []string) error {
				m, err := findManager(cmd)
				if err != nil {
					return err
				}
				if verb.name == "status" {
					return tellState(cmd, m)
				}
				if os.Geteuid() > 0 { // -1 where there are no such users
					return failed(fmt.Errorf("%s the service: only root may do that", verb.name), "sudo deskbell service "+verb.name)
				}
				return steer(cmd, m, verb.name)
			}),
		}
		if verb.name == "status" {
			c.Example = "  deskbell service status"
			jsonFlag(c)
		}
		cmd.AddCommand(c)
	}
	return cmd
}

// serviceManager steers the service by the service manager of this machine. Its errors hold that manager's own words.
type serviceManager interface {
	install(ctx context.Context) error
	uninstall(ctx context.Context) error // of one that is stopped
	start(ctx context.Context) error
	stop(ctx context.Context) error
	restart(ctx context.Context) error
	state(ctx context.Context) (serviceState, error)
	check(ctx context.Context) error // the configuration, as the service will see it
	words() string                   // where to look for what the service says
}

// What kardianos/service calls the service managers.
const (
	onSystemd = "linux-systemd"
	onOpenRC  = "linux-openrc"
)

func findManager(cmd *cobra.Command) (serviceManager, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself: %w", err)
	}
	var args []string
	if name, _ := cmd.Flags().GetString("config"); name != "" {
		if name, err = filepath.Abs(name); err != nil {
			return nil, fmt.Errorf("find the configuration: %w", err)
		}
		args = []string{"--config", name}
	}
	c, err := describe(service.Platform(), binary, args)
	if err != nil {
		return nil, failed(err, "move the program or its configuration")
	}
	s, err := service.New(nothing{}, c)
	if err != nil {
		return nil, failed(fmt.Errorf("find this system's service manager: %w", err), "run it in a terminal instead: deskbell run")
	}
	switch service.Platform() {
	case onSystemd:
		return &onSystemdOnly{s, "/etc/systemd/system", []string{"/usr/lib/systemd/system", "/lib/systemd/system"}}, nil
	case onOpenRC:
		return &onOpenRCOnly{s, "/etc/init.d/" + systemd.Name, "/run/openrc/options/" + systemd.Name}, nil
	}
	return &elsewhere{s, func() error {
		c, err := loadConfig(cmd, exitFailed)
		if err == nil {
			_, err = agent.New(c, agent.Options{Version: version})
		}
		return err
	}}, nil
}

// nothing is what kardianos/service wants to start; the service runs `run`.
type nothing struct{}

func (nothing) Start(service.Service) error { return nil }
func (nothing) Stop(service.Service) error  { return nil }

// describe is what kardianos/service is to install on a platform.
func describe(platform, binary string, args []string) (*service.Config, error) {
	c := &service.Config{
		Name: systemd.Name, DisplayName: "deskbell", Description: "Live-chat events to MQTT, lights and buzzers",
		Executable: binary, Arguments: args, Option: service.KeyValue{},
	}
	var err error
	switch platform {
	case onSystemd:
		c.Option["SystemdScript"] = systemd.Script() // has the command itself
		return c, nil
	case onOpenRC:
		c.Option["OpenRCScript"], err = systemd.OpenRC(binary, args...)
	case "darwin-launchd":
		c.Option["LaunchdConfig"], err = systemd.Launchd(binary, args...)
	case "windows-service":
		// The first failure and all that follow; counted anew after ten calm minutes.
		c.Option["OnFailure"], c.Option["OnFailureDelayDuration"], c.Option["OnFailureResetPeriod"] = "restart", "2s", 600
	}
	c.Arguments = append([]string{"run"}, args...)
	return c, err
}

// steer does one of the verbs and says what came of it.
func steer(cmd *cobra.Command, m serviceManager, verb string) error {
	ctx := cmd.Context()
	state, err := m.state(ctx)
	if err != nil {
		return failed(err, "")
	}
	if !state.Installed && verb != "install" {
		return failed(errors.New("the service is not installed"), "sudo deskbell service install")
	}
	switch verb {
	case "install":
		if _, err = loadPublic(cmd); err == nil {
			err = m.install(ctx)
		}
	case "uninstall":
		if err = m.stop(ctx); err == nil || !state.Running {
			err = m.uninstall(ctx)
		}
	case "stop":
		err = m.stop(ctx)
	default:
		if err := m.check(ctx); err != nil {
			after := ""
			if state.Running {
				after = "; the one that runs goes on as it was"
			}
			return failed(fmt.Errorf("%s the service: the configuration is refused%s:\n%w", verb, after, err), "mend it, then: sudo deskbell service "+verb)
		}
		if verb == "start" {
			err = m.start(ctx)
		} else {
			err = m.restart(ctx)
		}
	}
	var known *failure
	if err != nil && !errors.As(err, &known) {
		return failed(fmt.Errorf("%s the service: %w", verb, err), "more is in: "+m.words())
	} else if err != nil {
		return err
	}
	said := map[string]string{
		"install": "installed, and started at every boot; start it now with: sudo deskbell service start",
		"start":   "started", "stop": "stopped", "restart": "restarted",
	}[verb]
	if verb == "uninstall" {
		said = "removed; what stays: " + whatStays(cmd)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
	return err
}

// whatStays names configuration and events.
func whatStays(cmd *cobra.Command) string {
	c, err := loadPublic(cmd)
	if err != nil {
		c = agent.Default()
	}
	stays := "the events in " + c.DataDir
	if name := configFile(cmd); name != "" {
		stays = "the configuration " + name + " and " + stays
	}
	return stays
}

// tellState prints what the service manager says.
func tellState(cmd *cobra.Command, m serviceManager) error {
	state, err := m.state(cmd.Context())
	switch {
	case err != nil:
		return failed(err, "")
	case !state.Installed:
		return state.tell(cmd, "the service is not installed", "sudo deskbell service install")
	case state.Restarts > 0:
		return state.tell(cmd, fmt.Sprintf("the service starts again and again: %s, %d times by now", state.State, state.Restarts), "see why with: "+m.words())
	}
	return state.tell(cmd, "the service does not run: "+state.State, "see why with: "+m.words())
}

// serviceState is what the service manager says.
type serviceState struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	State     string `json:"state"`              // in the service manager's own word
	Restarts  int    `json:"restarts,omitempty"` // of one that starts again and again: how often it did
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

// runs runs a command of the service manager. Its error holds what was said.
func runs(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
		if said != "" {
			err = fmt.Errorf("%w\n%s", err, said)
		}
	}
	return said, err
}
