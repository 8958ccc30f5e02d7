package indicator

import (
	"log/slog"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/gpio"
)

// Output describes one output as configured.
type Output struct {
	Name      string
	Pin       string
	Kind      string // gpio.Light, gpio.Buzzer, gpio.Relay or gpio.Tone; empty: gpio.Light
	ActiveLow bool
	Only      []string // names of people, ids or e-mails of people, ids or names of teams, OnlyUnassigned, OnlyBot: rules count only these here; empty: all
}

// Config says what is shown where. None of its functions may block or call the Indicator.
type Config struct {
	Desk     desk.Config
	Outputs  []Output
	Inputs   []Input
	Rules    []Rule                  // the first that asks for an output wins it; see Merge
	People   map[string]string       // a name for rules and outputs → the e-mail or id of one of the platform's users
	Only     string                  // an expression over a conversation: which this desk cares about; empty: all
	Patterns map[string]gpio.Pattern // beside the built-in ones, tunes too
	Quiet    []Quiet
	Location *time.Location // of quiet hours; nil: time.Local
	Reasons  int            // of how many events it is kept why outputs showed what they did; 0: of none
	// ClockSet says whether the wall clock can be believed. Nil: it can.
	ClockSet func() bool
	// Conditions says how things stand beside the desk. It must be quick. Nil: all is well.
	Conditions func() Conditions
	// Changed is called after each change of the desk or of what an output is to show, not at each blink. Nil: nobody wants to know.
	Changed func()
	// Shown is called after an event changed an output, with the time since its receipt. Nil: nobody wants to know.
	Shown func(acceptedToPin time.Duration)
	// Seen is called once for each event, in their order. Nil: nobody wants to know.
	Seen func(event.Event)
	// Working is told true by Run when it begins its work on something, false when it waits. It must not block. Nil: nobody wants
	// to know.
	Working func(busy bool)
	// Now is the wall clock, which may jump; only quiet hours and what is told to people go by it. Nil: time.Now.
	Now func() time.Time
	Log *slog.Logger // nil: slog.Default
}

// Validate returns every fault, as "KEY: what is wrong and what to write instead", with the key as it stands in the
// configuration: rule.0.when, output.lamp.only.1, desk.only. A Config without a fault is one that New takes.
func (c Config) Validate() []error {
	_, faults := newEngine(c)
	return faults
}
