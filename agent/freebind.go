package agent

import (
	"fmt"
	"net"
	"net/netip"
)

// nowhere says in words that no interface has the address that l listens on.
// Such a listener works as soon as one has: a router may boot for longer than
// this machine. It may be a slip as well.
func nowhere(what, address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Addr().IsUnspecified() || at.Addr().IsLoopback() {
		return ""
	}
	ours, err := net.InterfaceAddrs()
	if err != nil {
		return "" // nothing is known
	}
	for _, a := range ours {
		if n, err := netip.ParsePrefix(a.String()); err == nil && n.Addr().WithZone("") == at.Addr().Unmap().WithZone("") {
			return ""
		}
	}
	return fmt.Sprintf("%s: no network interface of this machine has the address %s yet: is the network up, and is it the right address?", what, at.Addr().Unmap())
}
