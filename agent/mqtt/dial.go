package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// built is a time that has passed. Before it the clock is not set, and
// certificates are judged as of this day.
var built = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// judged is the time that certificates are judged by when the clock says t.
func judged(t time.Time) time.Time {
	if t.Before(built) {
		return built
	}
	return t
}

// open opens the network connection to a broker, TLS included.
func (c Config) open(ctx context.Context, a Address) (net.Conn, error) {
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(a.Host, a.Port))
		}
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, unreached{err}
	}
	if c.Dial != nil || !a.TLS {
		return conn, nil
	}
	config, err := c.tls(a)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

func (c Config) tls(a Address) (*tls.Config, error) {
	config := &tls.Config{
		ServerName: a.Host,
		MinVersion: tls.VersionTLS12,
		Time:       func() time.Time { return judged(time.Now()) },
	}
	if c.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca_file: no certificate in %s", c.CAFile)
	}
	return config, nil
}

// listed are the names that a certificate is for, in words.
func listed(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 || len(names) > 4 {
		return ": write the name that it is for into broker"
	}
	return ": write " + strings.Join(names, " or ") + " into broker"
}

// plainly puts an error of the network into words: without the addresses,
// which only repeat where we wanted to connect to, and with what to do.
func plainly(err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		network   *net.OpError
		number    syscall.Errno
	)
	switch {
	case errors.As(err, &dns):
		switch {
		case dns.IsNotFound:
			return "no such host"
		case dns.IsTimeout:
			return "the name cannot be looked up: the name server does not answer"
		}
		return "the name cannot be looked up"
	case errors.As(err, &authority):
		return "the broker's certificate is signed by nobody known here: set ca_file"
	case errors.As(err, &name):
		return "the broker's certificate is for another name" + listed(name.Certificate)
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return fmt.Sprintf("the broker's certificate is valid from %s to %s only: renew it, or set this machine's clock",
				invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly))
		}
		return "the broker's certificate is not valid"
	case errors.As(err, &record):
		return "the broker does not speak TLS there: mqtt:// or another port"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer for %v", connectTimeout)
	case errors.As(err, &network) && errors.As(network.Err, &number):
		return number.Error()
	}
	return err.Error()
}
