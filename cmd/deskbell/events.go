package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
	"deskbell/agent/event"
	"deskbell/storage"
)

func eventsCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "events",
		Short:   "Look at the events in the store",
		Long:    "Looks at the events in the store: of the running agent, or of a stopped one,\nwhose store is not changed.",
		Example: "  deskbell events list --limit 20",
	})
	cmd.AddCommand(listCommand(), showCommand(), tailCommand(), exportCommand(), rejectedCommand(), setAsideCommand())
	return cmd
}

// source answers what is asked about events: the running agent, or the store
// of a stopped one.
type source struct {
	api    *admin.Client
	reader *storage.Reader // nil: ask the agent
	reason admin.Reasoner
	events *event.Decoder
	zone   *time.Location
}

// openSource finds the agent, or else opens its store to be read. Close it.
func openSource(cmd *cobra.Command) (*source, error) {
	api, c, err := client(cmd)
	if err != nil {
		return nil, err
	}
	s := &source{api: api}
	if s.zone, err = c.Location(); err != nil {
		return nil, err
	}
	_, err = api.Status(cmd.Context())
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, admin.ErrNoAgent) {
		return nil, told(err)
	}
	if s.events, err = event.NewDecoder(c.Events()); err != nil {
		return nil, err
	}
	s.reader, err = storage.OpenReader(c.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failed(fmt.Errorf("no agent is running, and there is no store in %s", c.DataDir), "start the agent with: sudo deskbell service start; without a service: deskbell run")
	case errors.Is(err, fs.ErrPermission):
		return nil, failed(err, "run it as root, or as the user of the agent")
	case errors.Is(err, storage.ErrUnsound):
		return nil, failed(err, savesHint)
	case err != nil:
		return nil, remedy(err, c.DataDir)
	}
	if s.reason, err = agent.Reasons(c, s.reader); err != nil {
		return nil, errors.Join(err, s.reader.Close())
	}
	return s, nil
}

func (s *source) Close() error {
	if s.reader != nil {
		return s.reader.Close()
	}
	return nil
}

func (s *source) list(ctx context.Context, after uint64, limit int, kind string) (admin.EventPage, error) {
	if s.reader != nil {
		return admin.EventsDocument(ctx, s.reader, s.events, after, limit, kind)
	}
	return s.api.Events(ctx, after, limit, kind)
}

func (s *source) show(ctx context.Context, seq uint64) (admin.EventDetail, error) {
	if s.reader == nil {
		return s.api.Event(ctx, seq)
	}
	detail, err := admin.EventDocument(s.reader, s.events, seq)
	if err == nil {
		detail.Decisions = s.reason.Reasons(seq).Decisions
	}
	return detail, err
}

func (s *source) why(ctx context.Context, seq uint64) (admin.Why, error) {
	if s.reader != nil {
		return admin.WhyDocument(s.reader, s.events, s.reason, seq)
	}
	return s.api.Why(ctx, seq)
}

func (s *source) rejected(ctx context.Context) (admin.RejectedPage, error) {
	if s.reader != nil {
		return admin.RejectedDocument(s.reader)
	}
	return s.api.Rejected(ctx)
}

// withSource runs do on the events of the agent.
func withSource(do func(cmd *cobra.Command, s *source, args []string) error) func(*cobra.Command, []string) error {
	return does(func(cmd *cobra.Command, args []string) error {
		s, err := openSource(cmd)
		if err != nil {
			return err
		}
		defer s.Close()
		return told(do(cmd, s, args))
	})
}

// checkKind takes the name of a kind, or nothing.
func checkKind(name string) error {
	if name == "" || event.Kind(name).Valid() {
		return nil
	}
	return wrong("the kinds are "+strings.Trim(fmt.Sprint(event.Kinds()), "[]"), "%q is not a kind", name)
}

func listCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "List events, the oldest first",
		Example: "  deskbell events list --kind message --limit 20",
		Args:    cobra.NoArgs,
	})
	after := cmd.Flags().Uint64("after", 0, "list only what came after this sequence")
	limit := cmd.Flags().Int("limit", admin.DefaultLimit, "how many at most")
	kind := cmd.Flags().String("kind", "", "list one kind only")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		if *limit < 1 || *limit > admin.MaxLimit {
			return wrong("for more of them: deskbell events export", "--limit %d is not a number from 1 to %d", *limit, admin.MaxLimit)
		}
		if err := checkKind(*kind); err != nil {
			return err
		}
		return withSource(func(cmd *cobra.Command, s *source, _ []string) error {
			page, err := s.list(cmd.Context(), *after, *limit, *kind)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), page)
			}
			return admin.WriteEvents(cmd.OutOrStdout(), page.Events, s.zone)
		})(cmd, args)
	})
	return cmd
}

func showCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:     "show SEQ",
		Short:   "Show one event with all its data",
		Example: "  deskbell events show 17",
		Args:    cobra.ExactArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return wrong("write a number, such as: deskbell events show 17", "%q is not a sequence", args[0])
			}
			return withSource(func(cmd *cobra.Command, s *source, _ []string) error {
				e, err := s.show(cmd.Context(), seq)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					doc, err := e.JSON()
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", doc)
					return err
				}
				return admin.WriteEvent(cmd.OutOrStdout(), e, s.zone)
			})(cmd, args)
		}),
	})
}

func tailCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:     "tail",
		Short:   "Follow the events of the running agent as they come",
		Example: "  deskbell events tail",
		Args:    cobra.NoArgs,
	})
	after := cmd.Flags().Uint64("after", admin.FromNow, "begin with what came after this sequence (default the newest)")
	cmd.Flags().Lookup("after").DefValue = "0"
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		api, c, err := client(cmd)
		if err != nil {
			return err
		}
		zone, err := c.Location()
		if err != nil {
			return err
		}
		for item, err := range api.Stream(cmd.Context(), *after) {
			switch {
			case cmd.Context().Err() != nil:
				return nil
			case err != nil:
				return told(err)
			case item.Event == nil:
			case wantsJSON(cmd):
				if err := json.NewEncoder(cmd.OutOrStdout()).Encode(item.Event); err != nil {
					return err
				}
			default:
				if err := admin.WriteEvents(cmd.OutOrStdout(), []admin.EventItem{*item.Event}, zone); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return cmd
}

func rejectedCommand() *cobra.Command {
	return jsonFlag(&cobra.Command{
		Use:   "rejected",
		Short: "Show what the webhook has refused lately",
		Long: `Shows the last bodies that could not be understood, and of the last requests
without a right token what they looked like, without any of their values.`,
		Example: "  deskbell events rejected",
		Args:    cobra.NoArgs,
		RunE: withSource(func(cmd *cobra.Command, s *source, _ []string) error {
			page, err := s.rejected(cmd.Context())
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), page)
			}
			return admin.WriteRejected(cmd.OutOrStdout(), page, s.zone)
		}),
	})
}
