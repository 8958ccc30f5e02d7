package webhook

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// newPEM makes a certificate for desk.example, valid until end, that signs itself.
func newPEM(t *testing.T, end time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	own := &x509.Certificate{SerialNumber: serial, NotBefore: end.Add(-90 * 24 * time.Hour), NotAfter: end, DNSNames: []string{"desk.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, own, own, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shows says which of the certificates a pair gives: its number, from 1; 0: none.
func shows(p *Pair, all ...[]byte) int {
	got, err := p.Get(nil)
	if err != nil {
		return 0
	}
	for i, one := range all {
		if b, _ := pem.Decode(one); bytes.Equal(b.Bytes, got.Certificate[0]) {
			return i + 1
		}
	}
	return -1
}

func TestACertificateThatIsReplaced(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		far := time.Now().Add(60 * 24 * time.Hour)
		cert1, key1 := newPEM(t, far)
		cert2, key2 := newPEM(t, far)
		cert3, key3 := newPEM(t, far)
		first, second, link := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "live")
		for folder, files := range map[string][2][]byte{first: {cert1, key1}, second: {cert2, key2}} {
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			for i, name := range []string{"cert.pem", "key.pem"} {
				name = filepath.Join(folder, name)
				if err := os.Symlink(name+".real", name); err != nil { // as certbot does
					t.Fatal(err)
				}
				put(t, name, append(files[i], bytes.Repeat([]byte("\n"), 4096-len(files[i]))...))
				if err := os.Chtimes(name, far, far); err != nil { // so that neither time nor size tells them apart
					t.Fatal(err)
				}
			}
		}
		turn := func(to string) {
			if err := os.Symlink(to, link+".new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(link+".new", link); err != nil {
				t.Fatal(err)
			}
		}
		turn(first)
		p := NewPair(filepath.Join(link, "cert.pem"), filepath.Join(link, "key.pem"), nil)
		want := func(step string, number int, problem string) {
			t.Helper()
			if got := shows(p, cert1, cert2, cert3); got != number {
				t.Errorf("%s: certificate %d, not %d", step, got, number)
			}
			if got := p.Problem(true); (got == "") != (problem == "") || !strings.Contains(got, problem) {
				t.Errorf("%s: problem %q, not %q", step, got, problem)
			}
		}
		want("at first", 1, "")
		turn(second)
		want("the link leads elsewhere, a moment ago", 1, "")
		time.Sleep(lookEvery)
		want("the link leads elsewhere", 2, "")

		put(t, filepath.Join(second, "cert.pem"), cert3)
		time.Sleep(lookEvery)
		want("the first of two steps", 2, "")
		put(t, filepath.Join(second, "key.pem"), key3)
		time.Sleep(lookEvery)
		want("both", 3, "")

		key := filepath.Join(second, "key.pem")
		put(t, key, key1)
		info, err := os.Stat(key)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		want("the key of another, a moment ago", 3, "")
		put(t, key, key3)
		if err := os.Chtimes(key, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(changing)
		want("mended, and the files look as before", 3, "")

		put(t, filepath.Join(second, "key.pem"), key1)
		time.Sleep(lookEvery)
		want("the key of another", 3, "")
		time.Sleep(changing)
		want("the key of another, for a minute", 3, "private key does not match public key; the one before goes on")
		if err := os.Remove(filepath.Join(second, "key.pem")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		want("it is not there", 3, "no such file or directory; the one before goes on")
		put(t, filepath.Join(second, "key.pem"), key3)
		time.Sleep(lookEvery)
		want("it is back", 3, "")
	})
}

func TestACertificateThatCannotBeHadAtFirst(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cert, key := newPEM(t, time.Now().Add(60*24*time.Hour))
		p := NewPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), nil)
		if got := p.Problem(true); shows(p, cert) != 0 || !strings.Contains(got, "no such file or directory") {
			t.Errorf("there is none: %q", got)
		}
		put(t, filepath.Join(dir, "cert.pem"), cert)
		put(t, filepath.Join(dir, "key.pem"), key)
		time.Sleep(lookEvery)
		if got := p.Problem(true); shows(p, cert) != 1 || got != "" {
			t.Errorf("there is one: %q", got)
		}
	})
}

func TestACertificateThatEnds(t *testing.T) {
	dir := t.TempDir()
	end := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	cert, key := newPEM(t, end)
	put(t, filepath.Join(dir, "cert.pem"), cert)
	put(t, filepath.Join(dir, "key.pem"), key)
	for _, tt := range []struct {
		now  time.Time
		set  bool
		want string
	}{
		{end.Add(-15 * 24 * time.Hour), true, ""},
		{end.Add(-13 * 24 * time.Hour), true, "expires on 2027-03-01: renew it"},
		{end.Add(time.Hour), true, "has expired on 2027-03-01: renew it"},
		{end.Add(-365 * 24 * time.Hour), true, "is valid from 2026-12-01 on only: is this machine's clock right?"},
		{time.Unix(0, 0), false, ""},
	} {
		p := NewPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), func() time.Time { return tt.now })
		if got := p.Problem(tt.set); !strings.HasSuffix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("at %v: %q, not %q", tt.now, got, tt.want)
		}
	}
}

func TestAKeyThatMayNotBeRead(t *testing.T) {
	err := unreadable(&fs.PathError{Op: "open", Path: "/etc/letsencrypt/live/a/privkey.pem", Err: syscall.EACCES})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "mode 0640, group deskbell") {
		t.Error(err)
	}
}

// overTLS serves a desk with a certificate of its own, and returns what trusts it.
func overTLS(t *testing.T) (get func(*tls.ClientHelloInfo) (*tls.Certificate, error), trusts *tls.Config) {
	t.Helper()
	cert, key := newPEM(t, time.Now().Add(60*24*time.Hour))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil },
		&tls.Config{RootCAs: roots, ServerName: "desk.example"}
}

func TestAPostOverTLS(t *testing.T) {
	get, trusts := overTLS(t)
	k := start(t, guarded)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(k.handler, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(tls.NewListener(LimitListener(secure, MaxConnections), ServerTLS(get))) }()
	t.Cleanup(func() { _ = server.Close() })
	post := func(change func(*tls.Config, *http.Transport)) (*http.Response, error) {
		c := trusts.Clone()
		tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		change(c, tr)
		req, err := http.NewRequest(http.MethodPost, "https://"+secure.Addr().String()+"/webhook", strings.NewReader(`{"token":"secret"}`))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tr.RoundTrip(req)
		if err == nil {
			_ = answer.Body.Close()
		}
		return answer, err
	}
	answer, err := post(func(*tls.Config, *http.Transport) {})
	if err != nil || answer.StatusCode != 200 || answer.ProtoMajor != 1 || answer.TLS.Version < tls.VersionTLS12 {
		t.Errorf("%+v %v", answer, err)
	}
	if _, err := post(func(c *tls.Config, _ *http.Transport) {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}); err == nil {
		t.Error("TLS 1.1 is served")
	}
	plain, err := http.Post("http://"+secure.Addr().String()+"/webhook", "", nil)
	if err != nil || plain.StatusCode != 400 {
		t.Errorf("without TLS: %+v %v", plain, err)
	}
}

func TestTheTimeLimitsHoldOverTLS(t *testing.T) {
	for name, c := range map[string]struct {
		handshake bool
		begin     string
		after     time.Duration
	}{
		"no handshake":            {false, "", 10 * time.Second},
		"nothing at all":          {true, "", 10 * time.Second},
		"headers that never end":  {true, "POST /webhook HTTP/1.1\r\nHost: a\r\n", 10 * time.Second},
		"a body that never comes": {true, "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var trusts *tls.Config
			over := func(l net.Listener) net.Listener {
				get, config := overTLS(t)
				trusts = config
				return tls.NewListener(l, ServerTLS(get))
			}
			inBubbleOver(t, MaxConnections, over, func(t *testing.T, p *pipes, s *memory) {
				conn := p.dial()
				if c.handshake {
					secure := tls.Client(conn, trusts)
					if err := secure.Handshake(); err != nil {
						t.Fatal(err)
					}
					conn = secure
				}
				if _, err := io.WriteString(conn, c.begin); err != nil {
					t.Fatal(err)
				}
				if took, said := endAfter(t, conn); took != c.after || said != "" {
					t.Errorf("after %s: %q", took, said)
				}
				_ = conn.Close() // the other side has closed it
			})
		})
	}
}

func TestSilentConnectionsAreGivenUpFirstOverTLS(t *testing.T) {
	var trusts *tls.Config
	over := func(l net.Listener) net.Listener {
		get, config := overTLS(t)
		trusts = config
		return tls.NewListener(l, ServerTLS(get))
	}
	inBubbleOver(t, 2, over, func(t *testing.T, p *pipes, s *memory) {
		post := func(c net.Conn) {
			t.Helper()
			if _, err := io.WriteString(c, "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Token: secret\r\nContent-Length: 0\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			readOK(t, bufio.NewReader(c))
			synctest.Wait()
		}
		used := tls.Client(p.dial(), trusts)
		defer used.Close()
		post(used)
		for range 20 {
			time.Sleep(freshTime + time.Millisecond)
			silent := p.dial()
			defer silent.Close()
			synctest.Wait()
		}
		post(used)
	})
}
