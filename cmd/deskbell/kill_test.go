//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// clients is a load that remembers what was answered 200.
type clients struct {
	url string
	wg  sync.WaitGroup

	mu       sync.Mutex
	answered map[string]bool
}

// load starts n clients that post until ctx ends, each event with a marker and
// more text.
func load(ctx context.Context, url string, n, round int, more string) *clients {
	c := &clients{url: url, answered: map[string]bool{}}
	for w := range n {
		c.wg.Go(func() {
			h := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer h.CloseIdleConnections()
			for i := 0; ctx.Err() == nil; i++ {
				marker := fmt.Sprintf("mark-%d-%d-%d.", round, w, i)
				body := fmt.Appendf(nil, `{"events":[{"event":{"type":"message","payload":{"message":{"type":"text","text":"%s%s"}}},"conversation":{"key":"c%d"},"timestamp":"2026-01-02 03:04:05.%06d"}]}`, marker, more, w, i)
				resp, err := h.Post(c.url, "application/json", bytes.NewReader(body))
				if err != nil {
					select { // the agent is away: do not spin
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
					continue
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					c.mu.Lock()
					c.answered[marker] = true
					c.mu.Unlock()
				}
			}
		})
	}
	return c
}

func (c *clients) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answered)
}

var marker = regexp.MustCompile(`mark-\d+-\d+-\d+\.`)

// missing are the answered events that no message of sub has.
func missing(sub *mqtttest.Subscriber, answered map[string]bool) []string {
	seen := map[string]bool{}
	for _, m := range sub.Messages() {
		seen[marker.FindString(m.Payload)] = true
	}
	var list []string
	for k := range answered {
		if !seen[k] {
			list = append(list, k)
		}
	}
	return list
}

func TestNothingAnsweredIsLostByKillsAndABrokerThatComesAndGoes(t *testing.T) {
	broker := mqtttest.StartMosquitto(t)
	sub := subscribe(t, broker.Addr, "deskbell/lobby/event/#")
	p := newProgram(t, "", hubForward(broker.Addr))
	answered := map[string]bool{}
	for round := range 10 {
		p.start()
		ctx, stop := context.WithCancel(t.Context())
		c := load(ctx, p.url(), 16, round, "")
		p.eventually("events are answered", func() bool { return c.count() > 50 })
		if round%2 == 0 {
			broker.Stop()
			n := c.count()
			p.eventually("events are answered without the broker", func() bool { return c.count() > n+50 })
		}
		p.kill()
		stop()
		c.wg.Wait()
		for k := range c.answered {
			answered[k] = true
		}
		if round%2 == 0 {
			broker.Start()
		}
	}
	p.start()
	p.eventually("all is delivered", func() bool { s := p.status(); return s.Forward[0].Connected && s.Forward[0].Pending == 0 })
	p.eventually("all has arrived", func() bool { return len(missing(sub, answered)) == 0 })
	t.Logf("%d events answered 200, %d messages, none missing", len(answered), len(sub.Messages()))
}

func TestABrokerThatNeverAcknowledgesGetsNothingCounted(t *testing.T) {
	fake := &mqtttest.Fake{OnPublish: func(mqtttest.Publish) mqtttest.Reply { return mqtttest.Ignore }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go fake.Serve(l)
	t.Cleanup(func() { l.Close(); fake.Close() })
	p := newProgram(t, "", hubForward(l.Addr().String()))
	p.start()
	ctx, stop := context.WithCancel(t.Context())
	c := load(ctx, p.url(), 4, 0, "")
	for range 5 {
		n := len(fake.Publishes())
		p.eventually("the fake gets events", func() bool { return len(fake.Publishes()) > n })
		fake.Drop()
	}
	stop()
	c.wg.Wait()
	if s := p.status(); s.Forward[0].AckedSequence != 0 || s.Forward[0].Pending != int(s.Storage.LastSequence) || s.Forward[0].SetAside != 0 {
		t.Errorf("%d answered, and the forward says %+v", c.count(), s.Forward[0])
	}
}
