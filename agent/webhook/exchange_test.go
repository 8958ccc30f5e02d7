package webhook

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"deskbell/agent/event"
	"deskbell/storage"
)

func TestMemoryIsNeverSharedBetweenRequests(t *testing.T) {
	k := start(t, guarded)
	var posts sync.WaitGroup
	for client := range 8 {
		c := k.dial()
		posts.Go(func() {
			r := bufio.NewReader(c)
			for n := range 50 {
				filler := strings.Repeat(string(rune('a'+client)), n*n*10)
				body := fmt.Sprintf(`{"events":[{"client":%d,"n":%d,"filler":"%s"},{"second":%[1]d,"n":%[2]d}]}`, client, n, filler)
				if n%5 == 4 {
					body = body[:len(body)-1] // not JSON
				}
				if _, err := io.WriteString(c, k.request("POST", "/webhook", body, right)); err != nil {
					t.Error(err)
					return
				}
				if g := k.answer(r); (g.code == 200) != (n%5 != 4) {
					t.Errorf("%d: %+v", n, g)
				}
			}
		})
	}
	posts.Wait()
	if k.store.stored() != 8*40*2 {
		t.Errorf("%d events", k.store.stored())
	}
	for _, e := range k.store.entries {
		if id, err := event.ID(e.Data); err != nil || id != e.ID {
			t.Fatalf("stored under another id: %.80s", e.Data)
		}
	}
}

func TestTheSamplesThroughARealStore(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	l, err := storage.Open(ctx, t.TempDir(), storage.Options{MaxSize: 16 << 20, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(guarded, l, d, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, s := range event.Samples() {
			r := httptest.NewRequest("POST", "/webhook", strings.NewReader(string(s.Data)))
			r.Header.Set("Token", "secret")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != 200 || w.Body.String() != "secret" {
				t.Fatalf("%s: %d %s", s.Name, w.Code, w.Body)
			}
		}
	}
	if h.Counts() != (Counts{Accepted: 22, Duplicates: 22}) {
		t.Errorf("%+v", h.Counts())
	}
	records, err := l.Read(0, 100)
	if err != nil || len(records) != 22 {
		t.Fatal(len(records), err)
	}
	for i, s := range event.Samples() {
		b, err := event.ParseBody(s.Data)
		if err != nil || string(records[i].Data) != string(b.Elements[0].Data) || records[i].ID != storage.ID(b.Elements[0].ID) {
			t.Errorf("%s: not stored as sent, %v", s.Name, err)
		}
	}
}

func TestABodyThatEndsEarlyGetsNoAnswer(t *testing.T) {
	k := start(t, guarded)
	for _, request := range []string{
		"POST /webhook HTTP/1.1\r\nHost: a\r\n" + right + "\r\nContent-Length: 100\r\n\r\n{}",
		"POST /webhook HTTP/1.1\r\nHost: a\r\n" + right + "\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
	} {
		c := k.dial()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if g := k.answer(bufio.NewReader(c)); g.code != 0 {
			t.Errorf("%+v", g)
		}
	}
	k.refused(k.raw("POST /webhook HTTP/1.1\r\nHost: a\r\n"+right+"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400)
	if k.store.stored() != 0 || k.seen.codes[200] != 0 {
		t.Error("taken as complete")
	}
}

func TestAnswersOnOneConnectionKeepTheirOrder(t *testing.T) {
	k := start(t, guarded)
	c := k.dial()
	r := bufio.NewReader(c)
	all := k.request("POST", "/webhook", `{"events":[{"n":1}]}`, right) + k.request("POST", "/webhook", `x`, right) +
		k.request("GET", "/healthz", "") + k.request("POST", "/webhook", ``, wrong) + k.request("POST", "/webhook", ``, "Token: older")
	go func() { _, _ = io.WriteString(c, all) }()
	for _, code := range []int{200, 400, 200, 401, 200} {
		if g := k.answer(r); g.code != code || g.closed {
			t.Errorf("%+v", g)
		}
	}
}

func TestExpectContinueIsAnsweredOnlyWhereTheBodyIsRead(t *testing.T) {
	k := start(t, guarded)
	head := "POST /webhook HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + right + "\r\nContent-Length: "
	k.refused(k.raw(head+"2000000\r\n\r\n"), 413)
	c := k.dial()
	r := bufio.NewReader(c)
	if _, err := io.WriteString(c, head+"2\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(text, "HTTP/1.1 100") {
		t.Fatal(text, err)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "{}"); err != nil {
		t.Fatal(err)
	}
	k.want(k.answer(r), 200, "secret")
}

func FuzzRequest(f *testing.F) {
	f.Add("POST", "token=secret&x", "X-Token", "secret", "198.51.100.1, 10.0.0.1:80,[::1]", []byte(`{"events":[{"a":1}]}`))
	f.Add("GET", "%zz;&=&&a=%00", "Authorization", "Bearer  ", ",,[", []byte(`{"token":"secret"`))
	f.Add("POST", "key=secret", "X-Acme", "secret", "unknown", []byte(`{"auth":{"token":"secret"},"events":[null]}`))
	for _, s := range event.Samples() {
		f.Add("POST", "", "Token", "secret", "", s.Data)
	}
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		f.Fatal(err)
	}
	c := guarded
	c.TokenIn, c.TrustedProxies, c.MaxBody = []string{"header:X-Acme", "query:key", "body:auth.token"}, []string{"192.0.2.0/24", "10.0.0.0/8"}, 1<<16
	f.Fuzz(func(t *testing.T, method, query, name, value, hops string, body []byte) {
		s := &memory{}
		h, err := New(c, s, d, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/webhook", iotest.OneByteReader(strings.NewReader(string(body))))
		r.Method, r.URL = method, &url.URL{Path: "/webhook", RawQuery: query}
		r.Header.Set(name, value)
		r.Header.Set("X-Forwarded-For", hops)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case 200:
			if !strings.Contains(w.Body.String(), "secret") && !strings.Contains(w.Body.String(), "older") {
				t.Errorf("200 with %q", w.Body)
			}
		case 400, 401, 405, 413, 415:
			if w.Code != 401 && s.lists[ListRefused] != nil || w.Code != 400 && s.lists[ListRejected] != nil {
				t.Errorf("%d: %v", w.Code, s.lists)
			}
		default:
			t.Errorf("answered %d", w.Code)
		}
		if w.Code != 200 && s.stored() > 0 {
			t.Errorf("%d, and something is stored", w.Code)
		}
		for _, kept := range s.lists[ListRefused] {
			if len(kept) > 32<<10 {
				t.Errorf("%d bytes of a shape", len(kept))
			}
		}
	})
}

// sink is a store that costs nothing.
type sink struct{ sequences [64]uint64 }

func (s *sink) Append(_ context.Context, es []storage.Entry) ([]uint64, error) {
	return s.sequences[:len(es)], nil
}
func (s *sink) Ready() error            { return nil }
func (s *sink) Remember(string, []byte) {}

// BenchmarkHandler compares the handler with the least that could stand in its place, which reads the body and looks
// at nothing, both behind the same server's types but without a network.
func BenchmarkHandler(b *testing.B) {
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		b.Fatal(err)
	}
	s := &sink{}
	for i := range s.sequences {
		s.sequences[i] = 1
	}
	h, err := New(guarded, s, d, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	least := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		if _, err := s.Append(r.Context(), []storage.Entry{{Data: body}}); err != nil {
			b.Error(err)
		}
		w.WriteHeader(http.StatusOK)
	})
	samples := event.Samples()
	for name, handler := range map[string]http.Handler{"ours": h, "least": least} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &discard{header: make(http.Header)}
			body := new(rewound)
			r := httptest.NewRequest("POST", "/webhook", nil)
			r.Header.Set("Authorization", "Bearer secret")
			r.Body = body
			n := 0
			for b.Loop() {
				data := samples[n%len(samples)].Data
				n++
				body.Reset(string(data))
				r.ContentLength = int64(len(data))
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
		})
	}
}

type rewound struct{ strings.Reader }

func (*rewound) Close() error { return nil }

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
