package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deskbell/agent/admin"
)

func ackCommand() *cobra.Command {
	return action("ack", "Acknowledge: who waits now has been seen", "deskbell ack",
		func(ctx context.Context, api *admin.Client) (admin.Status, string, error) {
			s, err := api.Ack(ctx)
			return s, fmt.Sprintf("acknowledged: %d waiting, %d acknowledged", s.Desk.Waiting, s.Desk.Acknowledged), err
		})
}

func unmuteCommand() *cobra.Command {
	return action("unmute", "Let buzzers sound again", "deskbell unmute",
		func(ctx context.Context, api *admin.Client) (admin.Status, string, error) {
			s, err := api.Unmute(ctx)
			return s, "not muted", err
		})
}

func muteCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:     "mute [DURATION | until HH:MM]",
		Short:   "Silence buzzers for a while; lights keep showing",
		Long:    "Silences buzzers for a while, 30 minutes when nothing is said. Lights keep\nshowing.",
		Example: "  deskbell mute 2h\n  deskbell mute until 18:00",
		Args:    cobra.MaximumNArgs(2),
	})
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		api, c, err := client(cmd)
		if err != nil {
			return err
		}
		zone, err := c.Location()
		if err != nil {
			return err
		}
		d, err := muteTime(args, time.Now().In(zone))
		if err != nil {
			return err
		}
		s, err := api.Mute(cmd.Context(), d)
		if err != nil {
			return told(err)
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), s)
		}
		if s.Desk.MutedUntil != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "muted until %s\n", s.Desk.MutedUntil.In(zone).Format("15:04"))
		} else {
			fmt.Fprintln(cmd.OutOrStdout(), "muted")
		}
		return nil
	})
	return cmd
}

// muteTime reads what follows `mute`: nothing (0), a duration, or until HH:MM,
// which is the next time the clock shows that.
func muteTime(args []string, now time.Time) (time.Duration, error) {
	const hint = "write a time such as 30m or 2h, or: until 18:00"
	switch {
	case len(args) == 0:
		return 0, nil
	case len(args) == 1:
		d, err := time.ParseDuration(args[0])
		if err != nil || d <= 0 {
			return 0, wrong(hint, "%q is not a time to be silent for", args[0])
		}
		return d, nil
	case args[0] != "until":
		return 0, wrong(hint, "%q is not a time to be silent for", args[0]+" "+args[1])
	}
	t, err := time.Parse("15:04", args[1])
	if err != nil {
		return 0, wrong(hint, "%q is not a time of day", args[1])
	}
	until := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
	if !until.After(now) {
		until = until.AddDate(0, 0, 1)
	}
	return until.Sub(now), nil
}

func testCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:     "test OUTPUT [PATTERN]",
		Short:   "Show a pattern on one output",
		Long:    "Shows a pattern on one output for a while and returns as soon as it shows.\nWithout a pattern a light blinks and a buzzer chirps.",
		Example: "  deskbell test lamp pulse --for 5s",
		Args:    cobra.RangeArgs(1, 2),
	})
	cmd.Flags().Duration("for", 3*time.Second, "how long")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		d, _ := cmd.Flags().GetDuration("for")
		if d <= 0 || d > time.Hour {
			return wrong("write a time such as 3s, an hour at most", "%s is not a time to show a pattern for", d)
		}
		api, _, err := client(cmd)
		if err != nil {
			return err
		}
		pattern := ""
		if len(args) == 2 {
			pattern = args[1]
		}
		s, err := api.Test(cmd.Context(), args[0], pattern, d)
		if err != nil {
			return told(err)
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), s)
		}
		for _, o := range s.Outputs {
			if o.Name == args[0] {
				fmt.Fprintf(cmd.OutOrStdout(), "%s (%s, %s) shows %s for %s\n", o.Name, o.Pin, o.Driver, o.Pattern, d)
			}
		}
		return nil
	})
	return cmd
}

// action is a command that does one thing and says what came of it.
func action(use, short, example string, do func(context.Context, *admin.Client) (admin.Status, string, error)) *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use: use, Short: short, Example: "  " + example, Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			api, _, err := client(cmd)
			if err != nil {
				return err
			}
			s, said, err := do(cmd.Context(), api)
			if err != nil {
				return told(err)
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), s)
			}
			fmt.Fprintln(cmd.OutOrStdout(), said)
			return nil
		}),
	})
}
