package forward

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt/mqtttest"
)

// A faulty decoder panics on some events.
type faulty struct {
	eventDecoder
	on []uint64
}

func (f faulty) panicOn(element []byte) {
	if slices.Contains(f.on, number(string(element))) {
		panic("quoting " + string(element))
	}
}

func (f faulty) EventOf(id [16]byte, element []byte) event.Event {
	f.panicOn(element)
	return f.eventDecoder.EventOf(id, element)
}

func (f faulty) Kind(element []byte) event.Kind {
	f.panicOn(element)
	return f.eventDecoder.Kind(element)
}

func TestAnEventThatPanicsIsSetAsideInItsTurn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		faulty []uint64
		sent   []uint64
	}{
		{"the first", Config{}, []uint64{1}, []uint64{2, 3, 4, 5}},
		{"some", Config{}, []uint64{2, 3, 5}, []uint64{1, 4}},
		{"all", Config{}, upTo(5), nil},
		{"in a format that needs only the kind", Config{Format: Raw}, []uint64{4}, []uint64{1, 2, 3, 5}},
		{"with a window of one", Config{Window: 1}, []uint64{2}, []uint64{1, 3, 4, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 5)...)
				f := forwarder(t, tt.config, m)
				var log bytes.Buffer
				f.logger = slog.New(slog.NewTextHandler(&log, nil))
				f.decoder = faulty{f.decoder, tt.faulty}
				fake := &mqtttest.Fake{}
				l, stop := connect(fake, online{}, f)
				synctest.Wait()
				if got := events(fake); !slices.Equal(got, tt.sent) {
					t.Errorf("sent %v, want %v", got, tt.sent)
				}
				if got := m.Held(); !slices.Equal(got, tt.faulty) {
					t.Errorf("set aside %v, want %v", got, tt.faulty)
				}
				n := len(tt.faulty)
				if s := f.Stats(); s != (Stats{Acked: 5, SetAside: n, Unsent: n}) {
					t.Errorf("%+v", s)
				}
				if s := l.State(); !s.Connected || s.LastError != "" || fake.Connections() != 1 {
					t.Errorf("state %+v after %d connections", s, fake.Connections())
				}
				stop()
				if strings.Contains(log.String(), "quoting") || strings.Count(log.String(), "stack=") != 1 {
					t.Errorf("log %s", log.String())
				}
			})
		})
	}
}

func TestAnEventThatPanicsIsNotLostWhenThoseBeforeItAreNotAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 3)...)
		f := forwarder(t, Config{}, m)
		f.decoder = faulty{f.decoder, []uint64{2}}
		fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		_, stop := connect(fake, f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Pending: 3}) || m.Position() != 0 || len(m.Held()) != 0 {
			t.Errorf("%+v, position %d, held %v", s, m.Position(), m.Held())
		}
		stop()
	})
}

func TestAnEventThatPanicsStopsTheFilterAndIsSetAsideWithTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 4)...)
		f := forwarder(t, Config{Only: []string{"note"}}, m)
		f.decoder = faulty{f.decoder, []uint64{3}}
		ended, stopRun := background(f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 2, Pending: 2}) {
			t.Errorf("without a broker %+v", s)
		}
		_, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 4, SetAside: 1, Unsent: 1}) {
			t.Errorf("with a broker %+v", s)
		}
		stop()
		stopRun()
		<-ended
	})
}

// TestWhyAnEventIsSetAsideIsKnownAfterARestart has an event of which no message
// can be made and one that the broker refuses, and then sends the first again.
func TestWhyAnEventIsSetAsideIsKnownAfterARestart(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused []uint64 // when it is sent again
		want    Stats
	}{
		{"and is sent again", []uint64{4}, Stats{Acked: 5, SetAside: 1}},
		{"and is then refused", []uint64{2, 4}, Stats{Acked: 5, SetAside: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 5)...)
				f := forwarder(t, Config{}, m)
				f.decoder = faulty{f.decoder, []uint64{2}}
				_, stop := connect(&mqtttest.Fake{OnPublish: poisoned(4)}, online{}, f)
				time.Sleep(time.Minute)
				synctest.Wait()
				stop()
				m.entries[unsentPrefix+"3"] = []byte{} // of an event that was forgotten
				f = forwarder(t, Config{}, m)
				if s := f.Stats(); s != (Stats{Acked: 5, SetAside: 2, Unsent: 1}) {
					t.Errorf("after a restart %+v", s)
				}
				fake := &mqtttest.Fake{OnPublish: poisoned(tt.refused...)}
				_, stop = connect(fake, online{}, f)
				if _, err := f.Replay(t.Context(), 2, 2); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				stop()
				if s := forwarder(t, Config{}, m).Stats(); s != tt.want {
					t.Errorf("then %+v, want %+v", s, tt.want)
				}
				if len(m.entries) != 0 {
					t.Errorf("entries %v", m.entries)
				}
			})
		})
	}
}

func TestAnEventWhoseTopicNoBrokerTakesIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 3)...)
		f := forwarder(t, Config{Window: 1}, m)
		f.topic.texts[1] = "#" // what parseTemplate does not let through
		l, stop := connect(&mqtttest.Fake{}, f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 3, SetAside: 3, Unsent: 3}) || !l.State().Connected {
			t.Errorf("%+v, %+v", s, l.State())
		}
		stop()
	})
}
