package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// laterCommands are those that this version does not have yet. They are named
// so that nobody looks for a typing mistake.
func laterCommands() []*cobra.Command {
	var list []*cobra.Command
	for _, name := range []string{"learn"} {
		list = append(list, later(name, "deskbell "+name))
	}
	return list
}

func later(name, example string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Short:              "Not in this version",
		Example:            "  " + example,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				if a == "--help" || a == "-h" {
					return cmd.Help()
				}
			}
			return failed(errors.New(cmd.CommandPath()+": not in this version"), "see: deskbell --help")
		}),
	}
}
