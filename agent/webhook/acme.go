package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"deskbell/storage"
)

// ACMEConfig says for which names a certificate is asked for, and where.
type ACMEConfig struct {
	Domains   []string
	Email     string
	Directory string // empty: Let's Encrypt
	Cache     string // folder of account and certificates; it is made
	HTTP      string // address for challenges by HTTP; empty: ":80". Where it cannot be had they come over TLS alone
	Now       func() time.Time
	Changed   func() // called when Problem may have changed; must not block
}

// backoff is how long after a failure, and the next ones, a certificate is asked for again. Let's Encrypt allows five
// failures an hour; whoever asks more often is turned away for as long.
var backoff = []time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}

// clockEvery is how often it is looked whether the clock is set.
const clockEvery = 10 * time.Second

var errNoClock = errors.New("the clock of this machine is not set: no certificate is asked for before it is")

// An ACME gets certificates and renews them. Only Run asks for one, never a handshake: with a wrong clock, or at the wish
// of strangers, the limits of who gives them would be used up.
type ACME struct {
	config  ACMEConfig
	manager *autocert.Manager
	log     *slog.Logger
	ctx     context.Context // of the requests to the directory; ended by stop
	stop    context.CancelFunc

	mu    sync.Mutex
	names map[string]*certified
}

// certified is what is known of one name.
type certified struct {
	inUse *tls.Certificate // nil: none yet
	left  *tls.Certificate // by the process before; shown until there is one
	fault error            // why there is none
	again time.Time        // when it is asked for again
}

// NewACME asks for nothing yet.
func NewACME(c ACMEConfig, log *slog.Logger) *ACME {
	c.HTTP = cmp.Or(c.HTTP, ":80")
	a := &ACME{config: c, log: log, names: make(map[string]*certified)}
	a.ctx, a.stop = context.WithCancel(context.Background())
	for _, d := range c.Domains {
		a.names[d] = &certified{fault: errors.New("it is being asked for")}
	}
	a.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.Cache), HostPolicy: autocert.HostWhitelist(c.Domains...), Email: c.Email,
		Client: &acme.Client{DirectoryURL: cmp.Or(c.Directory, autocert.DefaultACMEDirectory), UserAgent: "deskbell",
			HTTPClient: &http.Client{Timeout: time.Minute, Transport: &transport{
				ctx: a.ctx, over: &http.Transport{Proxy: http.ProxyFromEnvironment}, orders: make(map[string]string),
			}}},
	}
	return a
}

// transport carries the requests to the directory. It ends them with a context that is not theirs, as autocert's own
// never ends, and says in the answer to the last request of an order where the order is, as the library expects: many
// directories do, RFC 8555 does not ask for it, and pebble does not.
type transport struct {
	ctx  context.Context
	over http.RoundTripper

	mu     sync.Mutex
	orders map[string]string // address of an order by that of its last request
}

func (u *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := u.ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	release := context.AfterFunc(u.ctx, cancel)
	answer, err := u.over.RoundTrip(r.WithContext(ctx))
	if err == nil {
		err = u.locate(r.URL.String(), answer)
	}
	if err != nil {
		release()
		cancel()
		return nil, err
	}
	context.AfterFunc(r.Context(), func() { release(); cancel() }) // that of a whole order
	return answer, nil
}

// locate notes where an order is, or adds it to an answer.
func (u *transport) locate(asked string, answer *http.Response) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := answer.Header.Get("Location")
	switch {
	case answer.StatusCode == http.StatusCreated && at != "":
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		answer.Body = io.NopCloser(bytes.NewReader(text))
		var order struct {
			Finalize string `json:"finalize"`
		}
		if json.Unmarshal(text, &order) == nil && order.Finalize != "" {
			u.orders[order.Finalize] = at
		}
	case answer.StatusCode == http.StatusOK && at == "" && u.orders[asked] != "":
		answer.Header.Set("Location", u.orders[asked])
		delete(u.orders, asked)
	}
	return nil
}

// TLS is the configuration of a server that shows the certificates, and answers the challenges by TLS. Until Run has got so far it
// shows those of the process before, whatever the clock says: who has waited for a restart is not to be refused.
func (a *ACME) TLS() *tls.Config {
	a.mu.Lock()
	for name, c := range a.names {
		c.left = a.cached(name)
	}
	a.mu.Unlock()
	c := ServerTLS(a.get)
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	return c
}

// get answers handshakes: with what is there.
func (a *ACME) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" {
		name = a.config.Domains[0] // whoever connects by address judges by nothing better
	}
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return a.manager.GetCertificate(hello)
	}
	a.mu.Lock()
	known := a.names[name]
	has := known != nil && known.inUse != nil
	a.mu.Unlock()
	if !has && known != nil && known.left != nil {
		return known.left, nil
	}
	if !has {
		return nil, fmt.Errorf("there is no certificate for %q", name)
	}
	return a.manager.GetCertificate(hail(name)) // that in use, renewed in the meantime
}

// cached is the certificate of a name in the folder; nil: none, or it cannot be used.
func (a *ACME) cached(name string) *tls.Certificate {
	text, err := a.manager.Cache.Get(a.ctx, name)
	if err != nil {
		return nil
	}
	pair, err := tls.X509KeyPair(text, text) // both are in it
	if err != nil {
		return nil
	}
	return &pair
}

// hail is the handshake of a client that takes today's certificates: for one that does not, another would be ordered.
func hail(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// Run gets what is missing until ctx ends, and then returns nil. What it has got is renewed by itself, 30 days before
// its end.
func (a *ACME) Run(ctx context.Context) error {
	defer a.stop()
	web := a.serveHTTP()
	defer func() { _ = web.Close() }()
	tries := 0
	for {
		wait, err := clockEvery, errNoClock
		if storage.ClockSet(a.config.Now()) {
			if err = a.obtain(ctx); err == nil {
				<-ctx.Done()
				return nil
			}
			wait = backoff[min(tries, len(backoff)-1)]
			tries++
		}
		a.note(err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// serveHTTP answers challenges by HTTP where its port can be had.
func (a *ACME) serveHTTP() *http.Server {
	server := NewServer(http.NotFoundHandler(), a.log)
	l, err := net.Listen("tcp", a.config.HTTP)
	if err != nil {
		a.log.Info("challenges for the certificate are answered over TLS alone", "error", err)
		return server
	}
	challenges := a.manager.HTTPHandler(http.NotFoundHandler())
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			r.Host = host // it is held against the names, whatever port leads here
		}
		challenges.ServeHTTP(w, r)
	})
	go func() { _ = server.Serve(LimitListener(l, 32)) }() // until Run closes it
	return server
}

// obtain gets a certificate for each name that has none, from the cache or by asking.
func (a *ACME) obtain(ctx context.Context) error {
	var faults []error
	for _, name := range a.config.Domains {
		if a.has(name) {
			continue
		}
		done := make(chan error, 1)
		go func() {
			got, err := a.manager.GetCertificate(hail(name))
			if err == nil {
				a.mu.Lock()
				a.names[name].inUse, a.names[name].fault = got, nil
				a.mu.Unlock()
			}
			done <- err
		}()
		var err error
		select {
		case err = <-done:
		case <-ctx.Done():
			a.stop() // its next request fails
			select {
			case err = <-done:
			case <-time.After(time.Second): // it sleeps between two requests, and changes nothing any more
				return ctx.Err()
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("no certificate for %s: %s", name, inWords(err)))
		} else {
			a.log.Info("there is a certificate", "name", name)
			a.config.Changed()
		}
	}
	return errors.Join(faults...)
}

func (a *ACME) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names[name].inUse != nil
}

// inWords takes from an error what says why, with what helps.
func inWords(err error) string {
	var authorization *acme.AuthorizationError
	var answer *acme.Error
	switch {
	case errors.As(err, &authorization), strings.Contains(err.Error(), "no viable challenge type"): // the library has forgotten the first
		return "the authority asked at that name and did not find us: it must lead here, port 443 to webhook.listen (or port 80 to ours)"
	case errors.As(err, &answer):
		return answer.Detail
	}
	return err.Error()
}

// note keeps what is wrong for Problem.
func (a *ACME) note(why error, wait time.Duration) {
	a.mu.Lock()
	again := a.config.Now().Add(wait)
	for _, c := range a.names {
		if c.inUse == nil {
			c.fault, c.again = why, again
		}
	}
	a.mu.Unlock()
	a.log.Warn("no certificate yet", "error", why, "again_after", wait)
	a.config.Changed()
}

// Problem says what a person should look at, with what helps; "": nothing.
func (a *ACME) Problem(clockSet bool) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range a.config.Domains {
		switch c := a.names[name]; {
		case c.inUse == nil && errors.Is(c.fault, errNoClock):
			return c.fault.Error()
		case c.inUse == nil && !c.again.IsZero():
			return fmt.Sprintf("%v; asked again at %s", c.fault, c.again.UTC().Format("15:04 UTC"))
		case c.inUse == nil:
			return fmt.Sprintf("no certificate for %s yet: %v", name, c.fault)
		case clockSet:
			if now, err := a.manager.GetCertificate(hail(name)); err == nil {
				c.inUse = now
			}
			if text := expiry("the certificate for "+name, c.inUse.Leaf, a.config.Now()); text != "" {
				return text + ": it should have been renewed by itself: is the directory reached, and does the name still lead here?"
			}
		}
	}
	return ""
}
