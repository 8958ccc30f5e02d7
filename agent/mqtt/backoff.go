package mqtt

import (
	"math/rand/v2"
	"time"
)

// steps are the longest waits before the tries in a row to connect to a broker
// that is there and does not keep us. The last one goes on.
var steps = [...]time.Duration{
	500 * time.Millisecond, time.Second, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second,
}

// A broker that is not there costs nobody anything to be tried, and is mostly
// about to come back: for a while it is tried more often.
const (
	soon, soonFor         = 500 * time.Millisecond, 30 * time.Second
	presently, presentFor = time.Second, 2 * time.Minute
)

// A backoff says how long to wait before the next try. Half of it is left to
// chance, so that many boxes do not come back to a broker all at once.
type backoff struct {
	tries     int
	away      time.Time // since when the broker is not there; zero: it is
	impatient bool      // for tests: no wait
}

// next is called after a try that failed; there says that a broker was.
func (b *backoff) next(there bool) time.Duration {
	if b.impatient {
		return 0
	}
	longest := steps[min(b.tries, len(steps)-1)]
	if there {
		b.tries++
		b.away = time.Time{}
	} else {
		if b.away.IsZero() {
			b.away = time.Now()
		}
		switch gone := time.Since(b.away); {
		case gone < soonFor:
			longest = soon
		case gone < presentFor:
			longest = presently
		default:
			longest = steps[len(steps)-1]
		}
	}
	return longest/2 + rand.N(longest/2)
}

// ease is called after a connection that did not last and was of use all the
// same.
func (b *backoff) ease() { b.tries, b.away = min(b.tries, 1), time.Time{} }

// reset is called after a connection that was good.
func (b *backoff) reset() { b.tries, b.away = 0, time.Time{} }
