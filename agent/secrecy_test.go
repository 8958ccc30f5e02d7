package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// secureDesk is an agent that serves its webhook and its page over TLS, with a certificate until end.
func secureDesk(t *testing.T, end time.Time) (a *Agent, c Config, roots *x509.CertPool) {
	t.Helper()
	authority := mqtttest.NewAuthority(t, end.Add(-time.Hour), end)
	cert, key := authority.Certificate(t, "desk", end.Add(-time.Hour), end, "desk.example.org")
	text, err := os.ReadFile(authority.File)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	files := "tls_cert = '" + cert + "'\ntls_key = '" + key + "'\n"
	c, err = Load([]byte("device = 'lobby'\ndata_dir = '"+t.TempDir()+"'\nbroker = { listen = '127.0.0.1:0' }\n"+
		"[webhook]\nlisten = '127.0.0.1:0'\ntokens = ['secret']\n"+files+"[admin]\nlisten = '127.0.0.1:0'\n"+files), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err = New(c, Options{Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-ready
	return a, c, roots
}

func TestWebhookAndPageOverTLS(t *testing.T) {
	a, c, roots := secureDesk(t, time.Now().Add(30*time.Minute))
	c.Webhook.Listen = a.WebhookAddr()
	url, secure := c.WebhookURL()
	ask := func(method, url string, config *tls.Config, host string) (int, error) {
		q, err := http.NewRequest(method, url, strings.NewReader(`{"token":"secret"}`))
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		answer, err := (&http.Transport{TLSClientConfig: config, DisableKeepAlives: true}).RoundTrip(q)
		if err != nil {
			return 0, err
		}
		_ = answer.Body.Close()
		return answer.StatusCode, nil
	}
	if code, err := ask("POST", url, secure, ""); code != 200 || !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Errorf("our own post to %s: %d %v", url, code, err)
	}
	if code, err := ask("POST", url, &tls.Config{RootCAs: roots, ServerName: "desk.example.org"}, ""); code != 200 {
		t.Errorf("the platform's post: %d %v", code, err)
	}
	for host, want := range map[string]int{"desk.example.org": 200, "elsewhere.example.org": 403} {
		if code, err := ask("GET", "https://"+eventually(t, a.AdminAddr)+"/", &tls.Config{RootCAs: roots}, host); code != want {
			t.Errorf("the page as %s: %d %v", host, code, err)
		}
	}
	other, _, _ := mqtttest.Certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	c.Webhook.TLSCert = other
	if _, secure := c.WebhookURL(); secure != nil {
		if code, err := ask("POST", url, secure, ""); err == nil || !strings.Contains(err.Error(), "another certificate") {
			t.Errorf("a post to one that shows another certificate: %d %v", code, err)
		}
	}
	text := strings.Join(a.Status().Problems, "\n")
	for _, want := range []string{"webhook: the certificate of ", "page: the certificate of ", " expires on "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// eventually is an address as soon as there is one.
func eventually(t *testing.T, addr func() string) string {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for addr() == "" {
		if time.Now().After(deadline) {
			t.Fatal("there is no address")
		}
		time.Sleep(time.Millisecond)
	}
	return addr()
}

func TestDoctorLooksAtCertificates(t *testing.T) {
	end := time.Now().Add(30 * 24 * time.Hour)
	_, cert, key := mqtttest.Certificate(t, time.Now().Add(-time.Hour), end)
	d, list := examined(t, "webhook = { tls_cert = '"+cert+"', tls_key = '"+key+"' }\nadmin = { tls_cert = '"+filepath.Join(t.TempDir(), "none")+"', tls_key = '"+key+"' }")
	d.certificates(t.Context())
	wants(t, *list, "ok webhook certificate: it is there", "fail admin certificate: open ")
}
