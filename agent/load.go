package agent

import (
	_ "embed"
	"errors"
	"os"
	"reflect"

	"github.com/pelletier/go-toml/v2"
)

// Reference is the configuration file with every key at its default and a
// word on each; it ships as documentation.
//
//go:embed deskbell.toml
var Reference []byte

// Load reads a configuration and completes it with what follows from the
// machine and from other keys: after it, every value is the one in force. The
// error is a Faults with all that is wrong, in the order of the file.
func Load(doc []byte, m Machine) (Config, error) { return Loader{Machine: m}.Load(doc) }

// Loader loads a configuration as Load does, in another way where one is set.
type Loader struct {
	Machine Machine
	// Read reads the file of a secret. Nil: os.ReadFile.
	Read func(name string) ([]byte, error)
	// WithoutSecrets is for commands that need none: files of secrets, which this
	// user may not be permitted to read, are not looked at. Their values are Unread.
	WithoutSecrets bool
	// File is told the file of each secret that the configuration has in one,
	// and the name of its credential. May be nil.
	File func(credential, name string)
}

// Unread stands for a secret that was not read, see Loader.WithoutSecrets.
const Unread = "(not read)"

// Load reads a configuration; see the function Load.
func (l Loader) Load(doc []byte) (Config, error) {
	if l.Read == nil {
		l.Read = os.ReadFile
	}
	c := Default()
	faults := &collector{}
	tree := map[string]any{}
	if err := toml.Unmarshal(doc, &tree); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return c, Faults{{Line: line, Text: "not TOML: " + at.Error()}}
		}
		return c, Faults{{Text: "not TOML: " + err.Error()}}
	}
	faults.lines = keyLines(doc)
	refuseLater(tree, faults)
	for _, table := range []string{"webhook", "admin"} { // their credentials count where nothing is written
		if _, written := tree[table]; !written {
			tree[table] = map[string]any{}
		}
	}
	b := &binder{collector: faults, env: os.LookupEnv, from: l}
	b.table(reflect.ValueOf(&c).Elem(), tree, "", "")
	c.complete(l.Machine)
	c.validate(faults)
	return c, faults.err()
}

// complete fills in what a left out key takes from the machine or from other
// keys.
func (c *Config) complete(m Machine) {
	if c.Device == "" {
		c.Device = m.deviceName()
	}
	c.Webhook.Tokens = withoutEmpty(c.Webhook.Tokens)
	if c.Webhook.Listen == "" {
		c.Webhook.Listen = "127.0.0.1:8080"
		if len(c.Webhook.Tokens) > 0 {
			c.Webhook.Listen = ":8080"
		}
	}
	if len(c.Forward) == 0 {
		local := defaultForward()
		local.Name, local.Broker = "local", Embedded
		c.Forward = []ForwardConfig{local}
	}
	for i := range c.Forward {
		f := &c.Forward[i]
		if f.Broker == Embedded && c.Broker == nil {
			b := defaultBroker()
			c.Broker = &b
		}
		if f.ClientID == "" {
			f.ClientID = "deskbell-" + c.Device + "-" + f.Name + "-" + m.Digits
		}
	}
	if len(c.Output) == 0 && len(c.Input) == 0 { // with a button, see outputs
		c.Output = simulatedOutputs()
		c.GPIO.Driver = "simulated"
	}
}

func withoutEmpty(list []string) []string {
	var kept []string
	for _, s := range list {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
