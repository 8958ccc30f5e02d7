package forward

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

// background runs f.Run until stop is called.
func background(f *Forwarder) (done chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan struct{})
	go func() { defer close(done); _ = f.Run(ctx) }()
	return done, cancel
}

// poisoned drops the connection on some events and acknowledges the rest.
func poisoned(numbers ...uint64) func(mqtttest.Publish) mqtttest.Reply {
	return func(p mqtttest.Publish) mqtttest.Reply {
		if slices.Contains(numbers, number(p.Payload)) {
			return mqtttest.Drop
		}
		return mqtttest.Ack
	}
}

func TestAnEventThatEndsConnectionsIsSetAside(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fake     *mqtttest.Fake
		sessions []mqtt.Session
		held     []uint64
		acked    uint64
	}{
		{"after three connections", &mqtttest.Fake{OnPublish: poisoned(1)}, []mqtt.Session{online{}}, []uint64{1}, 20},
		{"wherever it stands", &mqtttest.Fake{OnPublish: poisoned(11)}, []mqtt.Session{online{}}, []uint64{11}, 20},
		{"so is the next", &mqtttest.Fake{OnPublish: poisoned(3, 4, 20)}, []mqtt.Session{online{}}, []uint64{3, 4, 20}, 20},
		{"but not when nothing else was acknowledged", &mqtttest.Fake{OnPublish: poisoned(1)}, nil, nil, 0},
		{"when it is never acknowledged and the rest is", &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if number(p.Payload) == 2 {
				return mqtttest.Ignore
			}
			return mqtttest.Ack
		}}, []mqtt.Session{online{}}, []uint64{2}, 20},
		{"when the broker acknowledges later than it refuses", &mqtttest.Fake{OnPublish: poisoned(1, 11), Late: time.Second},
			[]mqtt.Session{online{}, greeting{"other"}}, []uint64{1, 11}, 20},
		{"but not when something of ours is not acknowledged either", &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			switch {
			case p.Topic == "other":
				return mqtttest.Ignore
			case number(p.Payload) == 1:
				return mqtttest.Drop
			}
			return mqtttest.Ack
		}}, []mqtt.Session{online{}, greeting{"other"}}, nil, 0},
		{"but not when we end the connections", &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if number(p.Payload) == 1 {
				return mqtttest.Ignore
			}
			return mqtttest.Ack
		}}, []mqtt.Session{online{}, failing{}}, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add(repeat("message", 20)...)
				f := forwarder(t, Config{}, m)
				_, stop := connect(tt.fake, append(tt.sessions, f)...)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				stop()
				if got := m.Held(); !slices.Equal(got, tt.held) || m.commits != len(tt.held) {
					t.Errorf("set aside %v in %d commits, want %v", got, m.commits, tt.held)
				}
				want := Stats{Acked: tt.acked, Pending: 20 - int(tt.acked), SetAside: len(tt.held)}
				if s := f.Stats(); s != want || m.Position() != tt.acked {
					t.Errorf("%+v, want %+v, position %d", s, want, m.Position())
				}
				for _, n := range upTo(tt.acked) {
					if !slices.Contains(events(tt.fake), n) {
						t.Errorf("event %d was never sent", n)
					}
				}
			})
		})
	}
}

// A greeting is published beside the events and waits for nothing.
type greeting struct{ topic string }

func (g greeting) Greet(ctx context.Context, c *mqtt.Conn) error {
	_, err := c.Publish(ctx, mqtt.Message{Topic: g.topic, QoS: 1})
	return err
}

func (greeting) Serve(context.Context, *mqtt.Conn) error { return nil }

// A failing session ends each connection after a while.
type failing struct{}

func (failing) Serve(ctx context.Context, _ *mqtt.Conn) error {
	select {
	case <-time.After(time.Second):
		return errors.New("failing")
	case <-ctx.Done():
		return nil
	}
}

// A jammed session has the broker read nothing any more, so that what it says
// then is on its way to the end, and what others say is not sent at all.
type jammed struct{}

func (jammed) Greet(ctx context.Context, c *mqtt.Conn) error {
	token, err := c.Publish(ctx, mqtt.Message{Topic: "jam", QoS: 1})
	if err != nil {
		return err
	}
	<-token.Done()
	_, err = c.Publish(ctx, mqtt.Message{Topic: "stuck", QoS: 1})
	time.Sleep(time.Millisecond)
	return err
}

func (jammed) Serve(context.Context, *mqtt.Conn) error { return nil }

func TestAnEventThatWasNeverSentIsNotSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add("message", "message")
		f := forwarder(t, Config{}, m)
		fake := &mqtttest.Fake{}
		fake.OnPublish = func(p mqtttest.Publish) mqtttest.Reply {
			fake.Write([]byte{0x40, 2, byte(p.ID >> 8), byte(p.ID)})
			time.Sleep(time.Second)
			return mqtttest.Drop
		}
		_, stop := connect(fake, jammed{}, f)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stop()
		if fake.Connections() < 10 || len(m.Held()) != 0 || len(events(fake)) != 0 {
			t.Errorf("set aside %v on %d connections, sent %v", m.Held(), fake.Connections(), events(fake))
		}
	})
}

func TestAnEventIsSentThreeTimesBeforeItIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add("message", "message")
		f := forwarder(t, Config{Window: 1}, m)
		fake := &mqtttest.Fake{OnPublish: poisoned(1)}
		_, stop := connect(fake, online{}, f)
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if got := events(fake); !slices.Equal(got, []uint64{1, 1, 1, 2}) {
			t.Errorf("sent %v", got)
		}
	})
}

func TestAStoreThatCannotBeWrittenSetsNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.setBroken(errors.New("broken"))
		m.add("message", "message")
		f := forwarder(t, Config{}, m)
		fake := &mqtttest.Fake{OnPublish: poisoned(1)}
		l, stop := connect(fake, online{}, f)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Pending: 2}) {
			t.Errorf("%+v", s)
		}
		if l.State().LastError == "" {
			t.Error("nothing is said about it")
		}
		m.setBroken(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := f.Stats(); s != (Stats{Acked: 2, SetAside: 1}) {
			t.Errorf("after repair %+v", s)
		}
		stop()
	})
}

func TestABrokerThatAcknowledgesNothingIsSentTheEventsAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add("message", "message")
		f := forwarder(t, Config{}, m)
		fake := &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if number(p.Payload) > 0 {
				return mqtttest.Drop
			}
			return mqtttest.Ignore
		}}
		_, stop := connect(fake, online{}, f)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stop()
		if n := len(events(fake)); n < fake.Connections()-1 || n < 60 {
			t.Errorf("%d events on %d connections", n, fake.Connections())
		}
		if got := m.Held(); len(got) != 0 {
			t.Errorf("set aside %v", got)
		}
	})
}
