package forward

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

func repeat(typ string, n int) []string { return strings.Fields(strings.Repeat(typ+" ", n)) }

func upTo(n uint64) []uint64 {
	var s []uint64
	for i := range n {
		s = append(s, i+1)
	}
	return s
}

func TestEventsAreSentInOrderAndTheCursorFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 200)...)
		f := forwarder(t, Config{}, m)
		fake := &mqtttest.Fake{}
		if s := f.Stats(); s != (Stats{Pending: 200}) {
			t.Errorf("before: %+v", s)
		}
		_, stop := connect(fake, online{}, f)
		synctest.Wait()
		last := m.add("message", "conversation_create")
		synctest.Wait()
		if got := events(fake); !slices.Equal(got, upTo(last)) {
			t.Errorf("received %v", got)
		}
		if s := f.Stats(); s != (Stats{Acked: last}) || m.Position() != last {
			t.Errorf("after: %+v, position %d", s, m.Position())
		}
		if p := fake.Publishes(); p[0].Topic != "deskbell/desk/availability" || p[1].Topic != "deskbell/desk/event/message" ||
			p[1].QoS != 1 || p[1].Retained || p[len(p)-1].Topic != "deskbell/desk/event/conversation_create" {
			t.Errorf("publishes %+v … %+v", p[:2], p[len(p)-1])
		}
		stop()
	})
}

func TestNothingCountsAsDeliveredWithoutAPuback(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply func(mqtttest.Publish) mqtttest.Reply
	}{
		{"when nothing is ever acknowledged", func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }},
		{"when every publish ends the connection", func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Drop }},
		{"when the connection ends after some", func(p mqtttest.Publish) mqtttest.Reply {
			if p.ID > 7 {
				return mqtttest.Drop
			}
			return mqtttest.Ignore
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 20)...)
				f := forwarder(t, Config{}, m)
				fake := &mqtttest.Fake{OnPublish: tt.reply}
				_, stop := connect(fake, online{}, f)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				stop()
				if s := f.Stats(); s != (Stats{Pending: 20}) || m.Position() != 0 {
					t.Errorf("%+v, position %d", s, m.Position())
				}
				if len(fake.Publishes()) == 0 {
					t.Error("nothing was tried")
				}
			})
		})
	}
}

func TestTheCursorStopsBeforeTheFirstThatWasNotAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 20)...)
		f := forwarder(t, Config{}, m)
		fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if number(p.Payload) == 5 {
				return mqtttest.Ignore
			}
			return mqtttest.Ack
		}}
		_, stop := connect(fake, online{}, f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 4, Pending: 16}) || m.Position() != 4 {
			t.Errorf("%+v, position %d", s, m.Position())
		}
		if got := events(fake); len(got) != 20 {
			t.Errorf("the window of 64 let %v through", got)
		}
		stop()
	})
}

func TestNoMoreIsInFlightThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 100)...)
		f := forwarder(t, Config{Window: 7}, m)
		fake := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
		_, stop := connect(fake, f)
		synctest.Wait()
		if got := len(events(fake)); got != 7 {
			t.Errorf("%d in flight", got)
		}
		stop()
	})
}

func TestAfterALossTheWindowStartsAtOneAndDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 200)...)
		f := forwarder(t, Config{Window: 16}, m)
		var mu sync.Mutex
		var waiting []mqtttest.Publish // of the connection there is
		fake := &mqtttest.Fake{}
		fake.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
			mu.Lock()
			defer mu.Unlock()
			waiting = append(waiting, p)
			return mqtttest.Ignore
		}
		_, stop := connect(fake, f)
		synctest.Wait()
		mu.Lock()
		if len(waiting) != 16 {
			t.Errorf("before any loss %d in flight", len(waiting))
		}
		waiting = nil
		mu.Unlock()
		fake.Drop()
		time.Sleep(time.Second)
		for _, want := range []int{1, 2, 4, 8, 16, 16} {
			synctest.Wait()
			mu.Lock()
			flying := waiting
			waiting = nil
			mu.Unlock()
			if len(flying) != want {
				t.Errorf("%d in flight, want %d", len(flying), want)
			}
			for _, p := range flying {
				fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
				// All of a window before the next is looked at.
			}
		}
		stop()
	})
}

func TestKindsThatAreNotWantedAreLeftOut(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		want   []uint64
	}{
		{"all are wanted", Config{}, []uint64{1, 2, 3, 4}},
		{"only one kind", Config{Only: []string{"conversation_create"}}, []uint64{2}},
		{"all but one", Config{Except: []string{"message"}}, []uint64{2, 4}},
		{"one of both lists", Config{Only: []string{"message", "other"}, Except: []string{"other"}}, []uint64{1, 3}},
		{"nothing that there is", Config{Only: []string{"note"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				last := m.add("message", "conversation_create", "message", "never heard of")
				f := forwarder(t, tt.config, m)
				fake := &mqtttest.Fake{}
				_, stop := connect(fake, f)
				synctest.Wait()
				if got := events(fake); !slices.Equal(got, tt.want) {
					t.Errorf("received %v, want %v", got, tt.want)
				}
				if s := f.Stats(); s != (Stats{Acked: last}) {
					t.Errorf("%+v", s)
				}
				stop()
			})
		})
	}
}

func TestACleanStopWaitsForWhatIsInFlight(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		acked uint64
	}{
		{"when it is acknowledged soon", time.Second, 3},
		{"but not for long", time.Minute, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 3)...)
				f := forwarder(t, Config{}, m)
				fake := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
				_, stop := connect(fake, f)
				synctest.Wait()
				go func() {
					time.Sleep(tt.after)
					for _, p := range fake.Publishes() {
						fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
					}
				}()
				began := time.Now()
				stop()
				if took := time.Since(began); took > farewell+time.Second {
					t.Errorf("stopped after %v", took)
				}
				if m.Position() != tt.acked {
					t.Errorf("position %d, want %d", m.Position(), tt.acked)
				}
				time.Sleep(tt.after) // for the goroutine above
			})
		})
	}
}

func TestTheDeliveryIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add("message")
		time.Sleep(3 * time.Second)
		took := make(chan time.Duration, 10)
		f, err := New(Config{Name: "test", Device: "desk"}, m, m, decoder(t), func(d time.Duration) { took <- d }, nil, quiet())
		if err != nil {
			t.Fatal(err)
		}
		fake := &mqtttest.Fake{}
		_, stop := connect(fake, f)
		if d := <-took; d != 3*time.Second {
			t.Errorf("took %v", d)
		}
		stop()
	})
}

func TestUnwantedEventsCountAsDeliveredWithoutABroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add("message", "message")
		f := forwarder(t, Config{Only: []string{"conversation_create"}}, m)
		running, stopRun := background(f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 2}) {
			t.Errorf("%+v", s)
		}
		m.add("message", "conversation_create", "message")
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 3, Pending: 2}) {
			t.Errorf("%+v", s)
		}
		fake := &mqtttest.Fake{}
		_, stop := connect(fake, f)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 5}) || !slices.Equal(events(fake), []uint64{4}) {
			t.Errorf("%+v, received %v", s, events(fake))
		}
		stop()
		m.add("message")
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 6}) {
			t.Errorf("after the connection: %+v", s)
		}
		stopRun()
		<-running
	})
}

var _ mqtt.Greeter = online{}
