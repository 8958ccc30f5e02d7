package load

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPoster(t *testing.T) {
	for _, test := range []struct {
		name    string
		poster  Poster
		answers func(n int, w http.ResponseWriter) // to the nth post
		want    Report
	}{
		{name: "posts one event after the other", poster: Poster{Posts: 5},
			want: Report{Sent: 5, Accepted: 5}},
		{name: "posts over several connections, some events in each body", poster: Poster{Connections: 4, Posts: 3, Batch: 10},
			want: Report{Sent: 120, Accepted: 120}},
		{name: "notes what is refused", poster: Poster{Posts: 4, Pause: time.Nanosecond},
			answers: func(n int, w http.ResponseWriter) {
				if n%2 == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}, want: Report{Sent: 4, Accepted: 2, Refused: 2}},
		{name: "tries the same event again where it may", poster: Poster{Posts: 2, Tries: 3, Pause: time.Nanosecond},
			answers: func(n int, w http.ResponseWriter) {
				if n%3 != 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}, want: Report{Sent: 2, Accepted: 2}},
		{name: "goes on with a new connection after one that was cut", poster: Poster{Posts: 3, Pause: time.Nanosecond},
			answers: func(n int, w http.ResponseWriter) {
				if n == 2 {
					panic(http.ErrAbortHandler)
				}
			}, want: Report{Sent: 3, Accepted: 2, Unanswered: 1}},
		{name: "goes on with a new connection where it is told to", poster: Poster{Posts: 3},
			answers: func(_ int, w http.ResponseWriter) { w.Header().Set("Connection", "close") },
			want:    Report{Sent: 3, Accepted: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := NewLedger()
			var mu sync.Mutex
			posts := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Method != "POST" || r.URL.Path != "/webhook" || r.Header.Get("X-Webhook-Token") != "right" {
					t.Errorf("%s %s with %v, %v", r.Method, r.URL, r.Header, err)
				}
				events := 0
				l.text.marks(body, func(int, int) { events++ })
				if events != max(test.poster.Batch, 1) {
					t.Errorf("%d events in one body", events)
				}
				mu.Lock()
				posts++
				n := posts
				mu.Unlock()
				if test.answers != nil {
					test.answers(n, w)
				}
				_, _ = io.WriteString(w, "right")
			}))
			defer server.Close()
			test.poster.URL, test.poster.Token = server.URL+"/webhook", "right"
			if err := test.poster.Run(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			r := l.Report(0)
			if r.Sent != test.want.Sent || r.Accepted != test.want.Accepted || r.Refused != test.want.Refused || r.Unanswered != test.want.Unanswered {
				t.Errorf("%+v, want %+v", r, test.want)
			}
			if r.Lost != r.Accepted { // nobody published anything
				t.Errorf("%d of %d lost", r.Lost, r.Accepted)
			}
		})
	}
}

func TestEachConnectionWaitsForItsAnswer(t *testing.T) {
	const connections = 3
	var under, most atomic.Int64
	together := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == connections {
			close(together)
		}
		<-together // all connections are answered once each has posted
	}))
	defer server.Close()
	if err := (Poster{URL: server.URL, Connections: connections, Posts: 1}).Run(t.Context(), NewLedger()); err != nil {
		t.Fatal(err)
	}
	if most.Load() != connections {
		t.Errorf("%d posts at once", most.Load())
	}
}

// TestPosterRepeats posts larger events, and some of them twice.
func TestPosterRepeats(t *testing.T) {
	l := NewLedger()
	var mu sync.Mutex
	posts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) < 2*5000 || !json.Valid(body) {
			t.Errorf("%v, %d bytes", err, len(body))
		}
		mu.Lock()
		defer mu.Unlock()
		if posts++; posts == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		l.Arrived(body, false)
	}))
	defer server.Close()
	p := Poster{URL: server.URL, Posts: 4, Batch: 2, Pad: 5000, Again: 2, Pause: time.Nanosecond}
	if err := p.Run(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	r := l.Report(0)
	if posts != 6 || r.Sent != 8 || r.Accepted != 6 || r.Delivered != 6 || r.Duplicates != 4 || r.Faults() != "" {
		t.Errorf("%d posts: %+v", posts, r)
	}
	if l.lanes[0].events[2].copies != 3 || l.lanes[0].events[0].copies != 0 { // the oldest that was accepted
		t.Errorf("%+v", l.lanes[0].events)
	}
}

func TestPostsAreDueAtEvenTimes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if posts.Add(1) == 50 {
			cancel()
		}
	}))
	defer server.Close()
	l := NewLedger()
	if err := (Poster{URL: server.URL, Connections: 2, Rate: 1000}).Run(ctx, l); err != nil {
		t.Fatal(err)
	}
	for lane, s := range l.lanes {
		for i, e := range s.events {
			if want := s.events[0].sent + time.Duration(i)*2*time.Millisecond; (e.sent - want).Abs() > time.Microsecond {
				t.Fatalf("post %d of connection %d is due at %v, want %v", i, lane, e.sent, want)
			}
		}
	}
	if between := l.lanes[1].events[0].sent - l.lanes[0].events[0].sent; between != time.Millisecond {
		t.Errorf("%v between the connections", between)
	}
}

func TestPosterSaysWhatItCannotPostTo(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:80", "https://127.0.0.1:80/", "http://127.0.0.1/"} {
		if err := (Poster{URL: address}).Run(t.Context(), NewLedger()); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestWhyThereWasNoAnswer(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-release }))
	l := NewLedger()
	p := Poster{URL: server.URL, Posts: 1, Timeout: 10 * time.Millisecond, Pause: time.Nanosecond}
	if err := p.Run(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	close(release)
	server.Close()
	if err := p.Run(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got := l.Report(0).Errors
	if len(got) != 2 || got["no answer in time"] != 1 || got["connection refused"] != 1 {
		t.Errorf("%v", got)
	}
}
