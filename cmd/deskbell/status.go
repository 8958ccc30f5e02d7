package main

import (
	"github.com/spf13/cobra"

	"deskbell/agent/admin"
)

func statusCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "status",
		Short:   "Show what the running agent sees and shows",
		Example: "  deskbell status",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			api, c, err := client(cmd)
			if err != nil {
				return err
			}
			s, err := api.Status(cmd.Context())
			if err != nil {
				return told(err)
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), s)
			}
			zone, err := c.Location()
			if err != nil {
				return err
			}
			return admin.WriteStatus(cmd.OutOrStdout(), s, zone)
		}),
	})
}
