package webhook

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// unanswered is an ACME whose directory does not answer, and the times at which it was asked, from now on. The clock is
// set after that long.
func unanswered(t *testing.T, set time.Duration) (a *ACME, asked func() []time.Duration) {
	t.Helper()
	began := time.Now()
	var at []time.Duration
	a = NewACME(ACMEConfig{
		Domains: []string{"desk.example.org"}, Cache: t.TempDir(), HTTP: "nowhere", Changed: func() {},
		Now: func() time.Time {
			if since := time.Since(began); since < set {
				return time.Unix(0, 0).Add(since)
			}
			return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Since(began))
		},
	}, slog.New(slog.DiscardHandler))
	a.manager.Client.HTTPClient.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
		at = append(at, time.Since(began))
		return nil, errors.New("nobody is there")
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a, func() []time.Duration { synctest.Wait(); return at }
}

func TestNoCertificateIsAskedForBeforeTheClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, asked := unanswered(t, time.Hour)
		time.Sleep(59 * time.Minute)
		if at := asked(); len(at) != 0 || !strings.HasPrefix(a.Problem(false), "the clock of this machine is not set") {
			t.Errorf("asked at %v; it says %q", at, a.Problem(false))
		}
		time.Sleep(time.Minute + clockEvery)
		if at := asked(); len(at) != 1 || at[0] < time.Hour || at[0] > time.Hour+clockEvery {
			t.Errorf("asked at %v", at)
		}
		if got := a.Problem(true); !strings.Contains(got, "no certificate for desk.example.org: ") || !strings.Contains(got, "nobody is there; asked again at ") {
			t.Errorf("it says %q", got)
		}
	})
}

func TestACertificateThatCannotBeHadIsAskedForLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, asked := unanswered(t, 0)
		time.Sleep(33 * time.Hour)
		want := []time.Duration{0, 5 * time.Minute, 35 * time.Minute, 155 * time.Minute, 515 * time.Minute, 1235 * time.Minute, 1955 * time.Minute}
		if at := asked(); !slices.Equal(at, want) {
			t.Errorf("asked at %v, not %v", at, want)
		}
	})
}

func TestNoHandshakeAsksForACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, asked := unanswered(t, 0)
		time.Sleep(2 * time.Minute) // for a minute autocert itself remembers what it was refused
		before := len(asked())
		for _, hello := range []*tls.ClientHelloInfo{
			hail("desk.example.org"), hail("other.example.org"), hail(""), {ServerName: "desk.example.org"},
			{ServerName: "desk.example.org", SupportedProtos: []string{"acme-tls/1"}},
		} {
			if c, err := a.get(hello); err == nil {
				t.Errorf("%+v got %+v", hello, c)
			}
		}
		if at := asked(); len(at) != before {
			t.Errorf("asked at %v", at)
		}
	})
}

// TestTheCertificateOfTheProcessBefore is shown before Run runs, which it does not before the store is open.
func TestTheCertificateOfTheProcessBefore(t *testing.T) {
	folder := t.TempDir()
	cert, key := newPEM(t, time.Now().Add(time.Hour))
	put(t, filepath.Join(folder, "desk.example.org"), slices.Concat(key, cert))
	put(t, filepath.Join(folder, "cut.example.org"), key)
	a := NewACME(ACMEConfig{
		Domains: []string{"desk.example.org", "cut.example.org"}, Cache: folder, Changed: func() {}, Now: func() time.Time { return time.Unix(0, 0) },
	}, slog.New(slog.DiscardHandler))
	a.manager.Client.HTTPClient.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a handshake asks for one")
		return nil, errors.New("nobody is there")
	})
	get := a.TLS().GetCertificate
	want, _ := pem.Decode(cert)
	for _, name := range []string{"desk.example.org", "DESK.example.org.", ""} {
		if got, err := get(&tls.ClientHelloInfo{ServerName: name}); err != nil || !slices.Equal(got.Certificate[0], want.Bytes) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"cut.example.org", "other.example.org"} {
		if _, err := get(&tls.ClientHelloInfo{ServerName: name}); err == nil {
			t.Errorf("%q has one", name)
		}
	}
}
