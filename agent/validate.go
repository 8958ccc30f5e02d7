package agent

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
	"deskbell/gpio"
)

const minStore = Size(1 << 20)

// validate adds a fault for every value that cannot be run with.
func (c *Config) validate(f *collector) {
	if strings.ContainsAny(c.Device, "/+#\x00") || len(c.Device) > 128 {
		f.add("device", "%q cannot be part of a topic: leave out / + # and keep it below 128 bytes", c.Device)
	}
	if c.DataDir == "" {
		f.add("data_dir", "must name a folder")
	}
	if _, err := c.Location(); err != nil {
		f.add("timezone", "%q is not a time zone: write \"local\" or a name such as \"Europe/Paris\"", c.Timezone)
	}
	c.validateWebhook(f)
	c.validateStorage(f)
	c.validateForwards(f)
	c.validateInputs(f, c.validateOutputs(f))
	if c.Broker != nil {
		listenAddress(f, "broker.listen", c.Broker.Listen)
		if (c.Broker.Username == "") != (c.Broker.Password == "") {
			f.add("broker", "username and password go together")
		}
	}
	if listenAddress(f, "admin.listen", c.Admin.Listen) && !loopback(c.Admin.Listen) && c.Admin.Password == "" {
		f.add("admin.listen", "%s can be reached from other machines: set admin.password, or listen on 127.0.0.1", c.Admin.Listen)
	}
	pairOfFiles(f, "admin", c.Admin.TLSCert, c.Admin.TLSKey)
	oneOf(f, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(f, "log.format", c.Log.Format, "text", "json")
	c.validateBoard(f)
	c.validateIndication(f)
}

func (c *Config) validateWebhook(f *collector) {
	w := c.Webhook
	if listenAddress(f, "webhook.listen", w.Listen) && !loopback(w.Listen) && len(w.Tokens) == 0 {
		f.add("webhook.listen", "%s can be reached from other machines: set webhook.tokens to the platform's token, or listen on 127.0.0.1", w.Listen)
	}
	if w.Path == "/healthz" || w.Path == "/readyz" {
		f.add("webhook.path", "%s answers health checks: take another path", w.Path)
	}
	if w.MaxBody < 1 || w.MaxBody > 64<<20 {
		f.add("webhook.max_body", "must be between 1B and 64MiB")
	}
	for _, fault := range w.handler().Validate() {
		key, text, _ := strings.Cut(fault.Error(), ": ")
		f.add("webhook."+key, "%s", text)
	}
	if _, err := time.LoadLocation(w.Timestamps); err != nil || w.Timestamps == "" {
		f.add("webhook.timestamps", "%q is not a time zone: write a name such as \"UTC\" or \"Asia/Kolkata\"", w.Timestamps)
	}
	publicURL(f, w.PublicURL)
	pairOfFiles(f, "webhook", w.TLSCert, w.TLSKey)
	validateACME(f, w)
	for _, name := range slices.Sorted(maps.Keys(w.Types)) {
		kinds(f, join("webhook.types", name), []string{w.Types[name]}, false)
	}
	for _, list := range []struct {
		key   string
		paths []string
	}{{"webhook.fields.assignee", w.Fields.Assignee}, {"webhook.fields.status", w.Fields.Status}} {
		paths(f, list.key, list.paths)
	}
}

// pairOfFiles checks tls_cert and tls_key of a table. What is in the files is
// looked at when they are used: they come and go.
func pairOfFiles(f *collector, table, cert, key string) {
	if cert == "" && key != "" {
		f.missing(table+".tls_cert", "tls_cert and tls_key go together")
	}
	if cert != "" && key == "" {
		f.missing(table+".tls_key", "tls_cert and tls_key go together")
	}
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

func validateACME(f *collector, w WebhookConfig) {
	if w.ACME == nil {
		return
	}
	if w.TLSCert != "" {
		f.add("webhook.acme", "there is webhook.tls_cert already: take one of them away")
	}
	if len(w.ACME.Domains) == 0 {
		f.missing("webhook.acme.domains", "the name that the certificate is for is missing, such as [\"desk.example.org\"]")
	}
	for i, d := range w.ACME.Domains {
		if !domainName.MatchString(d) || len(d) > 253 {
			f.add("webhook.acme.domains."+strconv.Itoa(i), "%q is not a name such as desk.example.org, in small letters: no address, no * and no port", d)
		}
	}
	if at, err := url.Parse(w.ACME.Directory); w.ACME.Directory != "" && (err != nil || at.Scheme != "https" || at.Host == "") {
		f.add("webhook.acme.directory", "must be the address of an ACME directory, and begin with https://")
	}
}

// publicURL checks webhook.public_url, which may be shown: it can hold no secret.
func publicURL(f *collector, text string) {
	const key = "webhook.public_url"
	u, err := url.Parse(text)
	switch {
	case text == "":
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Fragment != "":
		f.add(key, "not an address: write it like \"https://desk.example.org/webhook\"")
	case u.User != nil:
		f.add(key, "leave the user and the password out: the token is sent in the body")
	case u.RawQuery != "" || u.ForceQuery:
		f.add(key, "leave out what follows the ?: the token is sent in the body")
	}
}

func (c *Config) validateStorage(f *collector) {
	most := Size(1 << 40)
	if strconv.IntSize == 32 {
		most = 256 << 20
	}
	if c.Storage.MaxSize < minStore || c.Storage.MaxSize > most {
		f.add("storage.max_size", "must be between %s and %s", minStore, most)
	}
	oneOf(f, "storage.when_full", c.Storage.WhenFull, "refuse", dropOldest)
}

var forwardName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c *Config) validateForwards(f *collector) {
	seen := map[string]bool{}
	for i, fw := range c.Forward {
		key := "forward." + strconv.Itoa(i)
		switch {
		case fw.Name == "":
			f.missing(key+".name", "a forward needs a name")
		case !forwardName.MatchString(fw.Name):
			f.add(key+".name", "%q may have letters, digits, - and _ only", fw.Name)
		case seen[fw.Name]:
			f.add(key+".name", "two forwards are named %s", fw.Name)
		}
		seen[fw.Name] = true
		brokerURL(f, key, fw)
		topicTemplate(f, key+".topic", fw.Topic)
		oneOf(f, key+".format", fw.Format, "cloudevents", "raw")
		oneOf(f, key+".data", fw.Data, "full", "redacted", "none")
		if fw.Format == "raw" && fw.Data == "none" {
			f.add(key+".data", "a raw event without its data is nothing: take format = \"cloudevents\"")
		}
		if fw.Window < 1 || fw.Window > 1024 {
			f.add(key+".window", "must be between 1 and 1024")
		}
		paths(f, key+".redact", fw.Redact)
		kinds(f, key+".only", fw.Only, true)
		kinds(f, key+".except", fw.Except, true)
	}
}

func brokerURL(f *collector, key string, fw ForwardConfig) {
	key += ".broker"
	if fw.Broker == "" {
		f.missing(key, "a forward needs the broker's address, such as \"mqtt://homeassistant.local\"")
		return
	}
	if fw.Broker == Embedded {
		return
	}
	at, err := mqtt.ParseBroker(fw.Broker)
	if err != nil {
		f.add(key, "%v", err)
		return
	}
	key = strings.TrimSuffix(key, "broker")
	for _, of := range []struct{ name, file string }{{"ca_file", fw.CAFile}, {"cert_file", fw.CertFile}, {"key_file", fw.KeyFile}} {
		if of.file != "" && !at.TLS {
			f.add(key+of.name, "is used with mqtts:// and wss:// only")
		}
	}
	if (fw.CertFile == "") != (fw.KeyFile == "") {
		f.add(key+"cert_file", "cert_file and key_file go together")
	}
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func topicTemplate(f *collector, key, topic string) {
	for _, p := range placeholder.FindAllString(topic, -1) {
		if !slices.Contains([]string{"{device}", "{kind}", "{type}", "{account}", "{bot}", "{conversation}"}, p) {
			f.add(key, "unknown placeholder %s", p)
		}
	}
	if topic == "" || strings.ContainsAny(topic, "+#\x00") || len(topic) > 1024 {
		f.add(key, "%q is not a topic to publish on: it may not be empty nor hold + or #", topic)
	}
}

// validateOutputs returns who has which pin.
func (c *Config) validateOutputs(f *collector) (pins map[string]string) {
	oneOf(f, "gpio.driver", c.GPIO.Driver, "auto", "chip", "simulated")
	pins = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Output)) {
		o, key := c.Output[name], join("output", name)
		if !forwardName.MatchString(name) {
			f.add(key, "%q may have letters, digits, - and _ only", name)
		}
		if slices.Contains([]string{"lights", "sounds", "outputs"}, name) {
			f.add(key, "%s is the name of a group: take another", name)
		}
		switch o.Kind {
		case gpio.Light, gpio.Relay, gpio.Buzzer, gpio.Tone:
		default:
			f.add(key+".kind", "must be light, relay, buzzer or tone, not %q", o.Kind)
		}
		if o.Pin == "" {
			f.missing(key+".pin", "an output needs a pin, such as \"GPIO17\"")
		} else if other := pins[o.Pin]; other != "" {
			f.add(key+".pin", "%s is the pin of %s already", o.Pin, other)
		}
		pins[o.Pin] = "output " + name
	}
	return pins
}

// validateBoard adds what the board alone knows to be wrong.
func (c *Config) validateBoard(f *collector) {
	joined, ok := c.Board().Validate().(interface{ Unwrap() []error })
	if !ok { // nothing
		return
	}
	known := slices.Clone(f.faults)
	for _, err := range joined.Unwrap() {
		key, text, _ := strings.Cut(err.Error(), ": ")
		if !f.follows(key, known) {
			f.add(key, "%s", text)
		}
	}
}

// Location is the time zone of page and terminal.
func (c *Config) Location() (*time.Location, error) {
	if c.Timezone == "local" {
		return time.Local, nil
	}
	if c.Timezone == "" || c.Timezone == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", c.Timezone)
	}
	return time.LoadLocation(c.Timezone)
}

func oneOf(f *collector, key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add(key, "must be one of %s, not %q", strings.Join(allowed, ", "), value)
	}
}

func kinds(f *collector, key string, list []string, indexed bool) {
	for i, k := range list {
		if slices.Contains(event.Kinds(), event.Kind(k)) {
			continue
		}
		at := key
		if indexed {
			at += "." + strconv.Itoa(i)
		}
		all := make([]string, 0, len(event.Kinds()))
		for _, known := range event.Kinds() {
			all = append(all, string(known))
		}
		f.add(at, "%q is not a kind; the kinds are %s", k, strings.Join(all, " "))
	}
}

func paths(f *collector, key string, list []string) {
	for i, p := range list {
		if p == "" || slices.Contains(strings.Split(p, "."), "") {
			f.add(key+"."+strconv.Itoa(i), "%q is not a dotted path such as \"payload.assignee\"", p)
		}
	}
}

// listenAddress tells whether address is host:port, and adds a fault if not.
func listenAddress(f *collector, key, address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		f.add(key, "%q is not an address to listen on: write it like \"127.0.0.1:8080\" or \":8080\"", address)
	}
	return err == nil
}

// loopback tells whether a listen address is reached from this machine alone.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
