package main

import "github.com/spf13/cobra"

func cardCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "card",
		Short: "Print one sheet for the desk: what the lights and sounds mean",
		Long: `Tells in plain words what each light and sound of the configuration means, what
the buttons do and when it is quiet. It needs no running agent.`,
		Example: "  deskbell card | lp",
		Args:    cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := loadPublic(cmd)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), c.Card())
			}
			return c.Card().Print(cmd.OutOrStdout())
		}),
	})
}
