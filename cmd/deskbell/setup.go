package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"deskbell/agent"
	"deskbell/agent/admin"
)

func setupCommand() *cobra.Command {
	s := &setup{}
	cmd := jsonFlag(&cobra.Command{
		Use:   "setup",
		Short: "Set this desk up: three questions, and the bell rings",
		Long: `Asks how the platform reaches this box, which MQTT broker the events go on to and
what hangs on the pins; each question has a flag. It makes the webhook's token,
writes configuration and secrets, starts the service, prints what to paste into
the platform, waits for the platform's check and for a first hand-over, and asks
whether you heard it.

Run again, it shows what there is, changes what you say and keeps the rest, the
token as well. The configuration before stays beside the new one, as .bak.

With --yes, or where no terminal is, it asks nothing and does not wait.`,
		Example: `  sudo deskbell setup
  sudo deskbell setup --yes --reach tunnel --address https://desk.example.org --broker mqtt://homeassistant.local --rehearse`,
		Args: cobra.NoArgs,
	})
	f := cmd.Flags()
	f.StringVar(&s.reach, "reach", "", "how the platform reaches this box: network, tunnel (or a reverse proxy, on this machine) or forward (a port of the router)")
	f.StringVar(&s.address, "address", "", "the public address that is given to the platform, such as https://desk.example.org; none to forget it")
	f.StringVar(&s.listen, "listen", "", "where to listen, instead of what --reach says, such as :8080")
	f.StringVar(&s.broker, "broker", "", "the MQTT broker, such as mqtt://desk@homeassistant.local; embedded for the built-in one")
	f.StringVar(&s.passwordFile, "broker-password-file", "", "file that holds the broker's password; - is standard input")
	f.StringVar(&s.pins, "pins", "", "what hangs on which pin, such as lamp=GPIO17,buzzer=GPIO18,button=GPIO27; simulated for nothing")
	f.StringVar(&s.tokenFile, "token-file", "", "file that holds the token to take; - is standard input")
	f.BoolVar(&s.newToken, "new-token", false, "make a new token; the one before is accepted until the next new one")
	f.BoolVar(&s.yes, "yes", false, "ask nothing: take flags, what there is, and defaults")
	f.BoolVar(&s.force, "force", false, "with --yes: also replace a configuration that was written by hand")
	f.BoolVar(&s.noService, "no-service", false, "leave the service manager alone")
	f.BoolVar(&s.rehearsal, "rehearse", false, "play a hand-over, and fail when no output shows it")
	f.BoolVar(&s.noWait, "no-wait", false, "do not wait for the platform")
	f.DurationVar(&s.timeout, "timeout", 10*time.Minute, "how long to wait for the platform's check, and for a hand-over; given, it waits also where no terminal is")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if s.newToken && s.tokenFile != "" || s.noWait && cmd.Flags().Changed("timeout") {
			return wrong("see: deskbell setup --help", "--new-token and --token-file, or --no-wait and --timeout, do not go together")
		}
		if s.timeout <= 0 {
			return wrong("write a time such as 10m, or --no-wait", "--timeout %v is no time to wait", s.timeout)
		}
		if s.tokenFile == "-" && s.passwordFile == "-" {
			return wrong("put one of them into a file", "standard input cannot be both the token and the password")
		}
		s.cmd = cmd
		s.console = newConsole(cmd.InOrStdin(), cmd.OutOrStdout())
		if wantsJSON(cmd) {
			s.console = newConsole(strings.NewReader(""), cmd.ErrOrStderr())
		}
		s.yes = s.yes || !s.console.interactive
		s.noWait = s.noWait || s.yes && !cmd.Flags().Changed("timeout")
		err := s.run(cmd.Context())
		if errors.Is(err, context.Canceled) {
			return &failure{code: exitFailed, err: errors.New("stopped before anything was changed")}
		}
		return err
	})
	return cmd
}

// setup is one run of the command.
type setup struct {
	cmd     *cobra.Command
	console *console

	reach, address, listen, broker, passwordFile, pins, tokenFile string
	newToken, yes, force, noService, rehearsal, noWait            bool
	timeout                                                       time.Duration

	file   string // the configuration
	before []byte // what it holds; nil: it is not there
	found  agent.Found
	files  map[string]string // the secrets that it names, by credential
	decide agent.Setup
	tokens []string
	secret map[string][]byte // by file, what is to be written into it

	config agent.Config // the new one
	report setupReport
}

// setupReport is what setup has done, for programs.
type setupReport struct {
	Config    string      `json:"config"`
	Changed   bool        `json:"changed"` // the configuration is another one than before
	TokenFile string      `json:"token_file,omitempty"`
	Address   string      `json:"address"` // to paste into the platform
	Token     string      `json:"token"`
	Service   string      `json:"service"`   // running, or "not managed"
	Check     *admin.Post `json:"check"`     // of the platform; null: none came
	HandOver  bool        `json:"hand_over"` // one was shown, rehearsed or real
	Heard     *bool       `json:"heard"`     // null: nobody was asked
}

// run does all of it. Until write nothing is changed.
func (s *setup) run(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	s.console.head("deskbell setup")
	if err := s.ask(ctx); err != nil {
		return err
	}
	doc, err := s.compose(ctx)
	if err != nil {
		return err
	}
	if err := s.check(doc); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.console.interactive {
		s.console.say("")
	}
	if err := s.write(ctx, doc); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return s.left(err)
	}
	s.paste()
	if err := s.left(s.listenIn(ctx)); err != nil {
		return err
	}
	if wantsJSON(s.cmd) {
		return printJSON(s.cmd.OutOrStdout(), s.report)
	}
	return nil
}

// left turns the wish to stop, once all is written, into a word on how things
// stand.
func (s *setup) left(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	s.console.say("")
	s.console.say("Stopped. The desk is set up and goes on; see: deskbell status")
	return nil
}

// look reads what there is, and makes sure that it may be changed.
func (s *setup) look(ctx context.Context) error {
	s.file, _ = s.cmd.Flags().GetString("config")
	if s.file == "" {
		s.file = defaultConfig
	}
	var err error
	if s.file, err = filepath.Abs(s.file); err != nil {
		return err
	}
	s.report.Config, s.secret = s.file, map[string][]byte{}
	s.before, err = os.ReadFile(s.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return refusal(err, s.file, exitFailed)
	}
	if err := mayMake(filepath.Dir(s.file)); err != nil {
		return failed(err, "run it with sudo")
	}
	if s.found, err = agent.Find(s.before); err != nil {
		return failed(fmt.Errorf("%s: %w", s.file, err), "edit it, or move it away")
	}
	s.files = secretFiles(s.before)
	if read := serviceConfig(ctx); s.onSystemd() && read != "" && read != s.file {
		return failed(fmt.Errorf("the service reads %s", read), "set that one up with --config "+read+", or add --no-service")
	}
	return nil
}

// secretFiles are the files of secrets that a configuration names, by
// credential. Its faults are for others to tell.
func secretFiles(doc []byte) map[string]string {
	files := map[string]string{}
	l := agent.Loader{Machine: agent.ThisMachine(), WithoutSecrets: true, File: func(credential, name string) { files[credential] = name }}
	_, _ = l.Load(doc)
	return files
}

// compose makes the configuration and the secrets of what was decided.
func (s *setup) compose(ctx context.Context) ([]byte, error) {
	if err := s.composeToken(); err != nil {
		return nil, err
	}
	if err := s.composePassword(ctx); err != nil {
		return nil, err
	}
	return agent.Compose(s.before, s.decide)
}

// check looks for faults as the command check does, with the secrets as they
// will be.
func (s *setup) check(doc []byte) error {
	read := func(name string) ([]byte, error) {
		if content, ok := s.secret[name]; ok {
			return content, nil
		}
		return os.ReadFile(name)
	}
	c, err := agent.Loader{Machine: agent.ThisMachine(), Read: read}.Load(doc)
	if err == nil {
		_, err = agent.New(c, agent.Options{Version: version})
	}
	if err != nil {
		var faults agent.Faults
		if errors.As(err, &faults) {
			for i := range faults {
				faults[i].Line = 0 // of a file that nobody has seen
			}
		}
		return failed(err, "nothing was changed; answer otherwise, or edit "+s.file)
	}
	if s.onSystemd() && !mayHaveAnyPort(s.cmd.Context()) {
		if low := tooLow(lowestPort(), c.Webhook.Listen, c.Admin.Listen); low != "" {
			return failed(fmt.Errorf("the service is not root, and may not listen on %s", low),
				"nothing was changed; take a port from 1024 up, such as --listen :8080, and have the router or proxy lead to it")
		}
	}
	s.config = c
	if len(c.Webhook.Tokens) > 0 {
		s.tokens = c.Webhook.Tokens
	}
	return nil
}

// paste prints what the platform is to be given.
func (s *setup) paste() {
	c := s.console
	s.report.Address, s.report.Token = s.given(), s.tokens[0]
	c.say("")
	c.say("Paste this into the platform, where it asks for a webhook:")
	c.say("")
	c.say("    Address   %s", c.bold(s.report.Address))
	c.say("    Token     %s", c.bold(s.report.Token))
	c.say("    Events    choose all of them")
	if s.newToken && len(s.tokens) > 1 {
		c.say("")
		c.say("    The token before this one is accepted too, until the next --new-token.")
	}
	for _, note := range s.notes() {
		c.say("")
		c.say("    %s", note)
	}
	for _, text := range s.config.Warnings() {
		c.say("")
		c.warn("", text)
	}
}

// given is the address for the platform.
func (s *setup) given() string {
	w := s.config.Webhook
	if w.PublicURL != "" {
		return w.PublicURL
	}
	if w.ACME != nil { // for which the port 443 of this name leads here
		return "https://" + w.ACME.Domains[0] + w.Path
	}
	host, port, _ := net.SplitHostPort(w.Listen)
	scheme, _, _ := strings.Cut(newPoster(s.config).url, "://")
	switch {
	case s.reach == reachTunnel:
		return "https://YOUR-TUNNEL" + w.Path
	case s.reach == reachForward:
		host = "YOUR-PUBLIC-ADDRESS"
	case host == "" || net.ParseIP(host).IsUnspecified():
		host = thisAddress()
	}
	return scheme + "://" + net.JoinHostPort(host, port) + w.Path
}

// notes says what has to be done elsewhere.
func (s *setup) notes() []string {
	var notes []string
	_, port, _ := net.SplitHostPort(s.config.Webhook.Listen)
	switch s.reach {
	case reachTunnel:
		notes = append(notes, "The tunnel or proxy has to lead to "+newPoster(s.config).url)
	case reachForward:
		notes = append(notes, "In the router: let the port lead to "+net.JoinHostPort(thisAddress(), port)+" (TCP).")
		if strings.HasPrefix(s.given(), "http:") {
			notes = append(notes, "Without TLS guests' messages and the token can be read on their way: see the README for a tunnel or a certificate.")
		}
	}
	return notes
}

// thisAddress is the address that this machine has on its network. No packet
// is sent for it.
func thisAddress() string {
	if c, err := net.Dial("udp", "192.0.2.1:9"); err == nil {
		defer c.Close()
		if host, _, err := net.SplitHostPort(c.LocalAddr().String()); err == nil {
			return host
		}
	}
	if name, err := os.Hostname(); err == nil && name != "" { // there is no network now
		return name
	}
	return "THIS-MACHINE"
}

// public completes an address that somebody gave: https and the webhook's path
// are what is meant.
func public(text, path string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not an address such as https://desk.example.org", text)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String(), nil
}

// secretMost is how long a file of secrets may be, in bytes.
const secretMost = 4096

// readSecret reads a file, or standard input for "-", without its line end.
func (s *setup) readSecret(name string) ([]byte, error) {
	var content []byte
	var err error
	if name == "-" {
		name = "standard input"
		content, err = io.ReadAll(io.LimitReader(s.cmd.InOrStdin(), secretMost+1))
	} else {
		content, err = os.ReadFile(name)
	}
	switch {
	case err != nil:
		return nil, failed(fmt.Errorf("read the secret: %w", err), "give the path of a file that this user may read, or - for standard input")
	case strings.TrimSpace(string(content)) == "":
		return nil, failed(fmt.Errorf("%s holds nothing", name), "put the secret into its first line")
	case len(content) > secretMost:
		return nil, failed(fmt.Errorf("%s holds more than %d bytes: that is no secret", name, secretMost), "is it the right file?")
	case !utf8.Valid(content) || strings.ContainsFunc(strings.TrimSpace(string(content)), func(r rune) bool { return r != '\r' && r != '\n' && unicode.IsControl(r) }):
		return nil, failed(fmt.Errorf("%s holds what is no text", name), "is it the right file? A secret is a line of letters, digits and signs")
	}
	return content, nil
}
