package main

import (
	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
)

func exportCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "export",
		Short: "Write events as lines of JSON, with all their data",
		Long: `Writes one line of JSON for each event: what "events list --json" tells of it,
and its data as it was received. Without flags these are all events that the
store holds.`,
		Example: "  deskbell events export > events.jsonl\n  deskbell events export --after 1000 --kind message",
		Args:    cobra.NoArgs,
	})
	cmd.Flags().Lookup("json").Usage = "print JSON, as it always does"
	after := cmd.Flags().Uint64("after", 0, "write only what came after this sequence")
	limit := cmd.Flags().Int("limit", 0, "how many at most (default all)")
	kind := cmd.Flags().String("kind", "", "write one kind only")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("limit") && *limit < 1 {
			return wrong("write a number from 1 up", "--limit %d is not a number of events", *limit)
		}
		if err := checkKind(*kind); err != nil {
			return err
		}
		return withSource(func(cmd *cobra.Command, s *source, _ []string) error {
			if s.reader != nil {
				return admin.Export(cmd.Context(), cmd.OutOrStdout(), s.reader, s.events, *after, *limit, *kind)
			}
			return s.api.Export(cmd.Context(), cmd.OutOrStdout(), *after, *limit, *kind)
		})(cmd, args)
	})
	return cmd
}

func setAsideCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "set-aside",
		Short: "List events that a broker would not take",
		Long: `Lists the events on which a broker ended the connection three times, and those
of which no message could be made; "deskbell status" says how many of each. They
are kept, and sent again by "deskbell replay".`,
		Example: "  deskbell events set-aside",
		Args:    cobra.NoArgs,
		RunE: withSource(func(cmd *cobra.Command, s *source, _ []string) error {
			page, err := s.setAside(cmd)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), page)
			}
			return admin.WriteAside(cmd.OutOrStdout(), page, s.zone)
		}),
	})
}

func (s *source) setAside(cmd *cobra.Command) (admin.AsidePage, error) {
	if s.reader == nil {
		return s.api.SetAside(cmd.Context())
	}
	held, err := s.reader.Held()
	if err != nil {
		return admin.AsidePage{}, err
	}
	return admin.AsideDocument(s.reader, s.events, agent.Asides(held))
}
