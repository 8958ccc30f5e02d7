package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"deskbell/agent"
)

// How the platform reaches the box.
const (
	reachNetwork = "network"
	reachTunnel  = "tunnel"
	reachForward = "forward"
)

var reaches = []string{reachNetwork, reachTunnel, reachForward}

// ask decides: by flags, by questions, and else by what there is.
func (s *setup) ask(ctx context.Context) error {
	if s.found.Foreign && !s.force {
		if s.yes {
			return failed(fmt.Errorf("%s was written by hand", s.file), "with --force it is changed: all it says stays but for its comments, and it is kept as "+s.file+".bak")
		}
		s.console.say("%s was written by hand. What it says stays but for its comments;", s.file)
		s.console.say("it is kept as %s.bak.", s.file)
		yes, err := s.console.yesNo(ctx, "Change it?", false)
		if err == nil && !yes {
			err = context.Canceled
		}
		if err != nil {
			return err
		}
	}
	for _, question := range []func(context.Context) error{s.askReach, s.askBroker, s.askPins} {
		if err := question(ctx); err != nil {
			return err
		}
	}
	return nil
}

// presentReach is how it is reached now; "": it was not set up yet.
func (s *setup) presentReach() string {
	host, _, err := net.SplitHostPort(s.found.Listen)
	ip := net.ParseIP(host)
	secured := s.found.TokenFile != "" || s.found.Tokens
	switch {
	case !secured && s.found.Listen == "", !secured && !s.found.Foreign:
		return ""
	case s.found.Listen != "" && err == nil && (host == "localhost" || ip.IsLoopback()):
		return reachTunnel
	case s.found.PublicURL != "":
		return reachForward
	}
	return reachNetwork
}

// port is the one that is listened on, whatever the address.
func (s *setup) port() string {
	if _, port, err := net.SplitHostPort(s.found.Listen); err == nil {
		return port
	}
	return "8080"
}

func (s *setup) askReach(ctx context.Context) error {
	present := s.presentReach()
	if s.reach != "" && !slices.Contains(reaches, s.reach) {
		return wrong("write one of: network, tunnel, forward", "--reach %s is none of the ways", s.reach)
	}
	if s.reach == "" {
		s.reach = present
		if s.reach == "" {
			s.reach = reachNetwork
		}
		if !s.yes && s.listen == "" {
			c := s.console
			c.question(1, "How does the platform reach this box?")
			c.choice(1, "it is on the same network", "http://"+net.JoinHostPort(thisAddress(), s.port()))
			c.choice(2, "by a tunnel or a reverse proxy on this machine", "http://127.0.0.1:"+s.port())
			c.choice(3, "by a port that the router forwards", "")
			i, err := c.pick(ctx, slices.Index(reaches, s.reach)+1, len(reaches))
			if err != nil {
				return err
			}
			s.reach = reaches[i-1]
		}
		if !s.yes && s.address == "" && s.reach != reachNetwork {
			shown := s.found.PublicURL
			if s.reach != present {
				shown = ""
			}
			answer, err := s.console.line(ctx, "its public address, such as https://desk.example.org", shown, "not known yet", func(text string) error {
				_, err := public(text, "/webhook")
				return err
			})
			if err != nil {
				return err
			}
			s.address = answer
		}
	}
	switch {
	case s.listen != "":
		s.decide.Listen = s.listen
	case s.reach != present || s.found.Listen == "":
		s.decide.Listen = map[string]string{reachTunnel: "127.0.0.1"}[s.reach] + ":" + s.port()
	}
	switch {
	case s.address == "none" || s.address == "" && s.reach != present:
		s.decide.PublicURL = new(string)
	case s.address != "":
		path := "/webhook"
		if c, err := (agent.Loader{Machine: agent.ThisMachine(), WithoutSecrets: true}).Load(s.before); err == nil {
			path = c.Webhook.Path
		}
		full, err := public(s.address, path)
		if err != nil {
			return wrong("write it like --address https://desk.example.org", "%v", err)
		}
		s.decide.PublicURL = &full
	}
	return nil
}

func (s *setup) askBroker(ctx context.Context) error {
	if s.broker == "" && !s.yes {
		c := s.console
		c.question(2, "Which MQTT broker do the events go on to?")
		shown := agent.Embedded
		if b := s.found.Broker; b.URL != "" {
			shown = withUser(b)
		}
		if s.found.Forward == "" && s.found.Forwards > 0 {
			c.hint(fmt.Sprintf("%d forwards are configured by hand and stay.", s.found.Forwards))
		}
		c.hint("Such as homeassistant.local or mqtts://desk@broker.example.org; embedded is the built-in one, on this machine.")
		answer, err := c.line(ctx, "", shown, "", func(text string) error { _, err := broker(text); return err })
		if err != nil {
			return err
		}
		if answer != shown || s.found.Forwards == 0 {
			s.broker = answer
		}
	}
	if s.broker == "" {
		if s.passwordFile != "" && s.found.Forward == "" {
			return wrong("add --broker", "--broker-password-file is for a broker, and none is given")
		}
		if s.passwordFile != "" {
			b := s.found.Broker
			b.PasswordFile = ""
			s.decide.Broker = &b
		}
		return nil
	}
	b, err := broker(s.broker)
	if err != nil {
		return wrong("write it like --broker mqtt://desk@homeassistant.local", "%v", err)
	}
	s.decide.Broker = &b
	return nil
}

// broker reads a broker's address as somebody writes it.
func broker(text string) (b agent.Broker, err error) {
	if text == agent.Embedded {
		return agent.Broker{URL: text}, nil
	}
	if !strings.Contains(text, "://") {
		text = "mqtt://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return b, fmt.Errorf("%q is not an address such as mqtt://homeassistant.local", text)
	}
	if _, ok := u.User.Password(); ok {
		return b, errors.New("leave the password out of the address: it is asked for, or read by --broker-password-file")
	}
	b.Username = u.User.Username()
	u.User = nil
	b.URL = u.String()
	return b, nil
}

// withUser is a broker's address with its user, as broker reads it.
func withUser(b agent.Broker) string {
	u, err := url.Parse(b.URL)
	if err != nil || b.Username == "" {
		return b.URL
	}
	u.User = url.User(b.Username)
	return u.String()
}

const simulated = "simulated"

func (s *setup) askPins(ctx context.Context) error {
	if s.pins == "" && !s.yes {
		c := s.console
		c.question(3, "What hangs on the pins?")
		c.hint("Such as lamp=GPIO17,buzzer=GPIO18,button=GPIO27 (deskbell gpio list shows them); simulated: nothing yet.")
		shown := pinsText(s.found.Pins)
		if s.found.Others {
			c.hint("Other outputs and inputs in the configuration stay.")
		}
		answer, err := c.line(ctx, "", shown, "", func(text string) error { _, err := pins(text); return err })
		if err != nil {
			return err
		}
		if answer != shown {
			s.pins = answer
		}
	}
	if s.pins == "" {
		return nil
	}
	p, err := pins(s.pins)
	if err != nil {
		return wrong("write it like --pins lamp=GPIO17,buzzer=GPIO18", "%v", err)
	}
	s.decide.Pins = p
	return nil
}

var pinNames = []string{agent.PinLamp, agent.PinBuzzer, agent.PinButton}

// pins reads what hangs on which pin; whether there is such a pin is for check
// to say.
func pins(text string) (map[string]string, error) {
	p := map[string]string{}
	if text == simulated {
		return p, nil
	}
	for one := range strings.SplitSeq(text, ",") {
		name, pin, _ := strings.Cut(one, "=")
		name, pin = strings.TrimSpace(name), strings.TrimSpace(pin)
		switch {
		case !slices.Contains(pinNames, name):
			return nil, fmt.Errorf("%q is none of lamp=PIN, buzzer=PIN, button=PIN; more are written into the configuration by hand", one)
		case pin == "" || p[name] != "":
			return nil, fmt.Errorf("%s needs one pin, such as %s=GPIO17", name, name)
		}
		p[name] = pin
	}
	return p, nil
}

func pinsText(p map[string]string) string {
	var all []string
	for _, name := range pinNames {
		if p[name] != "" {
			all = append(all, name+"="+p[name])
		}
	}
	if all == nil {
		return simulated
	}
	return strings.Join(all, ",")
}

// composeToken finds the tokens that there are, or makes one.
func (s *setup) composeToken() error {
	file := s.files["webhook.tokens"]
	if file == "" {
		file = filepath.Join(filepath.Dir(s.file), "token")
	}
	var present []string
	if !s.found.Tokens {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return failed(fmt.Errorf("read the token: %w", err), "run it with sudo")
		}
		present = tokensIn(content)
	} else if c, _ := (agent.Loader{Machine: agent.ThisMachine()}).Load(s.before); len(c.Webhook.Tokens) > 0 {
		present = c.Webhook.Tokens
	}
	switch {
	case s.tokenFile != "":
		content, err := s.readSecret(s.tokenFile)
		if err != nil {
			return err
		}
		s.tokens = tokensIn(content)
	case s.newToken || len(present) == 0:
		s.tokens = append([]string{strings.ToLower(rand.Text())}, present[:min(1, len(present))]...)
	default:
		s.tokens = present
	}
	if s.found.Tokens && slices.Equal(s.tokens, present) {
		return nil // they stay where they are
	}
	s.decide.TokensFile, s.report.TokenFile = file, file
	s.secret[file] = []byte(strings.Join(s.tokens, "\n") + "\n")
	return nil
}

// tokensIn are the tokens of a file, one a line.
func tokensIn(content []byte) []string {
	var all []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// composePassword finds the password of a broker that asks for a user.
func (s *setup) composePassword(ctx context.Context) error {
	b := s.decide.Broker
	if b == nil || b.URL == agent.Embedded {
		return nil
	}
	if b.Username == "" {
		if s.passwordFile != "" {
			return wrong("write the user into the address: --broker mqtt://desk@homeassistant.local", "a password needs a user")
		}
		return nil
	}
	name := s.found.Forward
	if name == "" || strings.ContainsAny(name, "/\x00") {
		name = "hub"
	}
	same := s.found.Password && b.URL == s.found.Broker.URL && b.Username == s.found.Broker.Username
	var password []byte
	var err error
	switch {
	case s.passwordFile != "":
		password, err = s.readSecret(s.passwordFile)
	case same:
		return nil
	case s.yes:
		return failed(fmt.Errorf("the broker's user %s needs a password", b.Username), "put it into a file and add --broker-password-file FILE")
	default:
		password, err = s.console.password(ctx, "password of "+b.Username)
	}
	if err != nil {
		return err
	}
	b.PasswordFile = filepath.Join(filepath.Dir(s.file), "mqtt-"+name)
	s.secret[b.PasswordFile] = append([]byte(strings.TrimRight(string(password), "\r\n")), '\n')
	return nil
}
