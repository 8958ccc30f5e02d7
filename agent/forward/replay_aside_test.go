package forward

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

func TestAnAcknowledgedReplayReleasesWhatWasSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 20)...)
		f := forwarder(t, Config{}, m)
		var mended bool
		var mu sync.Mutex
		fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			mu.Lock()
			defer mu.Unlock()
			if n := number(p.Payload); !mended && (n == 5 || n == 9) {
				return mqtttest.Drop
			}
			return mqtttest.Ack
		}}
		_, stop := connect(fake, online{}, f)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := f.Held(); !slices.Equal(got, []uint64{5, 9}) {
			t.Fatalf("set aside %v", got)
		}
		mu.Lock()
		mended = true
		mu.Unlock()
		before := len(events(fake))
		if _, err := f.Replay(t.Context(), 9, 9); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := after(fake, before); !slices.Equal(got, []uint64{9}) || !slices.Equal(f.Held(), []uint64{5}) {
			t.Errorf("sent %v, set aside %v", got, f.Held())
		}
		stop()
	})
}

// TestAReplayedEventThatEndsConnectionsStaysSetAside has events of a range that
// no broker takes, with new ones coming all the time or not.
func TestAReplayedEventThatEndsConnectionsStaysSetAside(t *testing.T) {
	for _, tt := range []struct {
		name       string
		window     int
		first, bad []uint64 // bad from the beginning; later
		every      time.Duration
		reply      mqtttest.Reply
	}{
		{"and nothing new comes", 0, []uint64{5}, []uint64{5}, 0, mqtttest.Drop},
		{"and new events come all the time", 0, []uint64{5}, []uint64{5}, 100 * time.Millisecond, mqtttest.Drop},
		{"with a window of one", 1, []uint64{5}, []uint64{5}, 100 * time.Millisecond, mqtttest.Drop},
		{"several in a row", 0, []uint64{5, 6, 20}, []uint64{5, 6, 20}, 100 * time.Millisecond, mqtttest.Drop},
		{"one that was taken before", 0, nil, []uint64{12}, 100 * time.Millisecond, mqtttest.Drop},
		{"when it is only never acknowledged", 0, nil, []uint64{12}, 100 * time.Millisecond, mqtttest.Ignore},
		{"together with a new one", 0, []uint64{5}, []uint64{5, 30, 31}, time.Second, mqtttest.Drop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 20)...)
				f := forwarder(t, Config{Window: tt.window}, m)
				var mu sync.Mutex
				bad := tt.first
				fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
					mu.Lock()
					defer mu.Unlock()
					if slices.Contains(bad, number(p.Payload)) {
						return tt.reply
					}
					return mqtttest.Ack
				}}
				_, stop := connect(fake, online{}, f)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				mu.Lock()
				bad = tt.bad
				mu.Unlock()
				before := len(events(fake))
				if r, err := f.Replay(t.Context(), 1, 20); err != nil || r.Events != 20 {
					t.Fatalf("%+v, %v", r, err)
				}
				last := uint64(20)
				if tt.every > 0 {
					for range 600 {
						last = m.add("message")
						time.Sleep(tt.every)
					}
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				stop()
				if got := m.Held(); !slices.Equal(slices.Sorted(slices.Values(got)), tt.bad) {
					t.Errorf("set aside %v, want %v", got, tt.bad)
				}
				if m.Position() != last || len(m.entries) != 0 {
					t.Errorf("position %d of %d, entries %v", m.Position(), last, m.entries)
				}
				count := map[uint64]int{}
				newest := uint64(20)
				for _, n := range after(fake, before) {
					if count[n]++; n > 20 && count[n] == 1 {
						if n != newest+1 {
							t.Errorf("%d came after %d", n, newest)
						}
						newest = n
					}
				}
				for _, n := range numbers(1, last) {
					if count[n] == 0 || slices.Contains(tt.bad, n) && count[n] < 3 {
						t.Errorf("event %d was sent %d times", n, count[n])
					}
				}
				if count[tt.bad[0]] > 8 {
					t.Errorf("event %d was sent %d times", tt.bad[0], count[tt.bad[0]])
				}
			})
		})
	}
}

func TestAfterALossARangeAndNewEventsEachHaveATurnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 10)...)
		f := forwarder(t, Config{}, m)
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		stop()
		if _, err := f.Replay(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		m.add(repeat("message", 10)...)
		fake := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		_, stop = connect(fake, f)
		synctest.Wait()
		before := len(events(fake))
		if got := events(fake); !slices.Contains(got, 1) || !slices.Contains(got, 11) {
			t.Errorf("in flight before the loss: %v", got)
		}
		fake.Drop()
		m.late = time.Second // a range is always the first that is ready
		time.Sleep(10 * time.Second)
		for _, want := range [][]uint64{{1}, {1, 11}} {
			synctest.Wait()
			if got := after(fake, before); !slices.Equal(got, want) {
				t.Errorf("in flight %v, want %v", got, want)
			}
			p := fake.Publishes()[len(fake.Publishes())-1]
			fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
			time.Sleep(2 * time.Second)
		}
		for _, p := range fake.Publishes() {
			fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
		}
		synctest.Wait()
		if got := after(fake, before); !slices.Contains(got, 2) || !slices.Contains(got, 12) {
			t.Errorf("in flight in the end %v", got)
		}
		stop()
	})
}

// slow has a broker acknowledge late, so that there is always something in
// flight, and drop the connection on some events.
func slow(fake *mqtttest.Fake, bad ...uint64) {
	fake.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
		n := number(p.Payload)
		if slices.Contains(bad, n) {
			return mqtttest.Drop
		}
		if n == 0 {
			return mqtttest.Ack
		}
		time.AfterFunc(300*time.Millisecond+time.Duration(n%7)*70*time.Millisecond, func() {
			if fake.Connections() == p.Connection {
				fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
			}
		})
		return mqtttest.Ignore
	}
}

// TestWhatEndsConnectionsIsFoundAmongWhatIsInFlight has replayed and new events
// in flight all the time, and what ends connections among them.
func TestWhatEndsConnectionsIsFoundAmongWhatIsInFlight(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  []uint64
	}{
		{"when it is replayed", []uint64{12}},
		{"when it is new", []uint64{5900}},
		{"when there is one of each", []uint64{12, 5900}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 5000)...)
				f := forwarder(t, Config{}, m)
				_, stop := connect(&mqtttest.Fake{}, f)
				synctest.Wait()
				stop()
				if r, err := f.Replay(t.Context(), 1, 0); err != nil || r.Events != 5000 {
					t.Fatalf("%+v, %v", r, err)
				}
				m.late = 10 * time.Millisecond
				fake := &mqtttest.Fake{}
				slow(fake, tt.bad...)
				_, stop = connect(fake, online{}, f)
				m.add(repeat("message", 20000)...)
				for began := time.Now(); len(m.Held()) < len(tt.bad) && time.Since(began) < 2*time.Minute; {
					time.Sleep(time.Second)
				}
				if got := slices.Sorted(slices.Values(m.Held())); !slices.Equal(got, tt.bad) {
					t.Errorf("after two minutes %v is set aside, want %v; %+v, %v", got, tt.bad, f.Stats(), f.replays.spans)
				}
				stop()
			})
		})
	}
}
