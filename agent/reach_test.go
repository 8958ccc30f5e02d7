package agent

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/admin"
)

const secret = "the-token"

// reaching asks url, with the token.
func reaching(url string) *reach {
	return newReach(WebhookConfig{PublicURL: url, Tokens: []string{secret, "older"}}, time.Now, func() {}, slog.New(slog.DiscardHandler))
}

func TestTheAnswerFromOutside(t *testing.T) {
	type handler = http.HandlerFunc
	body := func(code int, text string) handler {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text)
		}
	}
	forever := make(chan struct{})
	defer close(forever)
	tests := []struct {
		name    string
		answers handler
		want    string // empty: it is reached
	}{
		{"the token, bare", body(200, secret), ""},
		{"the token, on a line", body(200, secret+"\n"), ""},
		{"the token, as JSON", body(200, `{"token":"the-token","more":1}`), ""},
		{"another token", body(200, `{"token":"older"}`), "it answers 200, but not our token"},
		{"a page that holds the token among other things", body(200, "<html>the-token</html>"), "it answers 200, but not our token"},
		{"nothing", body(200, ""), "it answers 200, but not our token"},
		{"an answer without an end", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "it answers 200, but not our token"},
		{"the token, and not 200", body(201, secret), "it answers 201 and not 200"},
		{"another deskbell", body(401, "{}"), "it answers 401"},
		{"a firewall", body(403, ""), "it answers 403"},
		{"another path", body(404, ""), "it answers 404: the path must be that of webhook.path"},
		{"a proxy that does not get through", body(502, ""), "it answers 502: the proxy in front of us"},
		{"somewhere else", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://else.example.org/?token="+secret, http.StatusPermanentRedirect)
		}, "it redirects to https://else.example.org (308)"},
		{"a redirect to a page that would answer right", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/next" {
				body(200, secret)(w, r)
				return
			}
			http.Redirect(w, r, "/next", http.StatusTemporaryRedirect)
		}, "it redirects to http://127.0.0.1"},
		{"the connection ends", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the connection ended without an answer"},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, secret)
		}, "the connection ended without an answer"},
		{"it hangs", func(http.ResponseWriter, *http.Request) { <-forever }, "no answer within 10s"},
		{"it hangs within its answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, secret[:3])
			w.(http.Flusher).Flush()
			<-forever
		}, "no answer within 10s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(tt.answers)
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
			s.Start()
			t.Cleanup(s.CloseClientConnections)
			r := reaching(s.URL + "/webhook")
			if strings.HasPrefix(tt.name, "it hangs") {
				r.client.Timeout = 100 * time.Millisecond
			}
			sentence(t, r.ask(t.Context()), tt.want)
		})
	}
}

// sentence checks an error's beginning, and that it tells no secret.
func sentence(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("told %q", err)
	case want == "":
	case err == nil || !strings.HasPrefix(err.Error(), want):
		t.Errorf("told %v, want %q", err, want)
	case strings.Contains(err.Error(), secret):
		t.Errorf("the token is told: %q", err)
	}
}

func TestTheTokenIsForNobodyElse(t *testing.T) {
	c := reaching("https://desk.example.org/webhook").client
	if c.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy that the environment names would be given the token")
	}
	if c.Timeout != 10*time.Second {
		t.Errorf("an answer may take %v", c.Timeout)
	}
}

func TestWhatStandsBetweenUsAndThePlatform(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, secret) }
	quiet := func(s *httptest.Server) *httptest.Server {
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		return s
	}
	secure, plain := quiet(httptest.NewUnstartedServer(http.HandlerFunc(answer))), httptest.NewServer(http.HandlerFunc(answer))
	secure.StartTLS()
	defer secure.Close()
	defer plain.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closed.Addr().String()
	closed.Close()

	trusting := func(r *reach, name string) *reach {
		pool := x509.NewCertPool()
		pool.AddCert(secure.Certificate())
		tr := r.client.Transport.(*http.Transport)
		tr.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		tr.TLSClientConfig.RootCAs, tr.TLSClientConfig.ServerName = pool, name
		return r
	}
	for _, tt := range []struct {
		name string
		r    *reach
		want string
	}{
		{"nobody listens", reaching("http://" + gone), "connection refused: is the router's port"},
		{"no such name", reaching("http://desk.invalid/webhook"), "its name cannot be looked up"},
		{"a certificate that nobody signed", reaching(secure.URL), "its certificate is signed by nobody known (self-signed?)"},
		{"a certificate for another name", trusting(reaching(secure.URL), "desk.example.org"), "its certificate is for another name"},
		{"a certificate that is right", trusting(reaching(secure.URL), "127.0.0.1"), ""},
		{"no TLS", reaching(strings.Replace(plain.URL, "http:", "https:", 1)), "it does not speak TLS"},
		{"TLS where none is expected", reaching(strings.Replace(secure.URL, "https:", "http:", 1)), "it answers 400"},
	} {
		t.Run(tt.name, func(t *testing.T) { sentence(t, tt.r.ask(t.Context()), tt.want) })
	}
}

// answers plays the other side of a client without a network.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func TestTwoFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var told, asked atomic.Int32
		var clock wallClock
		clock.set(unset)
		r := newReach(WebhookConfig{PublicURL: "https://desk.example.org/webhook", Tokens: []string{secret}}, clock.now,
			func() { told.Add(1) }, slog.New(slog.NewTextHandler(&log, nil)))
		var good atomic.Bool
		r.client.Transport = answers(func(q *http.Request) (*http.Response, error) {
			asked.Add(1)
			if body, _ := io.ReadAll(q.Body); q.Method != http.MethodPost || string(body) != `{"token":"the-token"}` || q.Host != "desk.example.org" {
				t.Errorf("it posts %s to %s by %s", body, q.Host, q.Method)
			}
			if !good.Load() {
				return nil, errors.New("post to desk.example.org the-token")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(secret))}, nil
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.run(ctx) }()
		want := func(what string, after time.Duration, n int32, unreachable bool, changes int32) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if asked.Load() != n || r.unreachable() != unreachable || told.Load() != changes || (r.problem() != "") != unreachable {
				t.Errorf("%s: asked %d times, unreachable %t, told %d times, %q", what, asked.Load(), r.unreachable(), told.Load(), r.problem())
			}
		}
		want("while the clock is not set, no certificate is valid", time.Hour, 0, false, 0)
		clock.set(today)
		want("one failure is none", time.Minute, 1, false, 0)
		want("two are", 5*time.Minute, 2, true, 1)
		if p := r.problem(); p != "nothing reaches us at https://desk.example.org/webhook: the connection ended without an answer: look at the proxy or tunnel in front of us" {
			t.Error(p)
		}
		want("and go on", 5*time.Minute, 3, true, 1)
		good.Store(true)
		want("one good answer ends it", 5*time.Minute, 4, false, 2)
		good.Store(false)
		want("one failure between", 5*time.Minute, 5, false, 2)
		good.Store(true)
		want("two good ones", 5*time.Minute, 6, false, 2)
		good.Store(false)
		want("does not count with the next", 5*time.Minute, 7, false, 2)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 2 || strings.Contains(log.String(), secret) {
			t.Errorf("logged\n%s", &log)
		}
	})
}

// TestNothingReachesUs through a proxy that fails, and is mended.
func TestNothingReachesUs(t *testing.T) {
	var behind atomic.Pointer[url.URL]
	behind.Store(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}) // nobody
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:  func(p *httputil.ProxyRequest) { p.SetURL(behind.Load()) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	})
	defer proxy.Close()
	r := run(t, t.TempDir(), "", nil, "public_url = '"+proxy.URL+"/webhook'", "allow_from = ['192.0.2.0/24']", "tokens = ['"+secret+"']")
	lamp := func(pattern string) func(admin.Status) bool {
		return func(s admin.Status) bool {
			known := slices.ContainsFunc(s.Problems, func(p string) bool {
				return strings.HasPrefix(p, "nothing reaches us at "+proxy.URL+"/webhook: it answers 502")
			})
			i := slices.IndexFunc(s.Outputs, func(o admin.OutputStatus) bool { return o.Name == "lamp" })
			return known == (pattern != "off") && s.Outputs[i].Pattern == pattern
		}
	}
	ask := func() { r.reach.note(r.reach.ask(t.Context())) }
	ask()
	ask()
	r.eventually("the lamp says so", lamp("triple"))
	behind.Store(&url.URL{Scheme: "http", Host: r.WebhookAddr()})
	ask()
	s := r.eventually("it is over", lamp("off"))
	if s.Webhook != (admin.WebhookStatus{}) || s.Storage.LastSequence != 0 {
		t.Errorf("its own posts count: %+v", s)
	}
	r.eventually("the metrics are there", func(admin.Status) bool { return r.AdminAddr() != "" })
	resp, err := http.Get("http://" + r.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "deskbell_webhook_requests_total{") && !strings.HasSuffix(line, " 0\n") {
			t.Errorf("its own posts count: %s", line)
		}
	}
}
