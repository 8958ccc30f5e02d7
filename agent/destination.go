package agent

import (
	"time"

	"deskbell/agent/forward"
	"deskbell/agent/hub"
	"deskbell/agent/mqtt"
	"deskbell/storage"
)

// destination is one forward with its connection.
type destination struct {
	name, broker string
	link         *mqtt.Link
	forwarder    *forward.Forwarder
	problems     func() []string // of the face on that broker
}

// destination makes the connection of one forward; the device's face is shown
// on it before the events go out. first says that no forward before it goes to
// the same broker: a second face there would do every command twice.
func (a *Agent) destination(f ForwardConfig, first bool, store *storage.Log, device hub.Device) (*destination, error) {
	cursor, err := store.Cursor(forwardCursor + f.Name)
	if err != nil {
		return nil, err
	}
	log := a.log.With("forward", f.Name)
	fw, err := forward.New(forward.Config{
		Name: f.Name, Device: a.config.Device, Topic: f.Topic, Format: f.Format, Data: f.Data,
		Redact: f.Redact, Only: f.Only, Except: f.Except, Window: f.Window,
		Working: a.pulses.of("forward " + f.Name),
	}, store, cursor, a.decoder, func(took time.Duration) { a.metrics.Delivered(f.Name, took) }, a.signal.Notify, log)
	if err != nil {
		return nil, err
	}
	c := f.connection()
	c.Working = a.pulses.of("connection of " + f.Name)
	c.Now = a.options.Now
	beacon := hub.NewBeacon(a.base(), log)
	var face mqtt.Session = beacon
	problems := beacon.Problems
	if first {
		h := hub.New(a.base(), device, log)
		face, c.Will, problems = h, hub.Will(a.base()), h.Problems
	}
	if f.Broker == Embedded {
		c.Dial = a.broker.Dial
	}
	return &destination{
		name: f.Name, broker: f.Broker, forwarder: fw, problems: problems,
		link: mqtt.NewLink(c, []mqtt.Session{face, fw}, log, a.signal.Notify),
	}, nil
}

// connection is the way to the broker of a forward that is not the built-in one.
func (f ForwardConfig) connection() mqtt.Config {
	return mqtt.Config{
		Name: f.Name, Broker: f.Broker, Username: f.Username, Password: f.Password, ClientID: f.ClientID,
		CAFile: f.CAFile, CertFile: f.CertFile, KeyFile: f.KeyFile,
	}
}

// base is the prefix of all topics of this device.
func (a *Agent) base() string { return "deskbell/" + mqtt.TopicLevel(a.config.Device) }
