//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestWhenUndeliveredEventsFillTheStore has a broker that is away and more
// events than the smallest store holds.
func TestWhenUndeliveredEventsFillTheStore(t *testing.T) {
	for _, tt := range []struct {
		policy  string
		refused bool
	}{{"refuse", true}, {"drop_oldest", false}} {
		t.Run(tt.policy, func(t *testing.T) {
			p := newProgram(t, "", fmt.Sprintf("[storage]\nmax_size = \"1MiB\"\nwhen_full = %q\n[[forward]]\nname = \"hub\"\nbroker = \"mqtt://%s\"\n", tt.policy, freeAddress(t)))
			p.start()
			refused := false
			for i := range 1500 {
				body := fmt.Appendf(nil, `{"events":[{"event":{"type":"message"},"n":%d,"x":%q}]}`, i, strings.Repeat("x", 1000))
				p.eventually("the event is taken or refused", func() bool {
					code, _, header := p.post(body)
					if code == http.StatusServiceUnavailable && header.Get("Retry-After") != "" {
						refused = true
						return tt.refused // else for a moment only: what the desk has not seen is not dropped
					}
					return code == http.StatusOK
				})
			}
			s := p.status().Storage
			if tt.refused && !refused || s.Full != tt.refused || (s.Dropped > 0) == tt.refused || s.Records == 0 {
				t.Errorf("refused %v, %+v", refused, s)
			}
			if !tt.refused && s.LastSequence != 1500 {
				t.Errorf("the newest is event %d", s.LastSequence)
			}
			if code := p.stop(); code != 0 {
				t.Errorf("it ended with %d: %s", code, p.said.String())
			}
		})
	}
}
