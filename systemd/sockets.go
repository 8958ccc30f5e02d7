package systemd

import (
	"crypto/sha256"
	"fmt"
	"net"
)

// Sockets is what systemd has kept for this service since its last process: the listening sockets that were given to it by Keep.
// There is no way to ask whether it keeps one: a unit without FileDescriptorStoreMax drops it without a word.
type Sockets struct{ passed []passed }

// passed is a file descriptor with the name that it was kept under.
type passed struct {
	fd   int
	name string
}

// keptName is the name that systemd keeps a socket of a room under. It stands for the address as it is configured, since what a
// socket is bound to does not tell ":8080" from "[::]:8080", or what a host name meant yesterday.
func keptName(room, address string) string {
	return fmt.Sprintf("%s-%x", room, sha256.Sum256([]byte(address)))[:len(room)+9]
}

// Keep has systemd keep the socket of l, which was bound for a room at this address, until the service is stopped: over a
// restart, whyever it comes, nobody who connects is refused. It says whether there is a service manager. It blocks only while
// the manager's socket is full.
func Keep(room, address string, l net.Listener) (kept bool, err error) {
	kept, err = keep(keptName(room, address), l)
	if err != nil {
		return false, fmt.Errorf("have the service manager keep the socket of %s: %w", room, err)
	}
	return kept, nil
}
