package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"deskbell/agent/admin"
)

func whyCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "why [SEQ]",
		Short: "Say why the outputs showed what they did",
		Long: `Says of an event what it did to each rule, and what the outputs made of it.
Without a sequence it is the last event, or the sound that came after it by time
alone. It works beside a running agent and on the store of a stopped one.`,
		Example: "  deskbell why 17",
		Args:    cobra.MaximumNArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			seq := uint64(0)
			if len(args) > 0 {
				var err error
				if seq, err = strconv.ParseUint(args[0], 10, 64); err != nil {
					return wrong("write a number, such as: deskbell why 17", "%q is not a sequence", args[0])
				}
				if seq == 0 { // the first event is 1
					return failed(errors.New("there is no event 0"), "")
				}
			}
			return withSource(func(cmd *cobra.Command, s *source, _ []string) error {
				doc, err := s.why(cmd.Context(), seq)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					return printJSON(cmd.OutOrStdout(), doc)
				}
				return admin.WriteWhy(cmd.OutOrStdout(), doc, s.zone)
			})(cmd, args)
		}),
	})
}
