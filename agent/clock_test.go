package agent

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"deskbell/agent/admin"
)

// wallClock is a clock that a test sets. It stands still between.
type wallClock struct{ ns atomic.Int64 }

func (c *wallClock) set(t time.Time) { c.ns.Store(t.UnixNano()) }
func (c *wallClock) now() time.Time  { return time.Unix(0, c.ns.Load()) }

var (
	today = time.Date(2026, time.August, 3, 10, 0, 0, 0, time.UTC)
	unset = time.Date(1970, time.January, 1, 0, 0, 20, 0, time.UTC)
)

func TestAClockThatJumpsWhileItRuns(t *testing.T) {
	clock := &wallClock{}
	clock.set(unset)
	r := run(t, t.TempDir(), "", clock.now)
	began := time.Now()
	for i, at := range []time.Time{
		unset, today, today.AddDate(7, 0, 0), today.AddDate(-30, 0, 0), today.AddDate(0, 0, -3), unset, today.AddDate(0, 0, 1),
	} {
		clock.set(at)
		key := fmt.Sprint("guest ", i)
		item := r.post(key)
		if item.Sequence != uint64(i+1) {
			t.Errorf("%v: it is event %d", at, item.Sequence)
		}
		sent := r.delivered(i + 1)
		received, told := sent["receivedtime"]
		if known := at.Year() >= 2026; known != (item.Received != nil) || known != told {
			t.Errorf("%v: the API says %v, the broker %v", at, item.Received, received)
		} else if known && (!item.Received.Equal(at) || received != at.Format(time.RFC3339)) {
			t.Errorf("%v: the API says %v, the broker %v", at, item.Received, received)
		}
		if sent["delayed"] != false || sent["subject"] != key {
			t.Errorf("%v: sent %v", at, sent)
		}
		s := r.eventually("the desk knows it", func(s admin.Status) bool { return s.Desk.Waiting == i+1 })
		if len(s.Problems) != 0 || !s.Ready {
			t.Errorf("%v: %q", at, s.Problems)
		}
		for n, c := range s.Desk.Conversations {
			if c.Key != fmt.Sprint("guest ", n) {
				t.Errorf("%v: at place %d waits %s", at, n, c.Key)
			}
		}
		if c := s.Desk.Conversations[i]; (at.Year() >= 2026) != (c.Since != nil) {
			t.Errorf("%v: it waits since %v", at, c.Since)
		}
		store := r.open.Load().store
		if e := store.Elapsed(); e > time.Since(began)+time.Minute || e <= 0 {
			t.Errorf("%v: the store's clock is at %v", at, e)
		}
	}
}

// TestAMuteIsToldByTheClockOfNow: until the clock is set, nobody can know when
// it ends.
func TestAMuteIsToldByTheClockOfNow(t *testing.T) {
	clock := &wallClock{}
	clock.set(unset)
	r := run(t, t.TempDir(), "", clock.now)
	if err := r.open.Load().indicator.Mute(t.Context(), 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{unset, today, today.AddDate(3, 0, 0), today.Add(-time.Hour)} {
		clock.set(at)
		until := r.Status().Desk.MutedUntil
		if until == nil {
			t.Fatalf("%v: it is not muted", at)
		}
		if left := until.Sub(at); left < time.Hour || left > 2*time.Hour+time.Second {
			t.Errorf("%v: muted until %v", at, until)
		}
		if again := r.Status().Desk.MutedUntil; !again.Equal(*until) {
			t.Errorf("%v: first it was %v, then %v", at, until, again)
		}
	}
}

func TestAClockThatJumpsBetweenTwoRuns(t *testing.T) {
	dir, clock := t.TempDir(), &wallClock{}
	clock.set(today)
	r := run(t, dir, "", clock.now)
	r.post("guest 0")
	r.eventually("all is delivered", func(s admin.Status) bool { return s.Desk.Waiting == 1 && s.Forward[0].Pending == 0 })
	r.stop()
	for i, test := range []struct {
		name    string
		at      time.Time
		waiting int
	}{
		{"the clock is not set yet: nobody knows how long it was off", unset, 2},
		{"a clock that is years behind", today.AddDate(-2, 0, 0), 3},
		{"an hour later", today.Add(time.Hour), 4},
		{"a day later: those that waited are not waited for any more", today.AddDate(0, 0, 1), 1},
		{"years later", today.AddDate(30, 0, 0), 1},
		{"and back", today, 2},
	} {
		clock.set(test.at)
		r := run(t, dir, "", clock.now)
		guest := fmt.Sprint("guest ", i+1)
		if item := r.post(guest); item.Sequence != uint64(i+2) {
			t.Errorf("%s: it is event %d", test.name, item.Sequence)
		}
		if sent := r.delivered(1); sent["delayed"] != false || sent["logsequence"] != float64(i+2) {
			t.Errorf("%s: sent %v", test.name, sent)
		}
		s := r.eventually("the desk knows it", func(s admin.Status) bool {
			known := slices.ContainsFunc(s.Desk.Conversations, func(c admin.Conversation) bool { return c.Key == guest })
			return known && s.Forward[0].Pending == 0
		})
		if s.Desk.Waiting != test.waiting || len(s.Problems) != 0 {
			t.Errorf("%s: %d wait, want %d; problems %q", test.name, s.Desk.Waiting, test.waiting, s.Problems)
		}
		r.stop()
	}
}

// TestQuietHoursNeedAClock that can be believed.
func TestQuietHoursNeedAClock(t *testing.T) {
	const hours = "timezone = 'UTC'\n[[quiet]]\nfrom = '00:00'\nto = '24:00'\n"
	for at, want := range map[time.Time]string{today: "quiet hours", unset: ""} {
		clock := &wallClock{}
		clock.set(at)
		r := run(t, t.TempDir(), hours, clock.now)
		r.eventually("the outputs are known", func(s admin.Status) bool { return len(s.Outputs) == 2 })
		for _, o := range r.Status().Outputs {
			if o.Pattern != "off" || o.Name == "buzzer" && o.Reason != want || o.Name == "lamp" && o.Reason != "" {
				t.Errorf("%v: %+v", at, o)
			}
		}
		r.stop()
	}
}
