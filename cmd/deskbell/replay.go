package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func replayCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "replay --forward NAME --from SEQ [--to SEQ]",
		Short: "Have kept events sent to a broker again",
		Long: `Has a forward of the running agent send events again, in their order and beside
new ones. Without --to these are all up to the newest. Events that are set
aside for that forward are tried again, too. What was asked for is done after
a restart or when the broker is back, at the latest.`,
		Example: "  deskbell replay --forward hub --from 1 --to 9",
		Args:    cobra.NoArgs,
	})
	forward := cmd.Flags().String("forward", "", "the forward's name")
	from := cmd.Flags().Uint64("from", 0, "the first event, by its sequence")
	to := cmd.Flags().Uint64("to", 0, "the last event (default the newest)")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		switch {
		case *forward == "" || !cmd.Flags().Changed("from"):
			return wrong("write it like: deskbell replay --forward hub --from 1 --to 9", "--forward and --from are needed")
		case cmd.Flags().Changed("to") && *to < *from:
			return wrong("--to is the last event to be sent again", "--to %d is before --from %d", *to, *from)
		}
		api, _, err := client(cmd)
		if err != nil {
			return err
		}
		r, err := api.Replay(cmd.Context(), *forward, *from, *to)
		if err != nil {
			return told(err)
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), r)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s to be sent again to %s\n", eventCount(r.Events), r.Forward)
		if r.Pending > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "%s of these not sent before, left to their turn\n", eventCount(r.Pending))
		}
		return nil
	})
	return cmd
}

// eventCount is a number of events, in words.
func eventCount(n int) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}
