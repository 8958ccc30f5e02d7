package load

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Report is what a Ledger says at one moment. Everything counts events.
type Report struct {
	Sent       int            `json:"sent"`
	Accepted   int            `json:"accepted"`     // answered 200
	Refused    int            `json:"refused"`      // answered otherwise
	Unanswered int            `json:"unanswered"`   // yet, or for good
	Answers    map[int]int    `json:"answers"`      // events by status
	Errors     map[string]int `json:"errors"`       // posts without an answer by why
	Delivered  int            `json:"delivered"`    // came, accepted or not
	Lost       int            `json:"lost"`         // accepted, and did not come
	Surplus    int            `json:"surplus"`      // came, though never answered 200
	Duplicates int            `json:"duplicates"`   // further copies
	Repeated   int            `json:"repeated"`     // of the duplicates, those that the broker sent again
	OutOfOrder int            `json:"out_of_order"` // accepted, and came after a later one of the same connection
	Altered    int            `json:"altered"`      // came without the bytes that were sent
	Foreign    int            `json:"foreign"`      // of this run, but never sent

	Answer   Percentiles `json:"answer"`   // from when it was due to its 200
	Delivery Percentiles `json:"delivery"` // from when it was due to its coming
	// Span is from the first that was sent to the last that was answered or came.
	Span time.Duration `json:"span_ns"`
}

// Percentiles of so many durations.
type Percentiles struct {
	N    int           `json:"n"`
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	Max  time.Duration `json:"max_ns"`
	Mean time.Duration `json:"mean_ns"`
}

// Report counts. Latencies are those of accepted events that were sent at
// least warm after the first one.
func (l *Ledger) Report(warm time.Duration) Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{Answers: map[int]int{}, Errors: map[string]int{}, Foreign: l.foreign, Repeated: l.again}
	for status, n := range l.answers {
		r.Answers[status] = n
	}
	for why, n := range l.errors {
		r.Errors[why] = n
	}
	var first, last time.Duration
	for e := range l.all() {
		if r.Sent == 0 || e.sent < first {
			first = e.sent
		}
		r.Sent++
		last = max(last, e.answered, e.came)
	}
	var answer, delivery []time.Duration
	for e := range l.all() {
		switch {
		case e.accepted:
			r.Accepted++
		case e.answered != 0:
			r.Refused++
		default:
			r.Unanswered++
		}
		switch {
		case e.copies > 0:
			r.Delivered++
			r.Duplicates += int(e.copies) - 1
			if !e.accepted {
				r.Surplus++
			}
		case e.accepted:
			r.Lost++
		}
		if e.accepted && e.behind {
			r.OutOfOrder++
		}
		if e.altered {
			r.Altered++
		}
		if e.accepted && e.sent-first >= warm {
			answer = append(answer, e.answered-e.sent)
			if e.copies > 0 {
				delivery = append(delivery, e.came-e.sent)
			}
		}
	}
	r.Answer, r.Delivery = percentiles(answer), percentiles(delivery)
	if r.Sent > 0 {
		r.Span = max(0, last-first)
	}
	return r
}

// LostMarks returns the marks of up to most lost events: each is the key of the
// event's visitor, and can be searched for in whatever kept it.
func (l *Ledger) LostMarks(most int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var marks []string
	for s := range l.lanes {
		for i, e := range l.lanes[s].events {
			if e.accepted && e.copies == 0 && len(marks) < most {
				marks = append(marks, string(l.text.appendMark(nil, s, i)))
			}
		}
	}
	return marks
}

// Faults says in words what must not be, or returns an empty string: events
// that were lost, out of order, altered or never sent. Duplicates are no fault
// after the broker or the program was away.
func (r Report) Faults() string {
	var list []string
	for _, f := range []struct {
		n    int
		what string
	}{{r.Lost, "lost"}, {r.OutOfOrder, "out of order"}, {r.Altered, "altered"}, {r.Foreign, "never sent"}} {
		if f.n > 0 {
			list = append(list, fmt.Sprintf("%d events %s", f.n, f.what))
		}
	}
	return strings.Join(list, ", ")
}

func percentiles(d []time.Duration) Percentiles {
	if len(d) == 0 {
		return Percentiles{}
	}
	slices.Sort(d)
	var sum time.Duration
	for _, v := range d {
		sum += v
	}
	at := func(percent int) time.Duration { return d[(len(d)*percent+99)/100-1] }
	return Percentiles{N: len(d), P50: at(50), P90: at(90), P99: at(99), Max: d[len(d)-1], Mean: sum / time.Duration(len(d))}
}
