package load

import (
	"context"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// A Subscriber notes what comes from a broker in a Ledger. It connects again
// by itself, within 0.2 s, and keeps its session at the broker meanwhile.
type Subscriber struct {
	client mqtt.Client
	topic  string
}

// Subscribe listens at a broker, such as tcp://127.0.0.1:1883. It returns once
// the broker has confirmed, or with why not.
func Subscribe(ctx context.Context, broker, topic string, l *Ledger) (*Subscriber, error) {
	s := &Subscriber{topic: topic}
	arrived := func(_ mqtt.Client, m mqtt.Message) { l.Arrived(m.Payload(), m.Duplicate()) }
	ready := make(chan error, 1)
	o := mqtt.NewClientOptions().AddBroker(broker).SetClientID("load-" + l.text.run).
		SetProtocolVersion(4).SetCleanSession(false).SetOrderMatters(true).
		SetAutoReconnect(true).SetMaxReconnectInterval(200 * time.Millisecond).
		SetDefaultPublishHandler(arrived).
		SetOnConnectHandler(func(c mqtt.Client) {
			// Every time: the broker may have lost its sessions.
			t := c.Subscribe(topic, 1, arrived)
			t.Wait()
			select {
			case ready <- t.Error():
			default:
			}
		})
	s.client = mqtt.NewClient(o)
	t := s.client.Connect()
	select {
	case <-t.Done():
	case <-ctx.Done():
		s.client.Disconnect(0)
		return nil, fmt.Errorf("connect to %s: %w", broker, ctx.Err())
	}
	if err := t.Error(); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", broker, err)
	}
	select {
	case err := <-ready:
		if err != nil {
			s.client.Disconnect(0)
			return nil, fmt.Errorf("subscribe at %s: %w", broker, err)
		}
	case <-ctx.Done():
		s.client.Disconnect(0)
		return nil, fmt.Errorf("subscribe at %s: %w", broker, ctx.Err())
	}
	return s, nil
}

// Connected says whether the broker is there.
func (s *Subscriber) Connected() bool { return s.client.IsConnectionOpen() }

// Close ends the subscription, where the broker is there, and the connection.
func (s *Subscriber) Close() {
	if s.client.IsConnectionOpen() {
		s.client.Unsubscribe(s.topic).WaitTimeout(2 * time.Second)
	}
	s.client.Disconnect(100)
}
