package forward

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

func numbers(from, to uint64) []uint64 {
	var s []uint64
	for n := from; n <= to; n++ {
		s = append(s, n)
	}
	return s
}

// after returns what a broker received from a place in its list on.
func after(fake *mqtttest.Fake, n int) []uint64 { return events(fake)[n:] }

func TestARangeIsSentAgainInItsOrder(t *testing.T) {
	for _, tt := range []struct {
		name     string
		config   Config
		from, to uint64
		want     Replay
		sent     []uint64
	}{
		{"from one event to another", Config{}, 3, 7, Replay{3, 7, 5, 0}, numbers(3, 7)},
		{"one event", Config{}, 5, 5, Replay{5, 5, 1, 0}, []uint64{5}},
		{"everything, in many batches", Config{Window: 3}, 1, 0, Replay{1, 300, 300, 0}, numbers(1, 300)},
		{"of the kinds that are wanted", Config{Only: []string{"note"}}, 1, 100, Replay{1, 100, 10, 0}, []uint64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}},
		{"of no kind that is wanted", Config{Only: []string{"label"}}, 1, 100, Replay{1, 100, 0, 0}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				for range 30 {
					m.add(repeat("message", 9)...)
					m.add("note")
				}
				f := forwarder(t, tt.config, m)
				fake := &mqtttest.Fake{}
				_, stop := connect(fake, online{}, f)
				synctest.Wait()
				before, position := len(events(fake)), m.Position()
				if r, err := f.Replay(t.Context(), tt.from, tt.to); err != nil || r != tt.want {
					t.Errorf("promised %+v, want %+v: %v", r, tt.want, err)
				}
				synctest.Wait()
				if got := after(fake, before); !slices.Equal(got, tt.sent) {
					t.Errorf("sent %v, want %v", got, tt.sent)
				}
				if m.Position() != position || f.Stats() != (Stats{Acked: 300}) || len(m.entries) != 0 {
					t.Errorf("position %d, %+v, entries %v", m.Position(), f.Stats(), m.entries)
				}
				stop()
			})
		})
	}
}

func TestAReplayThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 5)...)
		f := forwarder(t, Config{}, m)
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		stop()
		for _, r := range []span{{from: 0, to: 3}, {from: 6, to: 6}, {from: 2, to: 6}, {from: 7}} {
			if got, err := f.Replay(t.Context(), r.from, r.to); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("from %d to %d: %+v, %v", r.from, r.to, got, err)
			}
		}
		m.setBroken(storage.ErrNoSpace)
		if _, err := f.Replay(t.Context(), 1, 2); !errors.Is(err, storage.ErrNoSpace) || len(m.entries) != 0 {
			t.Errorf("on a full disk: %v, entries %v", err, m.entries)
		}
		m.setBroken(nil)
		for i := range maxReplays {
			if _, err := f.Replay(t.Context(), 1, 2); err != nil {
				t.Errorf("the %dth: %v", i+1, err)
			}
		}
		if _, err := f.Replay(t.Context(), 1, 2); !errors.Is(err, ErrTooManyReplays) {
			t.Errorf("one too many: %v", err)
		}
		fake := &mqtttest.Fake{}
		_, stop = connect(fake, f)
		synctest.Wait()
		stop()
		if got := len(events(fake)); got != 2*maxReplays {
			t.Errorf("sent %d", got)
		}
	})
}

func TestARangeSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 40)...)
		f := forwarder(t, Config{}, m)
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		stop()
		for _, s := range []span{{from: 1, to: 30}, {from: 35, to: 40}} {
			if _, err := f.Replay(t.Context(), s.from, s.to); err != nil {
				t.Fatal(err)
			}
		}
		var got []uint64
		for range 10 { // each start acknowledges some, and then nothing any more
			acks := 0
			fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
				if acks++; acks <= 7 {
					got = append(got, number(p.Payload))
					return mqtttest.Ack
				}
				return mqtttest.Ignore
			}}
			_, stop := connect(fake, forwarder(t, Config{}, m))
			synctest.Wait()
			stop()
		}
		if want := append(numbers(1, 30), numbers(35, 40)...); !slices.Equal(got, want) || len(m.entries) != 0 {
			t.Errorf("acknowledged %v, want %v; entries %v", got, want, m.entries)
		}
	})
}

func TestWhatWasNotSentIsLeftToItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 10)...)
		f := forwarder(t, Config{Window: 4}, m)
		away := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if number(p.Payload) <= 3 {
				return mqtttest.Ack
			}
			return mqtttest.Ignore
		}}
		_, stop := connect(away, f)
		synctest.Wait()
		// 3 are acknowledged, and 4 to 7 on their way.
		if r, err := f.Replay(t.Context(), 2, 0); err != nil || r != (Replay{2, 10, 6, 3}) {
			t.Errorf("promised %+v, %v", r, err)
		}
		stop()
		if r, err := f.Replay(t.Context(), 4, 0); err != nil || r != (Replay{4, 10, 0, 7}) {
			t.Errorf("without a connection promised %+v, %v", r, err)
		}
		fake := &mqtttest.Fake{}
		_, stop = connect(fake, f)
		synctest.Wait()
		stop()
		got := events(fake)
		slices.Sort(got)
		if want := []uint64{2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10}; !slices.Equal(got, want) {
			t.Errorf("received %v, want %v", got, want)
		}
	})
}

func TestNewEventsDoNotWaitForAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 100)...)
		f := forwarder(t, Config{Window: 16}, m)
		var again bool
		var mu sync.Mutex
		fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			mu.Lock()
			defer mu.Unlock()
			if again && number(p.Payload) <= 100 {
				return mqtttest.Ignore // for a while
			}
			return mqtttest.Ack
		}}
		_, stop := connect(fake, f)
		synctest.Wait()
		mu.Lock()
		again = true
		mu.Unlock()
		if _, err := f.Replay(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := len(events(fake))
		last := m.add(repeat("message", 500)...)
		synctest.Wait()
		if got := after(fake, before); !slices.Equal(got, numbers(101, last)) || f.Stats().Acked != last {
			t.Errorf("received %v, %+v", got, f.Stats())
		}
		stop()
	})
}

func TestARangeWaitsForItsAcknowledgementAtACleanStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 3)...)
		f := forwarder(t, Config{}, m)
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		stop()
		if _, err := f.Replay(t.Context(), 1, 2); err != nil {
			t.Fatal(err)
		}
		fake := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		_, stop = connect(fake, f)
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			for _, p := range fake.Publishes() {
				fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
			}
		}()
		stop()
		if len(m.entries) != 0 {
			t.Errorf("entries %v", m.entries)
		}
		time.Sleep(time.Second)
	})
}

func TestWhatIsGoneIsLeftOutOfARange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 300)...)
		f := forwarder(t, Config{}, m)
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		stop()
		if _, err := f.Replay(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.gone = numbers(5, 280)
		m.mu.Unlock()
		fake := &mqtttest.Fake{}
		_, stop = connect(fake, f)
		synctest.Wait()
		stop()
		if got, want := events(fake), append(numbers(1, 4), numbers(281, 300)...); !slices.Equal(got, want) || len(m.entries) != 0 {
			t.Errorf("received %v, want %v; entries %v", got, want, m.entries)
		}
	})
}

func TestAnEntryThatIsNotWholeIsLeftOut(t *testing.T) {
	for _, data := range []string{"", "short", "0123456\x00\x00\x00\x00\x00\x00\x00\x00\x01", string(make([]byte, 16)), string(make([]byte, 4096))} {
		t.Run(fmt.Sprintf("%d bytes", len(data)), func(t *testing.T) {
			m := newMemory()
			m.entries[replayEntry] = []byte(data)
			if f := forwarder(t, Config{}, m); len(f.replays.spans) != 0 {
				t.Errorf("read %v", f.replays.spans)
			}
		})
	}
}
