//go:build unix

package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
	"deskbell/agent/webhook"
)

const domain = "desk.example.test"

// pebble is a directory on loopback, whose challenges go to two ports of 127.0.0.1 whatever the name.
type pebble struct {
	url, management string
	roots           string // file of the authority of its own address and, once anything was asked for, of what it signs
	stop            func()
	log             *bytes.Buffer // to be read when it has stopped
}

// build builds a program and returns its path.
func build(t *testing.T, dir, what string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(what))
	cmd := exec.Command("go", "build", "-o", to, what)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", what, err, out)
	}
	return to
}

// begin starts a program and ends it with the test, or earlier by stop.
func begin(t *testing.T, env []string, program string, args ...string) (out *bytes.Buffer, stop func()) {
	t.Helper()
	out = new(bytes.Buffer)
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	return out, stop
}

// until asks again and again, for a minute.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func local(t *testing.T) string { return fmt.Sprintf("127.0.0.1:%d", mqtttest.FreePort(t)) }

func start(t *testing.T, httpPort, tlsPort string) *pebble {
	t.Helper()
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca, cert, key := mqtttest.Certificate(t, from, to)
	p := &pebble{roots: ca}
	api, management, dns := local(t), local(t), local(t)
	p.url, p.management = "https://"+api+"/dir", "https://"+management
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management, "certificate": cert, "privateKey": key,
		"httpPort": number(t, httpPort), "tlsPort": number(t, tlsPort), "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "as usual", "validityPeriod": 7776000}},
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pebble.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	names := build(t, ".", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	begin(t, nil, names, "-dnsserver", dns, "-management", local(t), "-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", "",
		"-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
	p.log, p.stop = begin(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20"},
		build(t, ".", "github.com/letsencrypt/pebble/v2/cmd/pebble"), "-config", file, "-dnsserver", dns)
	until(t, "pebble listens", func() bool { return answers(api) && answers(management) })
	return p
}

func number(t *testing.T, port string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// trust adds the authority of what pebble signs to roots, as it makes another each time that it is started.
func (p *pebble) trust(t *testing.T) {
	t.Helper()
	own, err := os.ReadFile(p.roots)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(own)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	answer, err := client.Get(p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	more, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.roots, append(own, more...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOverTheWebhooksOwnPort has the built program get a certificate by TLS-ALPN-01, use it, and find it again.
func TestOverTheWebhooksOwnPort(t *testing.T) {
	listen, page := local(t), local(t)
	_, port, _ := net.SplitHostPort(listen)
	p := start(t, fmt.Sprint(mqtttest.FreePort(t)), port)
	p.trust(t)
	program, dir := build(t, "../..", "./cmd/deskbell"), t.TempDir()
	file, data := filepath.Join(dir, "deskbell.toml"), filepath.Join(dir, "data")
	config := fmt.Sprintf("data_dir = %q\nadmin = { listen = %q }\nbroker = { listen = %q }\n[webhook]\nlisten = %q\ntokens = [\"secret\"]\n"+
		"[webhook.acme]\ndomains = [%q]\nemail = \"desk@example.test\"\ndirectory = %q\n", data, page, local(t), listen, domain, p.url)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"SSL_CERT_FILE=" + p.roots}
	out, stop := begin(t, env, program, "--config", file, "run")
	shown := func() (*tls.Conn, error) {
		pool := x509.NewCertPool()
		roots, err := os.ReadFile(p.roots)
		if err != nil {
			t.Fatal(err)
		}
		pool.AppendCertsFromPEM(roots)
		return tls.Dial("tcp", listen, &tls.Config{ServerName: domain, RootCAs: pool})
	}
	serial := ""
	get := func() bool {
		c, err := shown()
		if err != nil {
			return false
		}
		defer c.Close()
		serial = c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		return true
	}
	t.Cleanup(func() {
		if t.Failed() {
			stop()
			p.stop()
			t.Logf("deskbell says:\n%s\npebble says:\n%s", out, p.log)
		}
	})
	until(t, "a certificate is shown", get)
	first := serial

	send := exec.Command(program, "--config", file, "send")
	send.Env = append(os.Environ(), env...)
	if said, err := send.CombinedOutput(); err != nil || !strings.Contains(string(said), "https://127.0.0.1") {
		t.Errorf("send: %v %s", err, said)
	}
	send = exec.Command(program, "--config", file, "send") // knows nobody who signed it
	if said, err := send.CombinedOutput(); err == nil || !strings.Contains(string(said), "unknown authority") {
		t.Errorf("send without the authority: %v %s", err, said)
	}
	for _, name := range []string{"", domain, "acme_account+key"} {
		want := fs.FileMode(0o600)
		if name == "" {
			want = 0o700
		}
		if info, err := os.Stat(filepath.Join(data, "acme", name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q in acme: %v %v", name, info.Mode(), err)
		}
	}

	p.stop() // and it is found again without it
	stop()
	if log := p.log.String(); strings.Count(log, "Attempting to validate w/ HTTP") != 0 || !strings.Contains(log, "TLS") {
		t.Errorf("pebble says:\n%s", log)
	}
	_, stop = begin(t, env, program, "--config", file, "run")
	until(t, "it is shown again", get)
	if serial != first {
		t.Errorf("another certificate: %s, not %s", serial, first)
	}
	stop()
	if strings.Contains(out.String(), "panic") {
		t.Error(out)
	}
}

// TestOverHTTP gets a certificate where port 443 of the name does not lead here, after it could not for a while.
func TestOverHTTP(t *testing.T) {
	web := local(t)
	_, port, _ := net.SplitHostPort(web)
	p := start(t, port, fmt.Sprint(mqtttest.FreePort(t)))
	t.Setenv("SSL_CERT_FILE", p.roots) // once: this program reads them once
	run := func(http string, done func(a *webhook.ACME) bool) {
		t.Helper()
		a := webhook.NewACME(webhook.ACMEConfig{Domains: []string{domain}, Directory: p.url, Cache: filepath.Join(t.TempDir(), "acme"), HTTP: http,
			Now: time.Now, Changed: func() {}}, slog.New(slog.NewTextHandler(t.Output(), nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		until(t, "it has ended, well or not", func() bool { return done(a) })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	run(local(t), func(a *webhook.ACME) bool {
		got := a.Problem(true)
		if !strings.Contains(got, "asked again at") {
			return false
		}
		if !strings.Contains(got, "must lead here") || strings.Contains(got, "\n") {
			t.Errorf("where the name does not lead here it says %q", got)
		}
		return true
	})
	run(web, func(a *webhook.ACME) bool { return a.Problem(true) == "" })
	if answers(web) {
		t.Error("the port of the challenges is still served")
	}
	if t.Failed() {
		p.stop()
		t.Log(p.log)
	}
}
