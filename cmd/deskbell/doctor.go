package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"deskbell/agent"
)

func doctorCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "doctor",
		Short: "Look whether this machine is as deskbell needs it",
		Long: `Looks at configuration, data folder, disk, clock, ports, brokers, pins and
service, and prints a line for each: ok, warn or FAIL, and what helps. It works
beside a running agent and on a stopped one, and exits with 1 when a check
fails. It logs in to the configured brokers under a name of its own, and sends
them nothing. Run it as root, or as the user of the service.`,
		Example: "  sudo deskbell doctor",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			var all []agent.Check
			bad := false
			var printing error
			tell := func(c agent.Check) {
				all = append(all, c)
				bad = bad || c.Result == agent.CheckFail
				if !wantsJSON(cmd) && printing == nil {
					printing = printCheck(cmd.OutOrStdout(), c)
				}
			}
			examine(cmd, tell)
			if err := errors.Join(printing, cmd.Context().Err()); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				if err := printJSON(cmd.OutOrStdout(), map[string]any{"checks": all}); err != nil {
					return err
				}
			}
			if bad {
				return &failure{code: exitFailed}
			}
			return nil
		}),
	})
}

// examine tells every check. Without a configuration only the service can be
// looked at.
func examine(cmd *cobra.Command, tell func(agent.Check)) {
	c, err := loadConfig(cmd, exitFailed)
	if err == nil {
		_, err = agent.New(c, agent.Options{Version: version})
	}
	running := false
	if err == nil {
		name := configFile(cmd)
		if name == "" {
			name = "the built-in defaults"
		}
		tell(agent.Check{Name: "configuration", Result: agent.CheckGood, Text: name + ": no fault"})
		running = agent.Examine(cmd.Context(), c, keptPort, tell)
	} else {
		tellFaults(err, tell)
	}
	tell(serviceCheck(cmd.Context(), cmd, running))
}

func tellFaults(err error, tell func(agent.Check)) {
	hint := "see: deskbell check"
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		hint = f.hint
	}
	var faults agent.Faults
	if !errors.As(err, &faults) {
		tell(agent.Check{Name: "configuration", Result: agent.CheckFail, Text: err.Error(), Remedy: hint})
		return
	}
	for _, one := range faults {
		tell(agent.Check{Name: "configuration", Result: agent.CheckFail, Text: one.String(), Remedy: hint})
	}
}

// serviceCheck asks the service manager. Who runs deskbell in another way needs
// no service: that is no failure.
func serviceCheck(ctx context.Context, cmd *cobra.Command, running bool) agent.Check {
	c := agent.Check{Name: "service", Result: agent.CheckWarn}
	state, words, err := askService(ctx, cmd)
	switch {
	case err == nil && !state.Installed:
		c.Text, c.Remedy = "it is not installed: nothing starts deskbell at boot", "sudo deskbell service install"
	case err != nil:
		c.Text, c.Remedy = err.Error(), "where no service manager runs, have deskbell run started by what starts the rest"
	case state.Running:
		c.Result, c.Text = agent.CheckGood, "installed and running"
	case running:
		c.Text, c.Remedy = "it is installed and does not run: the running agent was started in another way",
			"stop that one, then: sudo deskbell service start"
	case state.Restarts > 0:
		c.Result, c.Text = agent.CheckFail, fmt.Sprintf("it starts again and again: %s, %d times by now", state.State, state.Restarts)
		c.Remedy = "see why in: " + words
	default:
		c.Result, c.Text = agent.CheckFail, "it is installed and does not run: "+state.State
		c.Remedy = "see why in: " + words + "; start it with: sudo deskbell service start"
	}
	return c
}

// askService is the state of the service, in the words of this system.
func askService(ctx context.Context, cmd *cobra.Command) (state serviceState, words string, err error) {
	m, err := findManager(cmd)
	if err != nil {
		return state, "", err
	}
	state, err = m.state(ctx)
	return state, m.words(), err
}

// printCheck prints one line, whatever a broker or a file has in its words.
func printCheck(w io.Writer, c agent.Check) error {
	result := c.Result
	if result == agent.CheckFail {
		result = "FAIL"
	}
	text := c.Text
	if c.Remedy != "" {
		text += " → " + c.Remedy
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	_, err := fmt.Fprintf(w, "%-4s  %-14s  %s\n", result, c.Name, text)
	return err
}
