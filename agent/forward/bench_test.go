//go:build unix

package forward

import (
	"context"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

// BenchmarkForward delivers stored events to a real broker. To be held against
// BenchmarkPublish of agent/mqtt.
func BenchmarkForward(b *testing.B) {
	broker := mqtttest.StartMosquitto(b)
	body, err := event.ParseBody(event.Samples()[1].Data)
	if err != nil {
		b.Fatal(err)
	}
	element := body.Elements[0]
	m := newMemory()
	for n := range uint64(b.N) {
		m.records = append(m.records, storage.Record{Sequence: n + 1, ID: element.ID, Data: element.Data, Elapsed: time.Second})
	}
	done := make(chan struct{}, b.N)
	f, err := New(Config{Name: "bench", Device: "desk"}, m, m, decoder(b), func(time.Duration) { done <- struct{}{} }, nil, quiet())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(element.Data)))
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	l := mqtt.NewLink(mqtt.Config{Broker: broker.URL(), ClientID: "bench"}, []mqtt.Session{f}, quiet(), nil)
	go func() { defer close(ended); _ = l.Run(ctx) }()
	for range b.N {
		<-done
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	cancel()
	<-ended
}

// BenchmarkMessage makes the publish of one event.
func BenchmarkMessage(b *testing.B) {
	body, err := event.ParseBody(event.Samples()[1].Data)
	if err != nil {
		b.Fatal(err)
	}
	m := newMemory()
	for _, format := range []string{CloudEvents, Raw} {
		b.Run(format, func(b *testing.B) {
			f := forwarder(b, Config{Format: format}, m)
			r := storage.Record{Sequence: 7, ID: body.Elements[0].ID, Data: body.Elements[0].Data, Received: time.Now()}
			var payloads buffer
			b.ReportAllocs()
			for b.Loop() {
				if _, wanted, err := f.message(r, &payloads); !wanted || err != nil {
					b.Fatal("not wanted", err)
				}
			}
		})
	}
}
