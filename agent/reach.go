package agent

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"deskbell/agent/webhook"
	"deskbell/storage"
)

const (
	// reachEvery is how often the agent asks whether it can be reached.
	reachEvery = 5 * time.Minute
	// reachWithin is how long an answer may take: the platform has not more
	// patience either.
	reachWithin = 10 * time.Second
	// reachFaults is after how many failures in a row nothing reaches us: one
	// happens when a router or a proxy restarts.
	reachFaults = 2
)

// reach asks the address that was given to the platform, as the platform does
// when it is saved there: by a POST with the token, to be answered 200 and the
// same token.
type reach struct {
	url    string
	token  string
	mark   string // tells the webhook that the post is ours
	client *http.Client
	now    func() time.Time // the wall clock, for certificates are judged by it
	told   func()           // called when reachable or not has changed
	log    *slog.Logger

	mu     sync.Mutex
	faults int   // in a row
	why    error // the last of them
}

// newReach returns nil where the configuration names no address.
func newReach(c WebhookConfig, now func() time.Time, told func(), log *slog.Logger) *reach {
	if c.PublicURL == "" {
		return nil
	}
	r := &reach{url: c.PublicURL, mark: rand.Text(), now: now, told: told, log: log}
	if r.token = rand.Text(); len(c.Tokens) > 0 { // where none is asked for, any one comes back
		r.token = c.Tokens[0]
	}
	r.client = &http.Client{
		Timeout: reachWithin,
		// The token is for nobody else: neither a proxy that the environment names,
		// nor where the answer sends us.
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r
}

// run asks until ctx ends, and then returns nil. While the clock is not set it
// waits for that: no certificate would be valid.
func (r *reach) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if strings.HasPrefix(r.url, "https:") && !storage.ClockSet(r.now()) {
			timer.Reset(reachWithin)
			continue
		}
		err := r.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		r.note(err)
		timer.Reset(reachEvery)
	}
}

// note counts an answer; nil is a good one.
func (r *reach) note(err error) {
	r.mu.Lock()
	was := r.faults >= reachFaults
	if r.why = err; err == nil {
		r.faults = 0
	} else {
		r.faults++
	}
	is := r.faults >= reachFaults
	r.mu.Unlock()
	switch {
	case is && !was:
		r.log.Warn("nothing reaches us from outside", "url", r.shown(), "error", err)
	case was && !is:
		r.log.Info("reached from outside again", "url", r.shown())
	}
	if is != was {
		r.told()
	}
}

// unreachable says whether nothing reaches us. It does not block; a nil reach
// knows nothing and says no.
func (r *reach) unreachable() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults >= reachFaults
}

// problem is that in words, with what helps; empty: there is none.
func (r *reach) problem() string {
	if !r.unreachable() {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("nothing reaches us at %s: %v", r.shown(), r.why)
}

// shown is the address as it may be shown.
func (r *reach) shown() string {
	u, err := url.Parse(r.url)
	if err != nil {
		return "webhook.public_url"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// ask asks once. The error says what is wrong and what helps, and names neither
// the token nor anything that was answered.
func (r *reach) ask(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"token": r.token})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, strings.NewReader(string(body)))
	if err != nil {
		return errors.New("it is no address: look at webhook.public_url")
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "deskbell")
	q.Header.Set(webhook.OwnHeader, r.mark)
	a, err := r.client.Do(q)
	if err != nil {
		return unreached(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return refusal(a)
	}
	answer, err := io.ReadAll(io.LimitReader(a.Body, int64(6*len(r.token)+1024)))
	if err != nil {
		return unreached(err)
	}
	if !holds(answer, r.token) {
		return errors.New("it answers 200, but not our token: something else answers there; let the proxy or tunnel lead to webhook.listen")
	}
	return nil
}

// holds says whether an answer is the token, bare or as JSON.
func holds(answer []byte, token string) bool {
	if strings.TrimSpace(string(answer)) == token {
		return true
	}
	var doc struct {
		Token string `json:"token"`
	}
	return json.Unmarshal(answer, &doc) == nil && doc.Token == token
}

// refusal says what an answer other than 200 means.
func refusal(a *http.Response) error {
	switch code := a.StatusCode; {
	case code >= 300 && code < 400:
		to := "elsewhere"
		if u, err := a.Location(); err == nil && u.Host != "" {
			to = "to " + u.Scheme + "://" + u.Host
		}
		return fmt.Errorf("it redirects %s (%d), and a post does not follow: give the platform, and webhook.public_url, the final address", to, code)
	case code == http.StatusUnauthorized:
		return errors.New("it answers 401, our token is not right there: another deskbell, or a proxy with a login of its own")
	case code == http.StatusForbidden:
		return errors.New("it answers 403: a proxy or firewall in front of us turns posts away")
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		return fmt.Errorf("it answers %d: the path must be that of webhook.path, behind a proxy too", code)
	case code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return fmt.Errorf("it answers %d: the proxy in front of us does not get through; let it lead to webhook.listen", code)
	}
	return fmt.Errorf("it answers %d and not 200: look at the proxy in front of us", a.StatusCode)
}

// unreached says in words why there was no answer, without what only repeats
// the address.
func unreached(err error) error {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		network   *net.OpError
		number    syscall.Errno
		timeout   net.Error
	)
	switch {
	case errors.As(err, &dns):
		return errors.New("its name cannot be looked up: is the network up, and the name still ours?")
	case errors.As(err, &authority):
		return errors.New("its certificate is signed by nobody known (self-signed?), and the platform will not take it either: get one from Let's Encrypt")
	case errors.As(err, &name):
		return errors.New("its certificate is for another name: get one for this name")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("its certificate is valid from %s to %s only: renew it",
			invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly))
	case errors.As(err, &invalid):
		return errors.New("its certificate is not valid: get another")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return errors.New("it does not speak TLS: write http://, or let something answer there that has a certificate")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer within %s: is the router's port, or the tunnel, still open? (some routers do not let a machine reach its own "+
			"address from inside; then leave webhook.public_url empty)", reachWithin)
	case errors.As(err, &network) && errors.As(network.Err, &number):
		return fmt.Errorf("%s: is the router's port, or the tunnel, still open?", number.Error())
	}
	return errors.New("the connection ended without an answer: look at the proxy or tunnel in front of us")
}
