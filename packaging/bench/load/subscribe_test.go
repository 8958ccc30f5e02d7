package load

import (
	"context"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"deskbell/agent/mqtt/mqtttest"
)

// TestSubscriber has the broker go away between two events: it keeps the
// session, so what came meanwhile is not lost.
func TestSubscriber(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	l := NewLedger()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := Subscribe(ctx, "tcp://"+broker.Addr, "desk/#", l)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l.open(1, 0)
	publish := func() {
		t.Helper()
		c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + broker.Addr).SetClientID("publisher"))
		if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
		defer c.Disconnect(100)
		number := l.send(0, 1, l.now())
		l.answer(0, number, 1, 200, nil, l.now())
		if token := c.Publish("desk/event", 1, false, l.text.appendEvent(nil, 0, number, 0)); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	publish()
	if err := l.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	broker.Stop()
	if s.client.IsConnectionOpen() && !s.awaitLoss(ctx) {
		t.Fatal("the loss of the broker was not noticed")
	}
	broker.Start()
	publish()
	if err := l.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	if r := l.Report(0); r.Accepted != 2 || r.Delivered != 2 || r.Faults() != "" {
		t.Errorf("%+v", r)
	}
}

func (s *Subscriber) awaitLoss(ctx context.Context) bool {
	for s.Connected() {
		if !Sleep(ctx, time.Millisecond) {
			return false
		}
	}
	return true
}

func TestSubscribeSaysWhyNot(t *testing.T) {
	if _, err := Subscribe(t.Context(), "tcp://127.0.0.1:1", "#", NewLedger()); err == nil {
		t.Error("subscribed where no broker is")
	}
}
