package storage

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

var aDay = time.Date(2026, time.August, 3, 10, 0, 0, 0, time.UTC)

// TestWallClockJumps while the log runs: it is written down, and nothing else
// looks at it.
func TestWallClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := aDay
		o := testOptions()
		o.Now = func() time.Time { return now }
		dir := t.TempDir()
		l := openLog(t, dir, o)
		began, stored := time.Now(), 0
		for _, jump := range []struct {
			to    time.Time
			known bool
		}{
			{aDay, true},
			{time.Unix(0, 0), false},
			{aDay.AddDate(8, 0, 0), true},
			{aDay.AddDate(-20, 0, 0), false},
			{aDay.Add(-time.Hour), true},
			{time.Date(2261, time.December, 31, 0, 0, 0, 0, time.UTC), true},
			{time.Date(2262, time.June, 1, 0, 0, 0, 0, time.UTC), false},
			{time.Date(9999, time.June, 1, 0, 0, 0, 0, time.UTC), false},
			{time.Date(-5, time.June, 1, 0, 0, 0, 0, time.UTC), false},
			{aDay.AddDate(0, 0, 1), true},
		} {
			now = jump.to
			es := events(stored, 300)
			if got := l.append(es...); got[0] != uint64(stored+1) {
				t.Errorf("%v: stored as %d", jump.to, got[0])
			}
			stored += len(es)
			r, err := l.Get(uint64(stored))
			if err != nil || r.Received.IsZero() == jump.known || jump.known && !r.Received.Equal(jump.to) {
				t.Errorf("%v: received %v, %v", jump.to, r.Received, err)
			}
			if want := time.Since(began); l.Elapsed() != want || r.Elapsed != want {
				t.Errorf("%v: %v have passed, not %v; the event says %v", jump.to, want, l.Elapsed(), r.Elapsed)
			}
			if got := l.append(es...); got[0] != 0 {
				t.Errorf("%v: a repeat is stored as %d", jump.to, got[0])
			}
			if n, age := l.Undelivered(); n != stored || age != time.Since(began) {
				t.Errorf("%v: %d are undelivered since %v", jump.to, n, age)
			}
			if s := l.Stats(); s.Records != stored {
				t.Errorf("%v: %+v", jump.to, s)
			}
			saves := time.Now()
			l.cursor("desk").Save(Update{Put: map[string][]byte{"at": []byte(jump.to.String())}})
			time.Sleep(2 * flushAfter)
			synctest.Wait()
			if l.dirty || time.Since(saves) > 2*flushAfter {
				t.Errorf("%v: what was saved waits", jump.to)
			}
		}
		// What is delivered stays for an hour of running, and no longer.
		l.pass(uint64(stored))
		for n, to := range []time.Time{aDay.AddDate(5, 0, 0), time.Unix(0, 0), aDay} {
			now = to
			time.Sleep(15 * time.Minute)
			l.append(event(fmt.Sprint("later ", n)))
			if s := l.Stats(); s.Records != stored+n+1 {
				t.Errorf("%v: %+v", to, s)
			}
		}
		time.Sleep(16 * time.Minute)
		l.append(event("after an hour"))
		if s := l.Stats(); s.Records != 4 {
			t.Errorf("after an hour: %+v", s)
		}
	})
}

// TestTimeSwitchedOff counts where the wall clock tells it, within reason.
func TestTimeSwitchedOff(t *testing.T) {
	type run struct {
		what    string
		opened  time.Time // by the wall clock
		elapsed time.Duration
	}
	unset := time.Unix(30, 0)
	for _, test := range []struct {
		name string
		runs []run
	}{
		{"a clock that is right", []run{
			{"at first", aDay, 0}, {"after a night", aDay.Add(10 * time.Hour), 9 * time.Hour}, {"after a year", aDay.Add(year), year - 11*time.Hour},
		}},
		{"a clock that is set only later", []run{
			{"at first", unset, 0}, {"not set either", unset, 0}, {"set", aDay, 0}, {"not set", unset, 0}, {"set", aDay.Add(10 * time.Hour), 0},
		}},
		{"a clock that goes back", []run{{"at first", aDay, 0}, {"an hour back", aDay.Add(-time.Hour), 0}, {"forward", aDay.Add(time.Hour), time.Hour}}},
		{"a clock that is decades ahead", []run{{"at first", aDay, 0}, {"ahead", aDay.Add(100 * year), offAtMost}, {"back", aDay.Add(2 * time.Hour), 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir, o, want := t.TempDir(), testOptions(), time.Duration(0)
				for _, r := range test.runs {
					began := time.Now()
					o.Now = func() time.Time { return r.opened.Add(time.Since(began)) }
					l := openLog(t, dir, o)
					want += r.elapsed
					if got := l.Elapsed(); got != want {
						t.Errorf("%s: %v have passed, want %v", r.what, got, want)
					}
					time.Sleep(time.Hour)
					want += time.Hour
					l.stop()
				}
			})
		})
	}
}

// TestAClockThatIsWrongAtEveryStart must not make time run over.
func TestAClockThatIsWrongAtEveryStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, o, before := t.TempDir(), testOptions(), time.Duration(0)
		for n := range 80 {
			o.Now = func() time.Time { return aDay.AddDate(200*(n%2), 0, 0) }
			l := openLog(t, dir, o)
			if got := l.Elapsed(); got < before || got > 60*year {
				t.Fatalf("at start %d the clock is at %v, and was at %v", n, got, before)
			}
			before = l.Elapsed()
			l.append(event(fmt.Sprint(n)))
			l.stop()
		}
	})
}

// TestClockThatIsLost is set to what the newest event says.
func TestClockThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := openLog(t, dir, testOptions())
		time.Sleep(30 * time.Minute)
		l.append(events(0, 300)...)
		l.pass(300)
		l.stop()
		db, err := bolt.Open(storePath(dir), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyClock) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, dir, testOptions())
		r, err := l.Get(300)
		if err != nil || l.Elapsed() < r.Elapsed || r.Elapsed != 30*time.Minute {
			t.Errorf("an event of %v is ahead of %v, %v", r.Elapsed, l.Elapsed(), err)
		}
		time.Sleep(61 * time.Minute)
		l.append(event("later"))
		if s := l.Stats(); s.Records != 1 {
			t.Errorf("what is old is not given up: %+v", s)
		}
	})
}

func TestClock(t *testing.T) {
	set := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	unset := time.Date(1970, 1, 1, 0, 0, 7, 0, time.UTC)
	for _, test := range []struct {
		name   string
		before time.Time
		after  time.Time // after the restart
		off    time.Duration
	}{
		{"the time switched off counts when the clock was set", set, set.Add(3 * time.Hour), 3 * time.Hour},
		{"it does not count when the clock was not set before", unset, set, 0},
		{"nor when it is not set after", set, unset, 0},
		{"nor when the clock went back", set, set.Add(-time.Hour), 0},
		{"a clock that is far ahead does not count for more than ten years", set, set.AddDate(200, 0, 0), offAtMost},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				o := testOptions()
				o.Now = func() time.Time { return test.before }
				l := openLog(t, dir, o)
				l.append(event("before"))
				time.Sleep(10 * time.Second)
				l.stop()
				o.Now = func() time.Time { return test.after }
				l = openLog(t, dir, o)
				if want := 10*time.Second + test.off; l.Elapsed() != want {
					t.Errorf("elapsed %v, want %v", l.Elapsed(), want)
				}
				if s := l.clock.read(); s.running != 10*time.Second {
					t.Errorf("running %v", s.running)
				}
				time.Sleep(time.Second)
				l.append(event("after"))
				for i, at := range []time.Time{test.before, test.after} {
					r, err := l.Get(uint64(i + 1))
					if at.Equal(unset) {
						at = time.Time{}
					}
					if err != nil || !r.Received.Equal(at) {
						t.Errorf("event %d received %v, want %v, %v", i+1, r.Received, at, err)
					}
				}
				if r, _ := l.Get(2); r.Elapsed != 11*time.Second+test.off {
					t.Errorf("event 2 at %v", r.Elapsed)
				}
				if l.StartSequence() != 1 {
					t.Errorf("start sequence %d", l.StartSequence())
				}
			})
		})
	}
}
