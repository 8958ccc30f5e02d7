package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"deskbell/packaging/bench/load"
)

// A watch looks at the agent all the time: whether it says that it is ready when
// it takes events, and only then, and what it needs.
type watch struct {
	*soak
	client http.Client
	probes int
	cause  kind      // of the time not ready at hand
	away   time.Time // since when it is not ready; zero: it is
	lies   [2]streak // posts refused though ready, and taken though not
	looked time.Time // when sizes were taken
}

// A streak is the same wrong thing again and again. One alone may have come in
// between.
type streak struct {
	n     int
	since time.Time
}

// next says whether it has gone on for too long.
func (s *streak) next(wrong bool) bool {
	if !wrong {
		*s = streak{}
		return false
	}
	if s.n++; s.n == 1 {
		s.since = time.Now()
	}
	return s.n == 10 || s.n > 10 && s.n%100 == 0
}

const lookEvery = 100 * time.Millisecond

func (w *watch) run(ctx context.Context) {
	w.client.Timeout = 10 * time.Second
	for load.Sleep(ctx, lookEvery) {
		w.revive()
		w.look(ctx)
		w.books.count()
		if time.Since(w.looked) > time.Second {
			w.looked = time.Now()
			w.measure()
		}
	}
}

// revive notices an agent that ended though nobody asked it to.
func (w *watch) revive() {
	lock := w.lock("agent")
	if !lock.TryLock() {
		return
	}
	defer lock.Unlock()
	if p := w.agent.process; p != nil && !p.Alive() {
		_, err := p.Wait()
		w.breach("the agent ended by itself: %v; see %s", err, w.agent.log())
		w.buried(stopAgent, false)
		w.started()
	}
}

func (w *watch) look(ctx context.Context) {
	before, _ := w.ask(ctx, http.MethodGet, "/readyz", nil)
	w.probes++
	body := fmt.Appendf(nil, `{"events": [{"event": {"type": "message"}, "probe": %d}]}`, w.probes)
	posted, header := w.ask(ctx, http.MethodPost, "/webhook", body)
	after, _ := w.ask(ctx, http.MethodGet, "/readyz", nil)
	if ctx.Err() != nil {
		return
	}
	ready := before == http.StatusOK && after == before
	refusing := before == http.StatusServiceUnavailable && after == before
	if w.lies[0].next(ready && posted == http.StatusServiceUnavailable) {
		w.breach("/readyz says ready, posts are refused for %v", time.Since(w.lies[0].since).Round(time.Millisecond))
	}
	if w.lies[1].next(refusing && posted == http.StatusOK) {
		w.breach("/readyz says not ready, posts are taken for %v", time.Since(w.lies[1].since).Round(time.Millisecond))
	}
	if posted == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
		w.breach("a 503 without Retry-After")
	}
	switch {
	case ready && !w.away.IsZero():
		w.soak.mu.Lock()
		began := w.away
		if w.begun.After(began) {
			began = w.begun // before, it was stopped
		}
		w.soak.mu.Unlock()
		w.books.wasAway(w.cause, time.Since(began))
		w.away = time.Time{}
	case !ready && w.away.IsZero():
		w.away, w.cause = time.Now(), w.reason()
	}
}

// ask returns the status, or 0 where there was no answer.
func (w *watch) ask(ctx context.Context, method, path string, body []byte) (int, http.Header) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+w.agent.address+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("X-Webhook-Token", token)
	answer, err := w.client.Do(r)
	if err != nil {
		return 0, nil
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header
}

func (w *watch) measure() {
	lock := w.lock("agent")
	if !lock.TryLock() {
		return
	}
	defer lock.Unlock()
	if w.agent.process == nil {
		return
	}
	if s, err := measure(w.agent.process.PID(), w.agent.store()); err == nil {
		s.age = time.Since(w.agent.began)
		w.books.sized(s)
	}
}
