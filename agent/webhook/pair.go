package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// lookEvery is how often at most it is looked whether a certificate's files have changed.
	lookEvery = 10 * time.Second
	// changing is how long two files may not fit: whoever renews a certificate replaces one after the other.
	changing = time.Minute
	// expiresSoon is how long before its end a certificate is a problem. Let's Encrypt's are renewed 30 days before.
	expiresSoon = 14 * 24 * time.Hour
)

// ServerTLS is what all our servers ask of TLS, with certificates from get. Each connection is one of HTTP/1.1: the limits
// of LimitListener count connections, and HTTP/2 would put any number of requests on one.
func ServerTLS(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: get}
}

// A Pair is a certificate and its key in two files, read again when they change. What cannot be used leaves the one
// before in force. Its methods may be called at once.
type Pair struct {
	certFile, keyFile string
	now               func() time.Time // the wall clock, which may jump

	mu     sync.Mutex
	inUse  *tls.Certificate // nil: none yet
	seen   [2]os.FileInfo   // of the files when they were read last; nil: not there
	looked time.Time
	fault  error // of the last reading
	since  time.Time
}

// NewPair reads nothing yet. now is the wall clock; nil: time.Now.
func NewPair(certFile, keyFile string, now func() time.Time) *Pair {
	if now == nil {
		now = time.Now
	}
	return &Pair{certFile: certFile, keyFile: keyFile, now: now}
}

// Get is for tls.Config.GetCertificate. It reads the files when that is due.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if p.inUse == nil {
		return nil, p.fault
	}
	return p.inUse, nil
}

// Names are those that the certificate in use is for.
func (p *Pair) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if p.inUse == nil {
		return nil
	}
	return p.inUse.Leaf.DNSNames
}

// Problem says what a person should look at, with what helps; "": nothing. clockSet says that dates can be judged.
func (p *Pair) Problem(clockSet bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	switch {
	case p.inUse == nil:
		return p.fault.Error()
	case p.fault != nil && time.Since(p.since) >= changing:
		return p.fault.Error() + "; the one before goes on"
	case clockSet:
		return expiry("the certificate of "+p.certFile, p.inUse.Leaf, p.now())
	}
	return ""
}

// look reads the files if they have changed, or could not be used the last time. The caller holds mu.
func (p *Pair) look() {
	if !p.looked.IsZero() && time.Since(p.looked) < lookEvery {
		return
	}
	p.looked = time.Now()
	var now [2]os.FileInfo
	for i, name := range []string{p.certFile, p.keyFile} {
		now[i], _ = os.Stat(name) // through links; what is wrong is said by reading
	}
	if p.fault == nil && unchanged(now[0], p.seen[0]) && unchanged(now[1], p.seen[1]) {
		return
	}
	p.seen = now // before they are read: a change in between is seen the next time
	pair, err := readPair(p.certFile, p.keyFile)
	if err == nil {
		p.inUse, p.fault = pair, nil
		return
	}
	if p.fault == nil {
		p.since = time.Now()
	}
	p.fault = err
}

func unchanged(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// readPair says in words what is wrong.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, unreadable(err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, unreadable(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s cannot be used: %s", certFile, keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return &pair, nil
}

// unreadable explains what most who come from a web server that starts as root have not met.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: deskbell is not root, and may not enter /etc/letsencrypt/live: have certificate and key copied where it may read them (mode 0640, group deskbell), each time they are renewed", err)
	}
	return err
}

// expiry says that a certificate ends soon, or has ended; "": neither.
func expiry(what string, c *x509.Certificate, now time.Time) string {
	switch end := c.NotAfter.UTC().Format(time.DateOnly); {
	case now.Before(c.NotBefore):
		return fmt.Sprintf("%s is valid from %s on only: is this machine's clock right?", what, c.NotBefore.UTC().Format(time.DateOnly))
	case !now.Before(c.NotAfter):
		return fmt.Sprintf("%s has expired on %s: renew it", what, end)
	case c.NotAfter.Sub(now) < expiresSoon:
		return fmt.Sprintf("%s expires on %s: renew it", what, end)
	}
	return ""
}
