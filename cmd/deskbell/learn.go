package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
)

func learnCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "learn",
		Short: "Show what is not understood of the events, and the lines that would help",
		Long: `Looks through the events that the store holds, and shows which types are not
understood and what such events look like: names and JSON types alone, never a
value. Then it prints the lines of [webhook.types] and [webhook.fields] that
would make them count. It works beside a running agent and on a stopped one.`,
		Example: "  deskbell learn",
		Args:    cobra.NoArgs,
		RunE: withSource(func(cmd *cobra.Command, s *source, _ []string) error {
			c, err := loadPublic(cmd)
			if err != nil {
				return err
			}
			l, err := agent.NewLearner(c)
			if err != nil {
				return err
			}
			if err := s.export(cmd, &eachElement{use: l.Add}); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), l.Learned())
			}
			name := configFile(cmd)
			if name == "" {
				name = defaultConfig
			}
			return agent.WriteLearned(cmd.OutOrStdout(), l.Learned(), name)
		}),
	})
}

// export writes every event that the store holds.
func (s *source) export(cmd *cobra.Command, w *eachElement) error {
	if s.reader != nil {
		return admin.Export(cmd.Context(), w, s.reader, s.events, 0, 0, "")
	}
	return s.api.Export(cmd.Context(), w, 0, 0, "")
}

// eachElement takes an export apart into what was received.
type eachElement struct {
	use  func(element []byte)
	rest []byte // a line that has begun
}

func (e *eachElement) Write(p []byte) (int, error) {
	e.rest = append(e.rest, p...)
	for {
		line, rest, whole := bytes.Cut(e.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		var event struct{ Data json.RawMessage }
		if err := json.Unmarshal(line, &event); err != nil {
			return 0, fmt.Errorf("read an exported event: %w", err)
		}
		e.use(event.Data)
		e.rest = rest
	}
}
