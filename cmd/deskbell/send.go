package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/event"
)

func sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send [SAMPLE | FILE | -]",
		Short: "Post an event to the running agent, as the platform would",
		Long: `Posts one of the platform's own sample events, or a file, to the webhook of the
running agent. It is stamped with the time of now, a sample also with a new
conversation, so that it counts as new. Without an argument the sample
conversation_create is sent.`,
		Example: "  deskbell send message_text\n  deskbell send --story handover",
		Args:    cobra.MaximumNArgs(1),
	}
	list := cmd.Flags().Bool("list", false, "list the samples")
	exact := cmd.Flags().Bool("exact", false, "send the bytes as they are")
	story := cmd.Flags().String("story", "", "play a story instead: handover")
	pace := cmd.Flags().Duration("pace", 2*time.Second, "time between the events of a story")
	jsonFlag(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		if *list && (len(args) > 0 || *story != "") || *story != "" && *exact {
			return wrong("see: deskbell send --help", "--list, --story and --exact or a sample do not go together")
		}
		if *list {
			return listSamples(cmd)
		}
		c, err := loadConfig(cmd, exitFailed)
		if err != nil {
			return err
		}
		p := newPoster(c)
		if *story != "" {
			if *story != "handover" || len(args) > 0 {
				return wrong("the story is: handover", "there is no story %q", strings.Join(append([]string{*story}, args...), " "))
			}
			return tellStory(cmd.Context(), *pace, p, func(what string, took time.Duration) error {
				if wantsJSON(cmd) {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(p.answered(what, took))
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s (answered 200 after %s)\n", what, rounded(took))
				return err
			})
		}
		name := "conversation_create"
		if len(args) == 1 {
			name = args[0]
		}
		body, sample, err := material(cmd.InOrStdin(), name)
		if err != nil {
			return err
		}
		if !*exact {
			key := ""
			if sample {
				key = newKey()
			}
			if body, err = stamp(body, time.Now(), key); err != nil {
				return failed(err, "to send bytes as they are, add --exact")
			}
		}
		took, err := p.deliver(cmd.Context(), body)
		if err != nil {
			return err
		}
		if wantsJSON(cmd) {
			return printJSON(cmd.OutOrStdout(), p.answered(name, took))
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: answered 200 after %s\n", p.url, rounded(took))
		return err
	})
	return cmd
}

func listSamples(cmd *cobra.Command) error {
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		return err
	}
	type row struct {
		Name    string `json:"name"`
		Summary string `json:"summary"`
	}
	var rows []row
	for _, s := range event.Samples() {
		b, err := event.ParseBody(s.Data)
		if err != nil {
			return err
		}
		rows = append(rows, row{s.Name, d.Summary(b.Elements[0].Data)})
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]any{"samples": rows})
	}
	for _, r := range rows {
		fmt.Fprintf(cmd.OutOrStdout(), "%-36s %s\n", r.Name, r.Summary)
	}
	return nil
}

// material is what to send: a sample by its name, else a file, or standard
// input for "-".
func material(stdin io.Reader, name string) (body []byte, sample bool, err error) {
	if name == "-" {
		body, err = io.ReadAll(stdin)
		return body, false, err
	}
	for _, s := range event.Samples() {
		if s.Name == name {
			return s.Data, true, nil
		}
	}
	body, err = os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, failed(fmt.Errorf("there is no sample and no file %s", name), "see: deskbell send --list")
	}
	return body, false, err
}

// poster posts to one webhook.
type poster struct {
	url, token string
	client     *http.Client
}

func newPoster(c agent.Config) *poster {
	url, secure := c.WebhookURL()
	p := &poster{url: url, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: secure}}}
	if len(c.Webhook.Tokens) > 0 {
		p.token = c.Webhook.Tokens[0]
	}
	return p
}

// answer is how a post went, for programs.
type answer struct {
	Sent    string  `json:"sent"` // a sample's or file's name, or what happens in a story
	URL     string  `json:"url"`
	Status  int     `json:"status"`
	Seconds float64 `json:"seconds"` // until the answer
}

func (p *poster) answered(sent string, took time.Duration) answer {
	return answer{sent, p.url, http.StatusOK, took.Seconds()}
}

func rounded(took time.Duration) time.Duration { return took.Round(10 * time.Microsecond) }

// deliver posts one body and returns how long the answer took.
func (p *poster) deliver(ctx context.Context, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		req.Header.Set("X-Webhook-Token", p.token)
	}
	start := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, failed(fmt.Errorf("post to %s: %w", p.url, cause(err)), "start the agent with: sudo deskbell service start; without a service: deskbell run")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return 0, fmt.Errorf("read the answer of %s: %w", p.url, err)
	}
	took := time.Since(start)
	if resp.StatusCode != http.StatusOK {
		hint := ""
		if resp.StatusCode == http.StatusUnauthorized {
			hint = "the agent runs with another token than this configuration has: give its file to --config"
		}
		return 0, failed(fmt.Errorf("post to %s: %s: %s", p.url, resp.Status, strings.TrimSpace(string(text))), hint)
	}
	return took, nil
}

// cause takes the URL off an error of net/http, which names it a second time.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
