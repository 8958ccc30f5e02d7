package webhook

import (
	"net/netip"
	"sync"
	"time"
)

// Post is what is known of one post to Config.Path, without any value of it.
type Post struct {
	Number  uint64     // of its sort since New, from 1; 0: there was none
	Time    *time.Time // of the answer, UTC; nil while the clock was not set
	Address string     // whence it came; of refused ones alone
	TokenIn string     // the place of its token, right or wrong, such as "header Authorization", "query token", "body"; empty: it had none
	Events  int        // that it held; 0: a check
	Code    int        // of the answer
}

// seen keeps the last post that was answered 200 and the last that was refused.
type seen struct {
	mu   sync.Mutex
	last [2]Post
}

func (s *seen) good(p Post)    { s.note(0, p) }
func (s *seen) refused(p Post) { s.note(1, p) }

func (s *seen) note(sort int, p Post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Number = s.last[sort].Number + 1
	s.last[sort] = p
}

// Seen returns the last post that was answered 200, and the last one that was refused. Posts of this program's own, see
// Config.Own, are left out.
func (h *Handler) Seen() (good, refused Post) {
	h.seen.mu.Lock()
	defer h.seen.mu.Unlock()
	return h.seen.last[0], h.seen.last[1]
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
