package webhook

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Reply forms of [Config.Reply].
const (
	ReplyMirror = "mirror" // a token from a JSON body is answered as JSON, any other as text
	ReplyJSON   = "json"
	ReplyText   = "text"
)

// DefaultPath is where posts are expected when [Config.Path] is empty.
const DefaultPath = "/webhook"

// DefaultMaxBody is the largest body in bytes when [Config.MaxBody] is zero.
const DefaultMaxBody = 1 << 20

// Paths on the same listener that need no token.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// Config is what a Handler needs to know. The zero value accepts every post, without limits of rate or address.
type Config struct {
	Path           string   // exact path of the posts; empty: DefaultPath
	Tokens         []string // any one is right; empty strings are ignored; none at all: every post is accepted
	TokenIn        []string // more places: "header:X-Acme-Key", "query:key", "body:auth.token"
	Reply          string   // ReplyMirror (also when empty), ReplyJSON or ReplyText
	MaxBody        int64    // bytes, at most 1 GiB; zero: DefaultMaxBody
	Rate           int      // requests a second without a right token from one address, burst twice that; 0: no limit
	AllowFrom      []string // addresses and networks; empty: everybody
	TrustedProxies []string // addresses and networks whose X-Forwarded-For is believed

	// Own is what OwnHeader holds in the posts by which this program asks whether it can be reached; empty: it makes none.
	// They are answered like others, but count nowhere, and AllowFrom does not concern them: they come from this machine's own
	// address, as it is seen from outside.
	Own string
}

// OwnHeader is the header of Config.Own.
const OwnHeader = "X-Deskbell-Check"

// Validate returns every fault of c, each beginning with the key it is about, such as `token_in.0: `.
func (c Config) Validate() []error {
	_, faults := c.compile()
	return faults
}

// compiled is a Config in the form that requests are checked with.
type compiled struct {
	path    string
	own     []byte
	maxBody int64
	places  places
	tokens  tokens
	allow   networks
	trusted networks
}

func (c Config) compile() (k compiled, faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	k.own = []byte(c.Own)
	k.path = c.Path
	if k.path == "" {
		k.path = DefaultPath
	}
	switch {
	case !strings.HasPrefix(k.path, "/") || strings.ContainsAny(k.path, "?#"):
		fault("path: %q is not a path such as %s", c.Path, DefaultPath)
	case k.path == healthPath || k.path == readyPath:
		fault("path: %s answers health checks: take another path", k.path)
	}
	k.maxBody = c.MaxBody
	if k.maxBody == 0 {
		k.maxBody = DefaultMaxBody
	}
	if k.maxBody < 0 || k.maxBody > 1<<30 {
		fault("max_body: must be between 1 byte and 1 GiB")
	}
	if c.Rate < 0 || c.Rate > 1<<20 {
		fault("rate: must be between 0 and 1048576 requests a second")
	}
	if !slices.Contains([]string{"", ReplyMirror, ReplyJSON, ReplyText}, c.Reply) {
		fault("reply: %q is none of %s, %s, %s", c.Reply, ReplyMirror, ReplyJSON, ReplyText)
	}
	k.tokens = newTokens(c.Tokens, c.Reply)
	for i, place := range c.TokenIn {
		if !k.places.add(place) {
			fault("token_in.%d: %q is no place: write header:NAME, query:NAME or body:NAME.NAME", i, place)
		}
	}
	list := func(key string, from []string) (ns networks) {
		for i, text := range from {
			n, err := parseNetwork(text)
			if err != nil {
				fault("%s.%d: %q is neither an address nor a network such as 192.0.2.0/24", key, i, text)
			}
			ns = append(ns, n)
		}
		return ns
	}
	k.allow = list("allow_from", c.AllowFrom)
	k.trusted = list("trusted_proxies", c.TrustedProxies)
	return k, faults
}

// networks is a list of address ranges, without zones and without IPv4 written as IPv6.
type networks []netip.Prefix

func (ns networks) contain(a netip.Addr) bool {
	for _, n := range ns {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// parseNetwork reads an address or a network.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a := n.Addr(); a.Is4In6() && n.Bits() >= 96 {
		n = netip.PrefixFrom(a.Unmap(), n.Bits()-96)
	}
	return n.Masked(), nil
}
