package agent

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/agent/indicator"
	"deskbell/agent/webhook"
	"deskbell/gpio"
)

// Config is everything that can be set. Each room's part is named for its
// table in the configuration file; the reference of all keys, with their
// defaults, is Reference.
type Config struct {
	Device       string            `toml:"device"`
	DataDir      string            `toml:"data_dir"`
	Timezone     string            `toml:"timezone"`
	DefaultRules bool              `toml:"default_rules"`
	Webhook      WebhookConfig     `toml:"webhook"`
	Storage      StorageConfig     `toml:"storage"`
	Forward      []ForwardConfig   `toml:"forward"`
	Broker       *BrokerConfig     `toml:"broker"`
	People       map[string]string `toml:"people"`
	Desk         DeskConfig        `toml:"desk"`
	GPIO         GPIOConfig        `toml:"gpio"`
	Output       map[string]Output `toml:"output"`
	Input        map[string]Input  `toml:"input"`
	Pattern      map[string]string `toml:"pattern"`
	Tune         map[string]string `toml:"tune"`
	Rule         []RuleConfig      `toml:"rule"`
	Quiet        []QuietConfig     `toml:"quiet"`
	Admin        AdminConfig       `toml:"admin"`
	Log          LogConfig         `toml:"log"`
}

// WebhookConfig is the [webhook] table: how events come in.
type WebhookConfig struct {
	Listen         string            `toml:"listen"`
	Path           string            `toml:"path"`
	Tokens         []string          `toml:"tokens" secret:"lines"`
	TokenIn        []string          `toml:"token_in"`
	Reply          string            `toml:"reply"`
	MaxBody        Size              `toml:"max_body"`
	Rate           int               `toml:"rate"`
	AllowFrom      []string          `toml:"allow_from"`
	TrustedProxies []string          `toml:"trusted_proxies"`
	Timestamps     string            `toml:"timestamps"`
	TLSCert        string            `toml:"tls_cert"`
	TLSKey         string            `toml:"tls_key"`
	PublicURL      string            `toml:"public_url"`
	ExpectEvery    Duration          `toml:"expect_every"`
	ACME           *ACMEConfig       `toml:"acme"`
	Types          map[string]string `toml:"types"`
	Fields         FieldsConfig      `toml:"fields"`
}

// ACMEConfig is [webhook.acme]: a certificate that deskbell gets itself.
type ACMEConfig struct {
	Domains   []string `toml:"domains"`
	Email     string   `toml:"email"`
	Directory string   `toml:"directory"`
}

// FieldsConfig is [webhook.fields]: where undocumented payloads keep values.
type FieldsConfig struct {
	Assignee []string `toml:"assignee"`
	Status   []string `toml:"status"`
}

// dropOldest is the value of when_full that is not the default.
const dropOldest = "drop_oldest"

// StorageConfig is the [storage] table.
type StorageConfig struct {
	MaxSize  Size     `toml:"max_size"`
	Keep     Duration `toml:"keep"`
	WhenFull string   `toml:"when_full"` // refuse or drop_oldest
}

// ForwardConfig is one [[forward]]: one destination and its place in the log.
type ForwardConfig struct {
	Name     string   `toml:"name"`
	Broker   string   `toml:"broker"`
	Username string   `toml:"username"`
	Password string   `toml:"password" secret:"text"`
	ClientID string   `toml:"client_id"`
	CAFile   string   `toml:"ca_file"`
	CertFile string   `toml:"cert_file"`
	KeyFile  string   `toml:"key_file"`
	Topic    string   `toml:"topic"`
	Format   string   `toml:"format"`
	Data     string   `toml:"data"`
	Redact   []string `toml:"redact"`
	Only     []string `toml:"only"`
	Except   []string `toml:"except"`
	Window   int      `toml:"window"`
}

// BrokerConfig is the [broker] table: the built-in broker.
type BrokerConfig struct {
	Listen   string `toml:"listen"`
	Username string `toml:"username"`
	Password string `toml:"password" secret:"text"`
}

// DeskConfig is the [desk] table.
type DeskConfig struct {
	Only       string   `toml:"only"`
	AckLasts   Duration `toml:"ack_lasts"`
	WaitAtMost Duration `toml:"wait_at_most"`
}

// GPIOConfig is the [gpio] table.
type GPIOConfig struct {
	Driver string `toml:"driver"`
	Chip   string `toml:"chip"`
}

// Output is one [output.NAME].
type Output struct {
	Pin       string   `toml:"pin"`
	Kind      string   `toml:"kind"`
	ActiveLow bool     `toml:"active_low"`
	Only      []string `toml:"only"`
}

// AdminConfig is the [admin] table.
type AdminConfig struct {
	Listen   string `toml:"listen"`
	Password string `toml:"password" secret:"text"`
	TLSCert  string `toml:"tls_cert"`
	TLSKey   string `toml:"tls_key"`
}

// LogConfig is the [log] table.
type LogConfig struct {
	Level  string `toml:"level"`
	Format string `toml:"format"`
}

// Embedded is the value of a forward's broker that means the built-in one.
const Embedded = "embedded"

// Default is the configuration of an empty file, but for what is derived from
// the machine and from other keys, which Load completes.
func Default() Config {
	return Config{
		DataDir:      defaultDataDir(runtime.GOOS, os.Getenv),
		Timezone:     "local",
		DefaultRules: true,
		Webhook: WebhookConfig{
			Path:           "/webhook",
			Reply:          "mirror",
			MaxBody:        1 << 20,
			Rate:           200,
			TrustedProxies: []string{"127.0.0.1", "::1"},
			Timestamps:     "UTC",
			ExpectEvery:    Duration(24 * time.Hour),
			Fields: FieldsConfig{
				Assignee: []string{"payload.assigned_to_user", "payload.assignee"},
				Status:   []string{"payload.status", "payload.is_closed"},
			},
		},
		Storage: StorageConfig{MaxSize: 64 << 20, Keep: Duration(168 * time.Hour), WhenFull: "refuse"},
		Desk:    DeskConfig{AckLasts: Duration(10 * time.Minute), WaitAtMost: Duration(2 * time.Hour)},
		GPIO:    GPIOConfig{Driver: "auto"},
		Admin:   AdminConfig{Listen: "127.0.0.1:8090"},
		Log:     LogConfig{Level: "info", Format: "text"},
	}
}

// defaultForward holds the values of the keys that a [[forward]] leaves out.
func defaultForward() ForwardConfig {
	return ForwardConfig{
		Topic:  "deskbell/{device}/event/{kind}",
		Format: "cloudevents",
		Data:   "full",
		Redact: []string{"payload.variables", "payload.message"},
		Window: 64,
	}
}

func defaultBroker() BrokerConfig { return BrokerConfig{Listen: "127.0.0.1:1883"} }

func defaultOutput() Output { return Output{Kind: "light"} }

// simulatedOutputs is what there is without any [output.NAME].
func simulatedOutputs() map[string]Output {
	return map[string]Output{
		"lamp":   {Pin: "GPIO17", Kind: "light"},
		"buzzer": {Pin: "GPIO18", Kind: "buzzer"},
	}
}

// outputs are those that are configured or, beside a button alone, simulated ones: the driver is the button's then.
func (c Config) outputs() (all map[string]Output, simulated bool) {
	if len(c.Output) == 0 {
		return simulatedOutputs(), true
	}
	return c.Output, false
}

// Events is the part of the configuration that reading events needs.
func (c Config) Events() event.Config {
	return event.Config{
		Types:      c.Webhook.Types,
		Fields:     event.Fields{Assignee: c.Webhook.Fields.Assignee, Status: c.Webhook.Fields.Status},
		Timestamps: c.Webhook.Timestamps,
	}
}

// Board is the part of the configuration that the pins need.
func (c Config) Board() gpio.Config {
	g := gpio.Config{Driver: c.GPIO.Driver, Chip: c.GPIO.Chip}
	outputs, simulated := c.outputs()
	g.SimulatedOutputs = simulated
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		o := outputs[name]
		g.Outputs = append(g.Outputs, gpio.OutputConfig{Name: name, Pin: o.Pin, Kind: o.Kind, ActiveLow: o.ActiveLow})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Input)) {
		in := c.Input[name]
		g.Inputs = append(g.Inputs, gpio.InputConfig{
			Name: name, Pin: in.Pin, Pull: in.Pull, ActiveLow: in.ActiveLow, Debounce: time.Duration(in.Debounce),
			MinPress: time.Duration(in.MinPress), Hold: in.Hold != "", HoldFor: time.Duration(in.HoldFor),
		})
	}
	return g
}

// Warnings says what may be meant and is mostly not, each with its key: such as
// "output.door: GPIO17 is pulled down …".
func (c Config) Warnings() []string {
	var list []string
	for _, o := range c.Board().Outputs {
		if text := gpio.PowerUp(o); text != "" && c.GPIO.Driver != gpio.DriverSimulated {
			list = append(list, "output."+o.Name+": "+text)
		}
	}
	return list
}

// conversationShare is the size of the store for each conversation that the desk
// remembers: an entry has up to 600 bytes and a page may be half empty, and so
// all of them take a quarter of the store at most.
const conversationShare = 4 * 2 * 600

// indication is the part of the configuration that says what is shown when.
func (c Config) indication() indicator.Config {
	i := indicator.Config{
		Desk: desk.Config{
			AckLasts: time.Duration(c.Desk.AckLasts), WaitAtMost: time.Duration(c.Desk.WaitAtMost),
			Most: int(c.Storage.MaxSize / conversationShare),
		},
		Rules: c.rules(), Reasons: c.reasons(), People: c.People, Only: c.Desk.Only, Patterns: c.patterns(nil), Quiet: c.quiet(),
	}
	i.Location, _ = c.Location() // Load has looked at it
	outputs, _ := c.outputs()
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		o := outputs[name]
		i.Outputs = append(i.Outputs, indicator.Output{Name: name, Pin: o.Pin, Kind: o.Kind, ActiveLow: o.ActiveLow, Only: o.Only})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Input)) {
		i.Inputs = append(i.Inputs, indicator.Input{Name: name, Lock: c.Input[name].Lock})
	}
	return i
}

// handler is the part of the configuration that the webhook's handler needs.
func (w WebhookConfig) handler() webhook.Config {
	return webhook.Config{
		Path: w.Path, Tokens: w.Tokens, TokenIn: w.TokenIn, Reply: w.Reply, MaxBody: int64(w.MaxBody), Rate: w.Rate,
		AllowFrom: w.AllowFrom, TrustedProxies: w.TrustedProxies,
	}
}
