package mqtt

import (
	"math/rand/v2"
	"time"
)

// steps are the longest waits before the tries in a row to connect. The last
// one goes on.
var steps = [...]time.Duration{
	500 * time.Millisecond, time.Second, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second,
}

// A backoff says how long to wait before the next try. Half of it is left to
// chance, so that many boxes do not come back to a broker all at once.
type backoff struct {
	tries     int
	impatient bool // for tests: no wait
}

func (b *backoff) next() time.Duration {
	if b.impatient {
		return 0
	}
	longest := steps[min(b.tries, len(steps)-1)]
	b.tries++
	return longest/2 + rand.N(longest/2)
}

func (b *backoff) reset() { b.tries = 0 }
