package mqtt

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ErrLeft is the cause of a session's context that ends because we stop, not
// because the connection was lost.
var ErrLeft = errors.New("we left the broker")

// ErrSession is in Conn.Err when a session ended the connection by an error.
var ErrSession = errors.New("ended by us")

// The reasons for which a connection ends on our side.
var (
	errPuback   = fmt.Errorf("no PUBACK for %v", ackTimeout)
	errPingresp = fmt.Errorf("no PINGRESP for %v", ackTimeout)
)

// unreached is the failure to open a connection at all: nobody is there.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// refusal puts the failure of a login into words. cause is why the network
// connection ended, secure that it goes over TLS.
func refusal(code byte, cause error, clientID string, secure bool) string {
	switch code {
	case packets.ErrRefusedBadProtocolVersion:
		return "broker does not speak MQTT 3.1.1: switch that on there"
	case packets.ErrRefusedIDRejected:
		return fmt.Sprintf("broker refused the client id %q: set another client_id", clientID)
	case packets.ErrRefusedServerUnavailable:
		return "broker says that it is not available now: see its log; it is tried again"
	case packets.ErrRefusedBadUsernameOrPassword:
		return "broker refused the login (bad user name or password): check username and password"
	case packets.ErrRefusedNotAuthorised:
		return "broker refused the login (not authorised): check username and password"
	}
	if closedByPeer(cause) && secure {
		return "the other side closed the connection before the login: is it an MQTT broker, and does it want a client certificate (cert_file, key_file)?"
	}
	if closedByPeer(cause) {
		return "the other side closed the connection before the login: is it an MQTT broker, and without TLS?"
	}
	return plainly(cause)
}

// lost puts the loss of a connection into words.
func lost(err error, unacked int) string {
	switch {
	case errors.Is(err, errPuback), errors.Is(err, errPingresp), errors.Is(err, errNotMQTT), errors.Is(err, ErrSession):
		return err.Error()
	case errors.Is(err, errStuck):
		return errStuck.Error()
	case errors.Is(err, io.EOF):
		if unacked > 0 {
			return fmt.Sprintf("broker closed the connection with %d publishes unacknowledged", unacked)
		}
		return "broker closed the connection"
	}
	return "connection lost: " + plainly(err)
}

// closedByPeer says that the broker ended the connection, not the network.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}
