//go:build unix

package mqtt

import (
	"context"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"

	"deskbell/agent/mqtt/mqtttest"
)

// The size of the platform's events, and how many may be in flight.
const (
	benchSize   = 810
	benchWindow = 64
)

// BenchmarkPublish compares a connection of ours with the client library used
// plainly, both with a real broker.
func BenchmarkPublish(b *testing.B) {
	m := mqtttest.StartMosquitto(b)
	payload := make([]byte, benchSize)
	b.Run("library", func(b *testing.B) {
		o := paho.NewClientOptions().AddBroker("tcp://" + m.Addr).SetClientID("library").SetOrderMatters(false)
		client := paho.NewClient(o)
		if t := client.Connect(); t.Wait() && t.Error() != nil {
			b.Fatal(t.Error())
		}
		defer client.Disconnect(100)
		flying(b, func() func() error {
			t := client.Publish("bench/library", 1, false, payload)
			return func() error { t.Wait(); return t.Error() }
		})
	})
	b.Run("link", func(b *testing.B) {
		conns := make(chan *Conn, 1)
		l := NewLink(Config{Broker: m.URL(), ClientID: "link"}, []Session{session{serve: func(ctx context.Context, c *Conn) error {
			conns <- c
			<-ctx.Done()
			return nil
		}}}, quiet(), nil)
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = l.Run(ctx) }()
		c := <-conns
		flying(b, func() func() error {
			t, err := c.Publish(ctx, Message{Topic: "bench/link", QoS: 1, Payload: payload})
			if err != nil {
				return func() error { return err }
			}
			return func() error { <-t.Done(); return t.Err() }
		})
		cancel()
		<-done
	})
}

// flying publishes b.N times with a window, as a forwarder does.
func flying(b *testing.B, publish func() (wait func() error)) {
	b.ReportAllocs()
	b.SetBytes(benchSize)
	b.ResetTimer()
	flights := make(chan func() error, benchWindow)
	done := make(chan error)
	go func() {
		var first error
		for wait := range flights {
			if err := wait(); err != nil && first == nil {
				first = err
			}
		}
		done <- first
	}()
	for range b.N {
		flights <- publish()
	}
	close(flights)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publishes/s")
}
