package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"deskbell/agent/event"
)

// TestLedger tells stories of three events of one connection, each begun with
// what was answered and then what came.
func TestLedger(t *testing.T) {
	ok := []int{200, 200, 200}
	for _, test := range []struct {
		name   string
		status []int
		came   []int
		spoil  func(payload []byte) []byte
		want   Report
	}{
		{name: "everything came once and in order", status: ok, came: []int{0, 1, 2},
			want: Report{Accepted: 3, Delivered: 3}},
		{name: "an accepted event that did not come is lost", status: ok, came: []int{0, 2},
			want: Report{Accepted: 3, Delivered: 2, Lost: 1}},
		{name: "a second and a third copy are two duplicates, and in order", status: ok, came: []int{0, 1, 2, 0, 0},
			want: Report{Accepted: 3, Delivered: 3, Duplicates: 2}},
		{name: "an event behind a later one is out of order", status: ok, came: []int{0, 2, 1},
			want: Report{Accepted: 3, Delivered: 3, OutOfOrder: 1}},
		{name: "a copy that came in time keeps a late one from being out of order", status: ok, came: []int{0, 1, 2, 1},
			want: Report{Accepted: 3, Delivered: 3, Duplicates: 1}},
		{name: "a refused event may come or not", status: []int{200, 503, 503}, came: []int{0, 1},
			want: Report{Accepted: 1, Refused: 2, Delivered: 2, Surplus: 1}},
		{name: "an event without an answer may come late, as it was under way with the next", status: []int{200, 0, 200}, came: []int{0, 2, 1},
			want: Report{Accepted: 2, Unanswered: 1, Delivered: 3, Surplus: 1}},
		{name: "an event that is not as it was sent is altered", status: ok, came: []int{0, 1, 2},
			spoil: func(p []byte) []byte { return bytes.Replace(p, []byte(`"id": 476`), []byte(`"id": 477`), 1) },
			want:  Report{Accepted: 3, Delivered: 3, Altered: 3}},
		{name: "an event that was never sent is foreign", status: ok, came: []int{0, 1, 2, 3},
			want: Report{Accepted: 3, Delivered: 3, Foreign: 1}},
		{name: "what others publish does not count", status: ok, came: []int{0, 1, 2},
			spoil: func(p []byte) []byte { return bytes.ReplaceAll(p, []byte(markStart), []byte("mask")) },
			want:  Report{Accepted: 3, Lost: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := NewLedger()
			lane := l.open(1, 0)
			for i, status := range test.status {
				l.send(lane, 1, l.now())
				l.answer(lane, i, 1, status, errors.New("cut"), l.now())
			}
			for _, number := range test.came {
				payload := append(l.text.appendEvent([]byte(`{"data":`), lane, number, 0), '}')
				if test.spoil != nil {
					payload = test.spoil(payload)
				}
				l.Arrived(payload, false)
			}
			got := l.Report(0)
			if got.Sent != 3 {
				t.Errorf("%d sent", got.Sent)
			}
			test.want.Sent = 3
			got.Answers, got.Errors, got.Answer, got.Delivery, got.Span = nil, nil, Percentiles{}, Percentiles{}, 0
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("\n%+v, want\n%+v", got, test.want)
			}
			if marks := l.LostMarks(10); len(marks) != got.Lost {
				t.Errorf("marks of lost events: %q", marks)
			}
			faults := got.Lost+got.OutOfOrder+got.Altered+got.Foreign > 0
			if (got.Faults() != "") != faults {
				t.Errorf("faults: %q", got.Faults())
			}
		})
	}
}

func TestCopiesThatTheBrokerSentAgainAreToldApart(t *testing.T) {
	l := NewLedger()
	l.send(l.open(1, 0), 1, l.now())
	payload := l.text.appendEvent(nil, 0, 0, 0)
	for _, again := range []bool{true, true, false} {
		l.Arrived(payload, again)
	}
	further, repeated := l.Copies()
	if r := l.Report(0); r.Duplicates != 2 || r.Repeated != 1 || further != 2 || repeated != 1 {
		t.Errorf("%d duplicates, %d repeated", r.Duplicates, r.Repeated)
	}
}

func TestSettleWaitsForWhatWasAccepted(t *testing.T) {
	l := NewLedger()
	l.send(l.open(1, 0), 2, l.now())
	l.answer(0, 0, 2, 200, nil, l.now())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Settle(ended); !errors.Is(err, context.Canceled) || l.Pending() != 2 {
		t.Errorf("with two events under way: %v, %d pending", err, l.Pending())
	}
	done := make(chan error)
	go func() { done <- l.Settle(t.Context()) }()
	l.Arrived(l.text.appendBody(nil, 0, 0, 2, 0, false), false)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCameSinceThen(t *testing.T) {
	l := NewLedger()
	l.send(l.open(1, 0), 3, l.now())
	for i, at := range []time.Duration{time.Second, 3 * time.Second, 2 * time.Second} {
		l.arrive(0, i, false, false, at)
	}
	n, first, last := l.Came(l.start.Add(1500 * time.Millisecond))
	if n != 2 || first.Sub(l.start) != 2*time.Second || last.Sub(l.start) != 3*time.Second {
		t.Errorf("%d events from %v to %v", n, first.Sub(l.start), last.Sub(l.start))
	}
}

func TestLatenciesCountFromWhenAnEventWasDue(t *testing.T) {
	l := NewLedger()
	l.open(1, 0)
	for i := range 100 {
		at := time.Duration(i) * time.Second
		l.send(0, 1, at+1)
		l.answer(0, i, 1, 200, nil, at+1+time.Duration(i)*time.Millisecond)
		l.arrive(0, i, false, false, at+1+time.Duration(2*i)*time.Millisecond)
	}
	for _, test := range []struct {
		name             string
		warm             time.Duration
		n                int
		answer, delivery time.Duration // p99
	}{
		{"of all events", 0, 100, 98 * time.Millisecond, 196 * time.Millisecond},
		{"of those after the first ten seconds", 10 * time.Second, 90, 99 * time.Millisecond, 198 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := l.Report(test.warm)
			if r.Answer.N != test.n || r.Answer.P99 != test.answer || r.Delivery.P99 != test.delivery {
				t.Errorf("%+v, %+v", r.Answer, r.Delivery)
			}
			if r.Span != 99*time.Second+198*time.Millisecond {
				t.Errorf("span %v", r.Span)
			}
		})
	}
}

// TestEvents holds what is posted against the platform's samples.
func TestEvents(t *testing.T) {
	text := samples()
	samples := event.Samples()
	total, n := 0, 10*len(text.heads)
	seen := map[string]bool{}
	for i := range n {
		body := text.appendBody(nil, 7, i, 1, 0, false)
		total += len(body)
		var got, want any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if err := json.Unmarshal(samples[i%len(text.heads)%len(samples)].Data, &want); err != nil {
			t.Fatal(err)
		}
		if shape(got) != shape(want) {
			t.Errorf("event %d has the shape\n%s, want\n%s", i, shape(got), shape(want))
		}
		marks := 0
		text.marks(body, func(lane, number int) {
			marks++
			if lane != 7 || number != i {
				t.Errorf("mark of lane %d, number %d in event %d", lane, number, i)
			}
		})
		if marks != 1 || seen[string(body)] {
			t.Errorf("%d marks in event %d, or it is there twice", marks, i)
		}
		seen[string(body)] = true
	}
	if mean := total / n; mean < 780 || mean > 840 {
		t.Errorf("%d bytes on average, the platform's have 810", mean)
	}
	if other := newText(nil, 1, 0); bytes.Equal(other.appendMark(nil, 0, 0), text.appendMark(nil, 0, 0)) {
		t.Error("two runs have the same marks")
	}
}

// shape is v without its values.
func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		keys := map[string]string{}
		for k, v := range v {
			keys[k] = shape(v)
		}
		return fmt.Sprint(keys)
	case []any:
		var list []string
		for _, v := range v {
			list = append(list, shape(v))
		}
		return fmt.Sprint(list)
	}
	return fmt.Sprintf("%T", v)
}
