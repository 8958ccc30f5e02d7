package broker

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// doorman decides who comes in. Nobody does whom it does not know: the
// library lets everybody in where its own ledger says nothing.
type doorman struct {
	mqtt.HookBase
	config  Config
	clients *mqtt.Clients
}

// maxSessions bounds the clients that the broker remembers, connected or not.
const maxSessions = 512

var errFull = errors.New("the broker remembers too many clients")

// ID names the hook for the library.
func (d *doorman) ID() string { return "doorman" }

// Provides says which of the library's questions it answers.
func (d *doorman) Provides(b byte) bool {
	return b == mqtt.OnConnect || b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

// OnConnect turns a new client away when there are too many.
func (d *doorman) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	if _, known := d.clients.Get(cl.ID); !known && cl.Net.Listener != inside && d.clients.Len() >= maxSessions {
		return errFull
	}
	return nil
}

// OnConnectAuthenticate lets this process in, then who knows the password, and
// where none is set, this machine.
func (d *doorman) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	ok := d.admits(cl, pk)
	if l, is := cl.Net.Conn.(*line); ok && is {
		l.admitted.Store(true)
	}
	return ok
}

func (d *doorman) admits(cl *mqtt.Client, pk packets.Packet) bool {
	if cl.Net.Listener == inside {
		return true
	}
	if d.config.Password != "" || d.config.Username != "" {
		user := d.config.Username == "" || same(pk.Connect.Username, d.config.Username)
		return same(pk.Connect.Password, d.config.Password) && user
	}
	from, err := netip.ParseAddrPort(cl.Net.Remote)
	return err == nil && from.Addr().Unmap().IsLoopback()
}

// OnACLCheck lets who is in read and write everything.
func (d *doorman) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// same compares in a time that tells nothing of where the two differ.
func same(got []byte, want string) bool {
	a, b := sha256.Sum256(got), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
