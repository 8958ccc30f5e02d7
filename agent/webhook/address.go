package webhook

import (
	"net/http"
	"net/netip"
	"strings"
)

// client is the address a request comes from: the peer's, or when that is a trusted proxy, the right-most one of
// X-Forwarded-For that is not. It is the zero Addr when it cannot be known.
func client(r *http.Request, trusted networks) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap().WithZone("")
	hops := r.Header["X-Forwarded-For"]
	for i := len(hops) - 1; i >= 0; i-- {
		for rest := hops[i]; rest != ""; {
			if !trusted.contain(at) {
				return at
			}
			cut := strings.LastIndexByte(rest, ',')
			hop, ok := parseHop(strings.TrimSpace(rest[cut+1:]))
			if !ok {
				return at // whoever wrote this cannot be followed further
			}
			at = hop
			rest = rest[:max(cut, 0)]
		}
	}
	return at
}

// parseHop reads an address as proxies write it, with or without port.
func parseHop(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}
