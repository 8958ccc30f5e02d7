// Package mqtt keeps one connection to one broker and tells the truth about
// it: a publish counts as acknowledged only by the PUBACK of the connection it
// was sent on, a connection that does not answer is ended, and a lost broker
// is tried again and again.
//
// A [Link] is the long-lived thing. On each new connection it serves its
// sessions, which publish and subscribe through a [Conn] that lives as long as
// that connection and no longer.
package mqtt

import (
	"context"
	"net"
	"time"
)

// A Message is what goes over a topic.
type Message struct {
	Topic    string
	QoS      byte // 0 or 1; 2 is not used by deskbell
	Retained bool // of a received message: it was stored by the broker before we subscribed
	Payload  []byte
}

// Config describes one connection.
type Config struct {
	// Name of the connection, for people.
	Name string
	// Broker is mqtt://host[:1883], mqtts://, ws:// or wss://, see ParseBroker.
	// It names the broker in words even when Dial is given.
	Broker string
	// Username and Password of the login; empty: none.
	Username, Password string
	// ClientID must be unique on the broker. Empty: the broker chooses one.
	ClientID string
	// CAFile holds PEM certificates that the broker's must come from, over TLS.
	// Empty: the system's. Read anew for each connection.
	CAFile string
	// CertFile and KeyFile hold the certificate, as PEM, that we show to a broker
	// that asks for one, over TLS. Empty: none. Read anew for each connection.
	CertFile, KeyFile string
	// Now is the wall clock that certificates are judged by. Nil: time.Now.
	Now func() time.Time
	// Dial opens the connection in another way than over TCP, such as to a
	// broker in the same process. Nil: what Broker says.
	Dial func(context.Context) (net.Conn, error)
	// Working is told true by Run when it begins its work on something, such as
	// the end of a connection, false when it waits, for the broker too. It must
	// not block. Nil: nobody wants to know.
	Working func(busy bool)
	// Will is published by the broker when it loses us. Nil: nothing.
	Will *Message
}

// A Session uses a connection while it lives.
type Session interface {
	// Serve runs until the connection is of no more use. ctx ends when the
	// connection is lost, and when we stop; in the latter case its cause is
	// ErrLeft, and c still works for 3 s, for what is to be said before
	// leaving. An error ends the connection; nil leaves it to the other
	// sessions. Serve is called again on the next connection, after it has
	// returned.
	Serve(ctx context.Context, c *Conn) error
}

// A Greeter is a Session with something to send before any session is served.
type Greeter interface {
	Session
	// Greet sends without waiting for the broker's answers. An error ends the
	// connection.
	Greet(ctx context.Context, c *Conn) error
}

// State is what is known of the connection now.
type State struct {
	// Connected says that the broker has accepted us and is not known lost.
	Connected bool
	// LastError says in words what is wrong, without credentials; empty when
	// nothing is.
	LastError string
	// Doubtful says that LastError is likely to come again, whether or not
	// there is a connection at the moment.
	Doubtful bool
	// Since is the time of the last change of Connected; zero before any.
	Since time.Time
}
