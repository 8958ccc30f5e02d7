package forward

import (
	"errors"
	"fmt"
	"slices"

	"deskbell/agent/event"
)

// The formats of a payload.
const (
	CloudEvents = "cloudevents" // CloudEvents 1.0, structured JSON
	Raw         = "raw"         // the event as it came
)

// How much of an event is sent.
const (
	Full     = "full"     // all of it, byte for byte
	Redacted = "redacted" // without the paths of Config.Redact
	None     = "none"     // its attributes alone; in raw format `{}`
)

// DefaultTopic and DefaultWindow are used where Config leaves them out.
const (
	DefaultTopic  = "deskbell/{device}/event/{kind}"
	DefaultWindow = 64
)

// maxWindow keeps well within the 65,535 packet ids there are.
const maxWindow = 10000

// Config describes one destination.
type Config struct {
	Name   string
	Device string
	// Topic is a template with {device} {kind} {type} {account} {bot}
	// {conversation}. Empty: DefaultTopic.
	Topic string
	// Format is CloudEvents (also when empty) or Raw.
	Format string
	// Data is Full (also when empty), Redacted or None.
	Data string
	// Redact lists what Redacted leaves out, dotted from `event`.
	Redact []string
	// Only lists the kinds to send, empty: all; Except those not to send.
	Only, Except []string
	// Working is told true when the Forwarder begins its work on an event, false
	// when it waits, for the broker too. It must not block. Nil: nobody wants to
	// know.
	Working func(busy bool)
	// Window is how many publishes may wait for their acknowledgement; 0:
	// DefaultWindow.
	Window int
}

func (c Config) withDefaults() Config {
	if c.Topic == "" {
		c.Topic = DefaultTopic
	}
	if c.Format == "" {
		c.Format = CloudEvents
	}
	if c.Data == "" {
		c.Data = Full
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.Working == nil {
		c.Working = func(bool) {}
	}
	return c
}

// Validate says everything that is wrong with c, joined, each beginning with
// its key, such as `topic: `.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf(key+": "+format, args...))
	}
	if _, err := parseTemplate(c.Topic); err != nil {
		fault("topic", "%w", err)
	}
	if c.Format != CloudEvents && c.Format != Raw {
		fault("format", "%q is neither %s nor %s", c.Format, CloudEvents, Raw)
	}
	if c.Data != Full && c.Data != Redacted && c.Data != None {
		fault("data", "%q is none of %s, %s, %s", c.Data, Full, Redacted, None)
	}
	if c.Window < 1 || c.Window > maxWindow {
		fault("window", "%d is not between 1 and %d", c.Window, maxWindow)
	}
	for _, k := range c.Only {
		if !event.Kind(k).Valid() {
			fault("only", "%q is not a kind of event: %v", k, event.Kinds())
		}
	}
	for _, k := range c.Except {
		if !event.Kind(k).Valid() {
			fault("except", "%q is not a kind of event: %v", k, event.Kinds())
		}
	}
	return errors.Join(faults...)
}

// filter returns whether a kind is to be sent.
func (c Config) filter() func(event.Kind) bool {
	return func(k event.Kind) bool {
		return (len(c.Only) == 0 || slices.Contains(c.Only, string(k))) && !slices.Contains(c.Except, string(k))
	}
}

// everything says that no kind is left out.
func (c Config) everything() bool { return len(c.Only) == 0 && len(c.Except) == 0 }
