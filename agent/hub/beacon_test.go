package hub

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
)

// events is a session that publishes one after the other, for ever, each when
// the one before was acknowledged, as a forward does after a loss.
type events struct{ acked atomic.Int64 }

func (e *events) Serve(ctx context.Context, c *mqtt.Conn) error {
	for ctx.Err() == nil {
		token, err := c.Publish(ctx, mqtt.Message{Topic: "event", QoS: 1, Payload: fmt.Append(nil, e.acked.Load()+1)})
		if err != nil {
			return nil
		}
		select {
		case <-token.Done():
		case <-ctx.Done():
			return nil
		}
		if token.Err() == nil {
			e.acked.Add(1)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// shine runs a beacon, or a whole hub, with events behind it until stop is
// called.
func shine(fake *mqtttest.Fake, whole bool) (e *events, problems func() []string, log *bytes.Buffer, stop func()) {
	e, log = new(events), new(bytes.Buffer)
	logger := slog.New(slog.NewTextHandler(log, nil))
	var face mqtt.Session
	if whole {
		h := New("deskbell/front", newDesk(), logger)
		face, problems = h, h.Problems
	} else {
		b := NewBeacon("deskbell/front", logger)
		face, problems = b, b.Problems
	}
	l := mqtt.NewLink(mqtt.Config{Broker: "mqtt://broker.test", Dial: fake.Dial}, []mqtt.Session{face, e}, logger, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }()
	return e, problems, log, func() {
		cancel()
		<-ended
		fake.Close()
	}
}

// appearances counts how often the broker was told that we are there.
func appearances(fake *mqtttest.Fake) int {
	n := 0
	for _, p := range fake.Publishes() {
		if strings.HasSuffix(p.Topic, "/availability") {
			n++
		}
	}
	return n
}

// TestEventsGoOnWhereTheAvailabilityIsRefused has a broker that ends each
// connection on it, and then takes it again.
func TestEventsGoOnWhereTheAvailabilityIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		whole bool
		reply mqtttest.Reply
		late  time.Duration
	}{
		{"by a beacon", false, mqtttest.Drop, 0},
		{"by a beacon, after its acknowledgement", false, mqtttest.AckAndDrop, 0},
		{"by a beacon, which is never acknowledged", false, mqtttest.Ignore, 0},
		{"by a beacon, where the rest is acknowledged late", false, mqtttest.Drop, time.Second},
		{"by a hub", true, mqtttest.Drop, 0},
		{"by a hub, after its acknowledgement", true, mqtttest.AckAndDrop, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var well atomic.Bool
				fake := &mqtttest.Fake{Late: tt.late, Well: well.Load, OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
					if strings.HasSuffix(p.Topic, "/availability") {
						return tt.reply
					}
					return mqtttest.Ack
				}}
				e, problems, log, stop := shine(fake, tt.whole)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if n := e.acked.Load(); n < 200 {
					t.Errorf("%d events in ten minutes", n)
				}
				if p := problems(); len(p) != 1 || !strings.Contains(p[0], "deskbell/front/availability") {
					t.Errorf("problems %q", p)
				}
				if n := appearances(fake); n > 12 {
					t.Errorf("tried %d times in ten minutes", n)
				}
				time.Sleep(24 * time.Hour)
				if n := appearances(fake); n > 12+3*24 {
					t.Errorf("tried %d times in a day", n)
				}
				well.Store(true)
				time.Sleep(longestRest + time.Minute)
				synctest.Wait()
				before := appearances(fake)
				if p := problems(); len(p) != 0 {
					t.Errorf("problems %q after it is allowed", p)
				}
				time.Sleep(longestRest + time.Minute)
				synctest.Wait()
				if n := appearances(fake); n != before {
					t.Errorf("told %d times more", n-before)
				}
				stop()
				if n := strings.Count(log.String(), "which is left out"); n != 1 {
					t.Errorf("told %d times in the log: %s", n, log)
				}
			})
		})
	}
}

// TestTheAvailabilityIsNotBlamedForWhatItDidNotDo has connections end for other
// reasons.
func TestTheAvailabilityIsNotBlamedForWhatItDidNotDo(t *testing.T) {
	for _, tt := range []struct {
		name string
		fake *mqtttest.Fake
	}{
		{"when the broker refuses the events", &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if p.Topic == "event" {
				return mqtttest.Drop
			}
			return mqtttest.Ack
		}}},
		{"when the broker acknowledges nothing", &mqtttest.Fake{OnPublish: func(p mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}},
		{"when it acknowledges late and refuses the events", &mqtttest.Fake{Late: time.Second, OnPublish: func(p mqtttest.Publish) mqtttest.Reply {
			if p.Topic == "event" {
				return mqtttest.Drop
			}
			return mqtttest.Ack
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, problems, _, stop := shine(tt.fake, false)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				stop()
				if p := problems(); len(p) != 0 {
					t.Errorf("problems %q", p)
				}
				if n := tt.fake.Connections(); appearances(tt.fake) < n-1 {
					t.Errorf("told %d times on %d connections", appearances(tt.fake), n)
				}
			})
		})
	}
}
