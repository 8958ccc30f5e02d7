package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deskbell/gpio"
)

func gpioCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "gpio",
		Short:   "Look at the pins of this machine, or turn the outputs off",
		Example: "  deskbell gpio list",
	})
	cmd.AddCommand(gpioListCommand(), gpioOffCommand())
	return cmd
}

func gpioListCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "List chips and lines: number, name, who uses it",
		Example: "  deskbell gpio list",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			chips, err := gpio.Lines()
			switch {
			case errors.Is(err, gpio.ErrNoChip):
				return failed(err, "outputs are simulated here; on a Raspberry Pi there is /dev/gpiochip0")
			case errors.Is(err, fs.ErrPermission):
				return failed(err, "run it as root, or put the user into the group gpio")
			case err != nil:
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), map[string]any{"chips": chips})
			}
			warnOfOutputs(cmd)
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, c := range chips {
				fmt.Fprintf(w, "%s\t%s\n", c.Name, c.Label)
				for _, l := range c.Lines {
					name, use := l.Name, "free"
					if name == "" {
						name = fmt.Sprintf("%s:%d", c.Name, l.Number)
					}
					if l.Used {
						use = "used"
					}
					if l.Consumer != "" {
						use = "used by " + l.Consumer
					}
					fmt.Fprintf(w, "  %d\t%s\t%s\t%s\n", l.Number, name, l.Direction, use)
				}
			}
			return w.Flush()
		}),
	})
}

// warnOfOutputs tells the warnings of the configuration. What is wrong with the
// file itself is for check to say: the lines are listed all the same.
func warnOfOutputs(cmd *cobra.Command) {
	c, err := loadPublic(cmd)
	if err != nil {
		return
	}
	for _, text := range c.Warnings() {
		fmt.Fprintln(cmd.ErrOrStderr(), "deskbell: warning:", text)
	}
}

func gpioOffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "off",
		Short: "Drive every configured output to its off level",
		Long: `Drives every configured output to its off level, holds it for a moment and
exits. The service runs it after a crash, as a lamp may otherwise stay lit; after
a clean end of the service ($SERVICE_RESULT, set by systemd) it does nothing.`,
		Example: "  deskbell gpio off --for 1s",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().Duration("for", time.Second, "how long to hold the level")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		hold, _ := cmd.Flags().GetDuration("for")
		if hold < 0 {
			return wrong("write a time such as 1s", "%s is not a time to hold the level for", hold)
		}
		if os.Getenv("SERVICE_RESULT") == "success" {
			return nil // systemd runs it after the agent, which has turned them off
		}
		c, err := loadPublic(cmd)
		if err != nil {
			return err
		}
		return gpio.Off(cmd.Context(), c.Board(), hold)
	})
	return cmd
}
