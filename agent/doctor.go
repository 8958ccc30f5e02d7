package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/mqtt"
	"deskbell/agent/webhook"
	"deskbell/gpio"
	"deskbell/storage"
)

// The results of a Check.
const (
	CheckGood = "ok"
	CheckWarn = "warn" // it works, and may not be as it is meant
	CheckFail = "fail"
)

// Check is what one look at the machine came to.
type Check struct {
	Name   string `json:"check"`
	Result string `json:"result"`
	Text   string `json:"text"`             // what was found; brokers may have written part of it
	Remedy string `json:"remedy,omitempty"` // empty where nothing is to be done, or Text says it
}

// statusTakes is how long a running agent may take to say how it is.
const statusTakes = 5 * time.Second

// Examine looks whether the machine is as a configuration needs it, and tells
// each check as it is done. It works beside a running agent, takes nothing from
// it, and says whether one answers. It logs in to the brokers of the forwards,
// and writes and removes a small file in the data folder. It blocks for some
// seconds for each broker that does not answer, and ends early with ctx.
//
// The service manager may hold the webhook's port while the service starts
// again: kept says in what state the service is then, else "".
func Examine(ctx context.Context, c Config, kept func(context.Context) string, tell func(Check)) (running bool) {
	d := &doctor{config: c, tell: tell, kept: kept, now: time.Now, lines: gpio.Lines, tone: gpio.FindTone}
	for _, look := range []func(context.Context){d.warnings, d.agent, d.token, d.folder, d.clock, d.certificates, d.ports, d.forwards, d.pins} {
		if ctx.Err() != nil {
			break
		}
		look(ctx)
	}
	return d.status != nil
}

// doctor looks at one machine.
type doctor struct {
	config Config
	tell   func(Check)
	kept   func(context.Context) string
	now    func() time.Time
	lines  func() ([]gpio.Chip, error)
	tone   func(pin string) error

	status *admin.Status // of the running agent; nil: none answers
	hidden bool          // there is one, which this user may not ask, or which is stuck
}

func (d *doctor) good(name, text string)         { d.tell(Check{name, CheckGood, text, ""}) }
func (d *doctor) warn(name, text, remedy string) { d.tell(Check{name, CheckWarn, text, remedy}) }
func (d *doctor) fail(name, text, remedy string) { d.tell(Check{name, CheckFail, text, remedy}) }

// warnings are those of the configuration; each says what helps.
func (d *doctor) warnings(context.Context) {
	for _, text := range d.config.Warnings() {
		d.warn("configuration", text, "")
	}
}

// agent asks the running agent how it is.
func (d *doctor) agent(ctx context.Context) {
	timed, cancel := context.WithTimeoutCause(ctx, statusTakes, fmt.Errorf("it does not answer for %v", statusTakes))
	defer cancel()
	s, err := admin.NewClient(ControlSocket(d.config.DataDir)).Status(timed)
	switch {
	case err == nil && s.Ready:
		d.good("agent", "it runs and takes events, version "+s.Version)
	case err == nil:
		d.fail("agent", "it runs and cannot store events now", "see what it says of itself, in the next lines")
	case errors.Is(err, admin.ErrNoAgent):
		d.good("agent", "none runs on "+d.config.DataDir)
		return
	case errors.Is(err, admin.ErrNotPermitted):
		d.hidden = true
		d.warn("agent", "this user may not ask it", admin.Hint(err))
		return
	default:
		if timed.Err() != nil {
			err = context.Cause(timed)
		}
		d.hidden = true
		d.fail("agent", err.Error(), "what it says of itself is in: journalctl -u deskbell")
		return
	}
	d.status = &s
	for _, p := range s.Problems {
		d.warn("agent", p, "")
	}
}

// token looks for requests without a right token where none had one.
func (d *doctor) token(ctx context.Context) {
	if d.status == nil || d.status.Webhook.Accepted+d.status.Webhook.Duplicates > 0 {
		return
	}
	page, err := admin.NewClient(ControlSocket(d.config.DataDir)).Rejected(ctx)
	if err != nil || len(page.Refused) == 0 {
		return
	}
	d.warn("webhook token", "requests came without a right token, and none with one since the agent was started",
		"compare the token with the platform's; what came is in: deskbell events rejected")
}

func (d *doctor) clock(context.Context) {
	if now := d.now(); !storage.ClockSet(now) {
		d.warn("clock", "it was never set: it shows "+now.UTC().Format(time.DateOnly),
			"have it set from the network: timedatectl set-ntp true. Until then events have no time, and no quiet hours are kept")
		return
	}
	d.good("clock", "set")
}

// certificates looks at the files that are configured, as this user.
func (d *doctor) certificates(context.Context) {
	s := newSecrecy(Config{Webhook: WebhookConfig{TLSCert: d.config.Webhook.TLSCert, TLSKey: d.config.Webhook.TLSKey}, Admin: d.config.Admin},
		d.now, nil, nil)
	for _, of := range []struct {
		name string
		pair *webhook.Pair
	}{{"webhook certificate", s.webhook}, {"admin certificate", s.admin}} {
		if of.pair == nil {
			continue
		}
		if text := of.pair.Problem(storage.ClockSet(d.now())); text != "" {
			d.fail(of.name, text, "see tls_cert and tls_key; a file that this user may not read, and the service may, is looked at by: sudo deskbell doctor")
		} else {
			d.good(of.name, "it is there, and not about to expire")
		}
	}
}

// ports tries the addresses that the agent listens on.
func (d *doctor) ports(ctx context.Context) {
	d.port(ctx, "webhook port", "webhook.listen", d.config.Webhook.Listen)
	d.port(ctx, "admin port", "admin.listen", d.config.Admin.Listen)
	if d.config.Broker != nil {
		d.port(ctx, "broker port", "broker.listen", d.config.Broker.Listen)
	}
}

func (d *doctor) port(ctx context.Context, name, key, address string) {
	if address == "" {
		return
	}
	if d.lacks(address) {
		d.fail(name, "the running agent cannot have "+address, "see who has it: sudo ss -ltnp; or give "+key+" another port")
		return
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	_, number, _ := net.SplitHostPort(address)
	switch {
	case err == nil:
		_ = l.Close()
		d.good(name, address+" is free")
	case errors.Is(err, syscall.EADDRINUSE) && d.status != nil:
		d.good(name, address+" is the running agent's")
	case errors.Is(err, syscall.EADDRINUSE) && d.hidden:
		d.warn(name, address+" is taken, perhaps by the running agent", "ask it as root: sudo deskbell doctor")
	case errors.Is(err, syscall.EADDRINUSE) && key == "webhook.listen" && d.keptState(ctx) != "":
		d.warn(name, address+" is kept for the service, which is "+d.keptState(ctx), "clients wait meanwhile; see why in: journalctl -u deskbell")
	case errors.Is(err, syscall.EADDRINUSE):
		d.fail(name, address+" is taken by another program",
			"see which, and stop it: sudo ss -ltnp 'sport = :"+number+"'; or give "+key+" another port")
	case errors.Is(err, syscall.EACCES):
		d.fail(name, address+" is not for this user", "give "+key+" a port from 1024 up")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		d.fail(name, address+" is no address of this machine", "write one of its own into "+key+", or the port alone, such as \":"+number+"\"")
	default:
		d.fail(name, err.Error(), "give "+key+" another address")
	}
}

func (d *doctor) keptState(ctx context.Context) string {
	if d.kept == nil {
		return ""
	}
	return d.kept(ctx)
}

// lacks says whether the running agent tells that it has not got an address.
func (d *doctor) lacks(address string) bool {
	return d.status != nil && slices.ContainsFunc(d.status.Problems, func(p string) bool {
		return strings.Contains(p, "listen") && strings.Contains(p, address+": ")
	})
}

// forwards logs in to each broker, under an id that takes the session of no
// running agent.
func (d *doctor) forwards(ctx context.Context) {
	for _, f := range d.config.Forward {
		name := "forward " + f.Name
		told := d.told(f.Name)
		if f.Broker == Embedded {
			if told != nil && !told.Connected && told.LastError != "" {
				d.fail(name, "the built-in broker: "+told.LastError, "see: journalctl -u deskbell")
			} else {
				d.good(name, "to the built-in broker")
			}
			continue
		}
		probe := f.connection()
		probe.ClientID = "deskbell-doctor-" + strings.ToLower(rand.Text()[:6]) // 22 letters: 23 are what every broker takes
		err := mqtt.Probe(ctx, probe)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			d.good(name, f.Broker+" is there and took the login")
		case told != nil && told.Connected:
			d.warn(name, "the running agent is connected, and another login failed: "+err.Error(),
				"nothing, where the broker takes certain client ids alone")
		default:
			d.fail(name, err.Error(), "is the broker on, and forward."+f.Name+" right? Events are kept for it meanwhile")
		}
	}
}

// told is what the running agent says of a forward; nil where none does.
func (d *doctor) told(name string) *admin.ForwardStatus {
	if d.status == nil {
		return nil
	}
	i := slices.IndexFunc(d.status.Forward, func(f admin.ForwardStatus) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &d.status.Forward[i]
}
