package webhook

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses is how many addresses are told apart; there are more only in an attack.
const maxAddresses = 4096

// rates limits the requests of each address.
type rates struct {
	perSecond int

	mu       sync.Mutex
	each     map[netip.Prefix]*addressRate
	rest     *rate.Limiter // shared by those for whom there is no room
	sweeping time.Time     // when it was last looked for entries of no use
}

type addressRate struct {
	limiter *rate.Limiter
	used    time.Time
}

// newRates returns nil, which allows everything, for 0.
func newRates(perSecond int) *rates {
	if perSecond == 0 {
		return nil
	}
	return &rates{perSecond: perSecond, each: make(map[netip.Prefix]*addressRate), rest: newLimiter(perSecond)}
}

func newLimiter(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
}

// allow counts a request and says whether it is within the limit. IPv6 counts by /64, which is what one customer has.
func (rs *rates) allow(from netip.Addr, now time.Time) bool {
	if rs == nil {
		return true
	}
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	network, err := from.Prefix(bits)
	if err != nil {
		network = netip.Prefix{} // all whose address cannot be known
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	e := rs.each[network]
	if e == nil {
		if len(rs.each) >= maxAddresses {
			rs.sweep(now)
		}
		if len(rs.each) >= maxAddresses {
			return rs.rest.AllowN(now, 1)
		}
		e = &addressRate{limiter: newLimiter(rs.perSecond)}
		rs.each[network] = e
	}
	e.used = now
	return e.limiter.AllowN(now, 1)
}

// sweep drops what a new entry would be equal to: after two seconds without use a limiter has its whole burst again.
// It does so at most once a second.
func (rs *rates) sweep(now time.Time) {
	if now.Sub(rs.sweeping) < time.Second {
		return
	}
	rs.sweeping = now
	for network, e := range rs.each {
		if now.Sub(e.used) > 2*time.Second {
			delete(rs.each, network)
		}
	}
}
