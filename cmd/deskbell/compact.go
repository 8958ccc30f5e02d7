package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"deskbell/storage"
)

func compactCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "compact",
		Short: "Give unused space of the store back, with the agent stopped",
		Long: `Writes the store anew without the space that it does not use. The agent has to
be stopped; a store that is damaged is left as it is.`,
		Example: "  sudo systemctl stop deskbell && sudo deskbell compact",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := loadPublic(cmd)
			if err != nil {
				return err
			}
			before, after, err := storage.Compact(cmd.Context(), c.DataDir, func(ctx context.Context, _ string) error { return soundStore(ctx, c.DataDir) })
			switch {
			case errors.Is(err, storage.ErrLocked):
				return failed(err, "stop the agent first: deskbell service stop")
			case errors.Is(err, fs.ErrNotExist):
				return failed(fmt.Errorf("there is no store in %s: %w", c.DataDir, err), "is this the agent's configuration? give its file to --config")
			case err != nil:
				return remedy(err, c.DataDir)
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), map[string]int64{"bytes_before": before, "bytes_after": after})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d KiB before, %d KiB after\n", before>>10, after>>10)
			return err
		}),
	})
}
