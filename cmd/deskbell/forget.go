package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
	"deskbell/storage"
)

func forgetCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "forget --conversation KEY | --visitor KEY",
		Short: "Remove what is kept about somebody",
		Long: `Removes the events of a conversation, or of all conversations of a visitor, what
the desk remembers of them, and refused bodies that name them: the store is
written anew without them. Events that were not sent to every broker yet are
removed, too. What brokers and their subscribers have is theirs to remove, and
so are backups. It works beside a running agent and on a stopped one. A running
one stores nothing meanwhile: new events wait, and after 5 s are answered 503.
What comes later is kept again.`,
		Example: "  deskbell forget --visitor 8c1f",
		Args:    cobra.NoArgs,
	})
	var who agent.Somebody
	cmd.Flags().StringVar(&who.Conversation, "conversation", "", "the conversation's key")
	cmd.Flags().StringVar(&who.Visitor, "visitor", "", "the visitor's key")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if (who.Conversation == "") == (who.Visitor == "") {
			return wrong("write it like: deskbell forget --conversation KEY", "either --conversation or --visitor is needed")
		}
		api, c, err := client(cmd)
		if err != nil {
			return err
		}
		f, err := api.Forget(cmd.Context(), who.Conversation, who.Visitor)
		if errors.Is(err, admin.ErrNoAgent) {
			f, err = forgetStopped(cmd.Context(), c, who)
		}
		switch {
		case err != nil:
			return told(err)
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

// forgetStopped works on the store of a stopped agent.
func forgetStopped(ctx context.Context, c agent.Config, who agent.Somebody) (admin.Forgotten, error) {
	if err := storage.InUse(c.DataDir); err != nil {
		return admin.Forgotten{}, failed(err, "wait until it has started or ended, and try again")
	}
	f, err := agent.Forget(ctx, c, who, func(ctx context.Context, _ string) error { return soundStore(ctx, c.DataDir) })
	switch {
	case errors.Is(err, storage.ErrLocked):
		err = failed(err, "wait until it has started or ended, and try again")
	case errors.Is(err, fs.ErrNotExist):
		err = failed(fmt.Errorf("there is no store in %s: %w", c.DataDir, err), "is this the agent's configuration? give its file to --config")
	}
	return f, remedy(err, c.DataDir)
}
