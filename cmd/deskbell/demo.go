package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"deskbell/agent"
	"deskbell/agent/admin"
	"deskbell/agent/event"
)

func demoCommand() *cobra.Command {
	cmd := jsonFlag(&cobra.Command{
		Use:   "demo",
		Short: "See the whole thing work, with nothing installed",
		Long: `Runs the whole agent on free ports of this machine, with its built-in broker, a
simulated lamp and buzzer, the web page and a store in a temporary folder; plays
the platform's sample events, and then the story of a guest who asks for a
person. Afterwards nothing is left.`,
		Example: "  deskbell demo\n  deskbell demo --once",
		Args:    cobra.NoArgs,
	})
	cmd.Flags().Lookup("json").Usage = "print the counts as JSON, with --once"
	once := cmd.Flags().Bool("once", false, "play the samples, tell the counts, and exit")
	pace := cmd.Flags().Duration("pace", 2*time.Second, "time between the events of the story")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if *pace < 0 {
			return wrong("write a time such as 2s", "%s is not a time between events", *pace)
		}
		if wantsJSON(cmd) && !*once {
			return wrong("add --once", "without --once there is nothing to print as JSON")
		}
		dir, err := os.MkdirTemp("", "deskbell-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c, err := agent.Load(fmt.Appendf(nil, demoConfig, dir), agent.ThisMachine())
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if wantsJSON(cmd) {
			out = io.Discard
		}
		d := &demo{stage: newStage(out, cmd.InOrStdin(), *once), dir: dir, pace: *pace, switches: make(chan bool)}
		defer d.stage.restore()
		ready := make(chan struct{})
		d.agent, err = agent.New(c, agent.Options{
			Version: version, Log: slog.New(slog.DiscardHandler), CheckStore: checkStore, SalvageStore: salvageStore,
			Ready: func() { close(ready) }, Trace: d.stage.level, Broker: d.switches,
		})
		if err != nil {
			return err
		}
		if err := d.perform(cmd.Context(), ready, *once); err != nil || !wantsJSON(cmd) {
			return err
		}
		return printJSON(cmd.OutOrStdout(), d.counted)
	})
	return cmd
}

const demoConfig = `
device = "demo"
data_dir = %q
webhook = { listen = "127.0.0.1:0" }
broker = { listen = "127.0.0.1:0" }
admin = { listen = "127.0.0.1:0" }
`

// demo is one performance.
type demo struct {
	agent    *agent.Agent
	stage    *stage
	dir      string
	pace     time.Duration
	switches chan bool // of the built-in broker
	api      *admin.Client
	poster   *poster
	key      string // the conversation that the keys are about
	at       time.Time
	away     bool // the broker was switched off
	counted  counts
}

// perform runs the agent and plays on it; when the play is over, the agent is
// stopped.
func (d *demo) perform(ctx context.Context, ready <-chan struct{}, once bool) error {
	group, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	group.Go(func() error {
		defer stop()
		return d.agent.Run(ctx)
	})
	group.Go(func() error { return d.stage.watch(ctx, d.agent) })
	group.Go(func() error {
		defer stop()
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
		}
		err := d.play(ctx, once)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // stopped by a person
		}
		return err
	})
	return group.Wait()
}

func (d *demo) play(ctx context.Context, once bool) error {
	if err := d.begin(ctx, once); err != nil {
		return err
	}
	if err := d.playSamples(ctx); err != nil {
		return err
	}
	if once {
		return d.count()
	}
	d.stage.say("")
	if err := d.count(); err != nil {
		return err
	}
	d.stage.say("\nNow what it is for: a guest asks for a person.\n")
	if err := d.playStory(ctx); err != nil {
		return err
	}
	d.stage.say("\nYour turn:  n new guest   h guest asks for a person   r anna replies   a acknowledge   b broker off/on   q quit\n")
	return d.listen(ctx)
}

// begin waits until page and broker can be reached, and says where they are.
func (d *demo) begin(ctx context.Context, once bool) error {
	if err := d.until(ctx, func(s admin.Status) bool {
		return d.agent.AdminAddr() != "" && d.agent.BrokerAddr() != "" && s.Forward[0].Connected
	}); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	d.api = admin.NewClient(agent.ControlSocket(d.dir))
	d.poster = &poster{url: "http://" + d.agent.WebhookAddr() + "/webhook", client: newPoster(agent.Config{}).client}
	if once {
		return nil
	}
	host, port, _ := strings.Cut(d.agent.BrokerAddr(), ":")
	d.stage.say("deskbell demo: everything runs in this process and on this machine alone, and is gone afterwards.\n")
	d.stage.say("  the page     http://%s/", d.agent.AdminAddr())
	d.stage.say("  the events   mosquitto_sub -h %s -p %s -v -t 'deskbell/demo/#'\n", host, port)
	d.stage.say("The platform's own sample events:\n")
	return nil
}

// playSamples posts the platform's samples, one after the other.
func (d *demo) playSamples(ctx context.Context) error {
	d.stage.say("      %-62s %10s %14s", "what came", "synced", "at the broker")
	for _, s := range event.Samples() {
		if err := d.show(ctx, s.Data); err != nil {
			return err
		}
	}
	return nil
}

// show posts one body and tells its way: stored and synced when the answer is
// there, at the broker when that has acknowledged it.
func (d *demo) show(ctx context.Context, body []byte) error {
	start := time.Now()
	synced, err := d.poster.deliver(ctx, body)
	if err != nil {
		return err
	}
	last := d.agent.Status().Storage.LastSequence
	at := "kept for later"
	if !d.away {
		if err := d.until(ctx, func(s admin.Status) bool { return s.Forward[0].AckedSequence >= last }); err != nil {
			return fmt.Errorf("wait for the broker: %w", err)
		}
		at = millis(time.Since(start))
	}
	page, err := d.api.Events(ctx, last-1, 1, "")
	if err != nil {
		return err
	}
	d.stage.say("%4d  %-62s %10s %14s", last, cut(page.Events[0].Summary, 62), millis(synced), at)
	return nil
}

func (d *demo) playStory(ctx context.Context) error {
	d.key, d.at = newKey(), time.Now()
	for i, s := range handover() {
		if i > 0 {
			if err := pause(ctx, d.pace); err != nil {
				return err
			}
		}
		d.stage.say("%s", s.told)
		if err := d.show(ctx, s.body(d.key, d.next())); err != nil {
			return err
		}
	}
	return pause(ctx, min(d.pace, time.Second))
}

// next is the time of the story's next event: now, but always well after the
// one before, as an answer within a second counts as the platform's own.
func (d *demo) next() time.Time {
	d.at = laterOf(d.at.Add(1500*time.Millisecond), time.Now())
	return d.at
}

// counts is what has come and gone.
type counts struct {
	Accepted  uint64   `json:"accepted"`
	Forwarded uint64   `json:"forwarded"`
	Driven    []string `json:"driven"` // outputs that were on
}

// count tells what has come and gone. It is an error when they differ.
func (d *demo) count() error {
	s := d.agent.Status()
	accepted, forwarded := s.Webhook.Accepted, s.Forward[0].AckedSequence
	d.counted = counts{accepted, forwarded, d.stage.driven()}
	d.stage.say("%d events accepted, %d forwarded; driven: %s", accepted, forwarded, strings.Join(d.counted.Driven, ", "))
	if n := len(event.Samples()); int(accepted) != n || int(forwarded) != n || len(d.counted.Driven) == 0 {
		return fmt.Errorf("%d samples were sent", n)
	}
	return nil
}

// listen does what the keys ask for until q, or the end of the input.
func (d *demo) listen(ctx context.Context) error {
	d.key = ""
	for {
		key, err := d.stage.key(ctx)
		if err != nil {
			return nil // the end of the input, or a stop
		}
		switch key {
		case 'q', 3, 4: // Ctrl-C and Ctrl-D too, which a raw terminal passes on
			return nil
		case 'a':
			if _, err := d.api.Ack(ctx); err != nil {
				return err
			}
			d.stage.say("acknowledged")
		case 'b':
			d.away = !d.away
			d.switches <- !d.away
			d.stage.say("the broker is %s", map[bool]string{true: "off: events are kept", false: "on again"}[d.away])
		case 'n', 'h', 'r':
			if err := d.act(ctx, key); err != nil {
				return err
			}
		}
	}
}

// act posts the event that a key stands for.
func (d *demo) act(ctx context.Context, key byte) error {
	story := handover()
	if d.key == "" || key == 'n' {
		d.key, d.at = newKey(), time.Now()
		if err := d.show(ctx, story[0].body(d.key, d.at)); err != nil || key == 'n' {
			return err
		}
	}
	s := story[1]
	if key == 'r' {
		s = story[3]
	}
	return d.show(ctx, s.body(d.key, d.next()))
}

// until waits for the agent to be in a state, 30 s at most.
func (d *demo) until(ctx context.Context, is func(admin.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		changed := d.agent.Changed()
		if s := d.agent.Status(); len(s.Forward) > 0 && is(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-time.After(50 * time.Millisecond): // an address that was bound is no change of status
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
