package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"deskbell/agent"
)

func checkCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "check",
		Short: "Validate the configuration",
		Long: `Tells every fault of the configuration at once, each with its key and, where it
can be known, its line.

With --simulate it then plays a script of what happens at a desk, and tells what
each output shows, or what is not as the script says. The manual page,
deskbell(1), describes scripts.`,
		Example: `  deskbell check --print
  echo "+5s handover c1 none" | deskbell check --simulate -`,
		Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd, exitFailed)
			if err == nil {
				_, err = agent.New(c, agent.Options{Version: version})
			}
			show, _ := cmd.Flags().GetBool("print")
			script, _ := cmd.Flags().GetString("simulate")
			if script != "" && (show || wantsJSON(cmd)) {
				return wrong("see: deskbell check --help", "--simulate goes with neither --print nor --json")
			}
			if script != "" && err == nil {
				return simulate(cmd, c, script)
			}
			if wantsJSON(cmd) {
				return checkJSON(cmd, c, err, show)
			}
			if err != nil {
				return err
			}
			for _, text := range c.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "deskbell: warning:", text)
			}
			if show {
				return c.Print(cmd.OutOrStdout())
			}
			name := configFile(cmd)
			if name == "" {
				name = "the built-in defaults"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no fault\n", name)
			return nil
		}),
	})
	cmd.Flags().Bool("print", false, "print the configuration in force, with secrets masked")
	cmd.Flags().String("simulate", "", "play a script of what happens and show the outputs; - is standard input")
	return cmd
}

// simulate plays a script on a configuration that has no fault. A script that
// expects something prints nothing itself: then it is said that all is so.
func simulate(cmd *cobra.Command, c agent.Config, script string) error {
	from := cmd.InOrStdin()
	if script != "-" {
		f, err := os.Open(script)
		if err != nil {
			return failed(err, "give the path of a script, or - for standard input")
		}
		defer f.Close()
		from = f
	}
	shown := &counted{w: cmd.OutOrStdout()}
	if err := agent.Simulate(c, from, shown); err != nil {
		return failed(errors.New(script+": "+strings.ReplaceAll(err.Error(), "\n", "\n"+script+": ")), "")
	}
	if shown.n == 0 {
		_, err := fmt.Fprintf(shown, "%s: no fault\n", script)
		return err
	}
	return nil
}

// counted counts the bytes that go through it.
type counted struct {
	w io.Writer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}

// checkJSON prints {"faults":[…],"warnings":[…]}, and with show the configuration in force.
func checkJSON(cmd *cobra.Command, c agent.Config, err error, show bool) error {
	type fault struct {
		Key  string `json:"key"`
		Line int    `json:"line,omitempty"`
		Text string `json:"text"`
	}
	doc := struct {
		Faults   []fault        `json:"faults"`
		Warnings []string       `json:"warnings,omitempty"`
		Config   map[string]any `json:"config,omitempty"`
	}{Faults: []fault{}}
	var faults agent.Faults
	if err != nil && !errors.As(err, &faults) {
		return err
	}
	for _, f := range faults {
		doc.Faults = append(doc.Faults, fault{Key: f.Key, Line: f.Line, Text: f.Text})
	}
	if err == nil {
		doc.Warnings = c.Warnings()
	}
	if show && err == nil {
		doc.Config = c.Masked()
	}
	if e := printJSON(cmd.OutOrStdout(), doc); e != nil {
		return e
	}
	if len(faults) > 0 {
		return &failure{code: exitFailed}
	}
	return nil
}
