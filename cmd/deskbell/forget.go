package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/storage"
)

func forgetCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "forget --conversation KEY | --visitor KEY",
		Short: "Remove what is kept about somebody, with the agent stopped",
		Long: `Removes the events of a conversation, or of all conversations of a visitor, what
the desk remembers of them, and refused bodies that name them: the store is
written anew without them. Events that were not sent to every broker yet are
removed, too. What brokers and their subscribers have is theirs to remove, and
so are backups. The agent has to be stopped.`,
		Example: "  sudo systemctl stop deskbell && sudo deskbell forget --visitor 8c1f",
		Args:    cobra.NoArgs,
	})
	var who agent.Somebody
	cmd.Flags().StringVar(&who.Conversation, "conversation", "", "the conversation's key")
	cmd.Flags().StringVar(&who.Visitor, "visitor", "", "the visitor's key")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if (who.Conversation == "") == (who.Visitor == "") {
			return wrong("write it like: deskbell forget --conversation KEY", "either --conversation or --visitor is needed")
		}
		c, err := loadConfig(cmd, exitFailed)
		if err != nil {
			return err
		}
		if err := storage.InUse(c.DataDir); err != nil {
			return failed(err, "stop the agent first: deskbell service stop")
		}
		f, err := agent.Forget(cmd.Context(), c, who, func(ctx context.Context, _ string) error { return soundStore(ctx, c.DataDir) })
		switch {
		case errors.Is(err, storage.ErrLocked):
			return failed(err, "stop the agent first: deskbell service stop")
		case errors.Is(err, fs.ErrNotExist):
			return failed(fmt.Errorf("there is no store in %s: %w", c.DataDir, err), "is this the agent's configuration? give its file to --config")
		case err != nil:
			return remedy(err, c.DataDir)
		case wantsJSON(cmd):
			return printJSON(cmd.OutOrStdout(), f)
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%s removed, %d of them not delivered yet\n", eventCount(f.Events), f.Undelivered)
		if f.Others > 0 {
			fmt.Fprintf(out, "%d more things removed: what the desk knew, and refused bodies\n", f.Others)
		}
		for _, file := range f.Damaged {
			fmt.Fprintf(out, "%s may hold something still: remove it\n", file)
		}
		return nil
	})
	return cmd
}
