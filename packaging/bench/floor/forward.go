package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	topic  = "floor/event"
	window = 64 // publishes under way
)

// A queue is what waits for the broker, without an end.
type queue struct {
	mu      sync.Mutex
	filled  *sync.Cond
	records []record
}

func newQueue() *queue {
	q := &queue{}
	q.filled = sync.NewCond(&q.mu)
	return q
}

func (q *queue) put(rs []record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(q.records, rs...)
	q.filled.Signal()
}

func (q *queue) take() []record {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.records) == 0 {
		q.filled.Wait()
	}
	rs := q.records
	q.records = nil
	return rs
}

// A forward publishes at QoS 1. Over the loss of a connection paho keeps what
// was not acknowledged and sends it again.
type forward struct {
	store *store
	queue *queue
}

func (f *forward) run(broker string) {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID(fmt.Sprint("floor-", os.Getpid())).
		SetProtocolVersion(4).SetCleanSession(false).SetOrderMatters(false).
		SetConnectRetry(true).SetConnectRetryInterval(200 * time.Millisecond).
		SetAutoReconnect(true).SetMaxReconnectInterval(500 * time.Millisecond))
	c.Connect()
	type publish struct {
		record record
		token  mqtt.Token
	}
	under := make(chan publish, window)
	go func() {
		for p := range under {
			for p.token.Wait(); p.token.Error() != nil; p.token.Wait() {
				time.Sleep(100 * time.Millisecond)
				p.token = c.Publish(topic, 1, false, p.record.data)
			}
			f.store.acknowledged(p.record)
		}
	}()
	for {
		for _, r := range f.queue.take() {
			under <- publish{r, c.Publish(topic, 1, false, r.data)}
		}
	}
}
