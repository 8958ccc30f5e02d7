package webhook

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"deskbell/agent/event"
)

// The lists of the store that a Handler writes.
const (
	ListRefused  = "refused"  // of Shape: requests without a right token
	ListRejected = "rejected" // of Rejected: bodies that could not be understood
)

// maxRejected is how much of a body that could not be understood is kept.
const maxRejected = 64 << 10

// Shape is what is kept of a request that was refused for want of a right token: no values at all.
type Shape struct {
	Time    *time.Time     `json:"time"` // UTC; null while the clock was not set
	Address string         `json:"address"`
	Headers map[string]int `json:"headers"` // name → length of all its values
	Query   map[string]int `json:"query"`   // the same; what stands there without a name is called "(no name)"
	Body    map[string]int `json:"body"`    // top-level name → length of its value's text; empty when it is no JSON object
	Bytes   int            `json:"bytes"`   // length of the body
}

// Rejected is what is kept of a body that could not be understood.
type Rejected struct {
	Time   *time.Time `json:"time"` // UTC; null while the clock was not set
	Reason string     `json:"reason"`
	Bytes  int        `json:"bytes"` // length of the whole body
	Body   []byte     `json:"body"`  // its first 64 KiB; base64 in JSON
}

const (
	maxNames = 32 // of headers, query and body each
	maxName  = 64 // bytes of one
)

func newShape(r *http.Request, from netip.Addr, body []byte, parser *event.Parser, now time.Time) Shape {
	s := Shape{Time: stamp(now), Headers: make(map[string]int), Query: make(map[string]int), Body: make(map[string]int), Bytes: len(body)}
	if from.IsValid() {
		s.Address = from.String()
	}
	for name, values := range r.Header {
		for _, v := range values {
			count(s.Headers, name, len(v))
		}
	}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, named := strings.Cut(pair, "=")
		switch {
		case named:
			count(s.Query, name, len(value))
		case pair != "":
			count(s.Query, "(no name)", len(pair)) // may well be the token itself
		}
	}
	for name, size := range parser.Sizes(maxNames) {
		count(s.Body, name, size)
	}
	return s
}

func count(sizes map[string]int, name string, size int) {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	if _, known := sizes[name]; known || len(sizes) < maxNames {
		sizes[name] += size
	}
}

// stamp is now, or nil while the clock is not set: it then counts from a year before this program was written.
func stamp(now time.Time) *time.Time {
	now = now.UTC()
	if now.Year() < 2026 {
		return nil
	}
	return &now
}

// line encodes what is remembered; its types can always be encoded.
func line(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// gate bounds how often strangers can make the store write: each second in which something of theirs is remembered
// costs a commit at most. A hundred such seconds are free, then there is one in ten.
type gate struct {
	mu      sync.Mutex
	opened  time.Time
	seconds *rate.Limiter
}

func newGate() *gate { return &gate{seconds: rate.NewLimiter(0.1, 100)} }

func (g *gate) open(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if since := now.Sub(g.opened); since >= 0 && since < time.Second {
		return true
	}
	if !g.seconds.AllowN(now, 1) {
		return false
	}
	g.opened = now
	return true
}
