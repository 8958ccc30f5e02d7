package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
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

// unset says that the clock of this machine, which shows t, was never set.
type unset struct{ t time.Time }

func (u unset) Error() string {
	return fmt.Sprintf("the clock of this machine is wrong (%s), and so the broker's certificate cannot be judged: it goes on by itself when the clock is set",
		u.t.UTC().Format(time.DateOnly))
}

// open opens the connection to a broker, with all that goes below MQTT. It ends
// early with ctx.
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
	if c.Dial != nil {
		return conn, nil
	}
	if a.TLS {
		if conn, err = c.secure(ctx, conn, a); err != nil {
			return nil, err
		}
	}
	if a.WebSocket {
		return openWebSocket(ctx, conn, a)
	}
	return conn, nil
}

// secure puts TLS over conn, which it closes when that fails.
func (c Config) secure(ctx context.Context, conn net.Conn, a Address) (net.Conn, error) {
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	config, err := c.tls(a, judged(now))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(built) {
			return nil, unset{now}
		}
		return nil, err
	}
	return secure, nil
}

func (c Config) tls(a Address, now time.Time) (*tls.Config, error) {
	config := &tls.Config{
		ServerName: a.Host,
		MinVersion: tls.VersionTLS12,
		Time:       func() time.Time { return now },
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read ca_file: no certificate in %s", c.CAFile)
		}
	}
	if c.CertFile == "" && c.KeyFile == "" {
		return config, nil
	}
	cert, err := os.ReadFile(c.CertFile)
	if err != nil {
		return nil, fmt.Errorf("read cert_file: %w", err)
	}
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cert_file %s with key_file %s: %s", c.CertFile, c.KeyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	// Not Certificates: of these only one is shown whose issuer the broker names,
	// and then the broker says that there is none.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
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
	case errors.Is(err, fs.ErrPermission):
		return err.Error() + ": make it readable for the user that deskbell runs as (chgrp deskbell, chmod 640)"
	case errors.As(err, &network) && network.Op == "remote error":
		return toldByPeer(network.Err.Error())
	case errors.As(err, &record):
		return "the broker does not speak TLS there: mqtt:// or another port"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer for %v", connectTimeout)
	case errors.As(err, &network) && errors.As(network.Err, &number):
		return number.Error()
	}
	return err.Error()
}

// toldByPeer puts into words what the broker says of the handshake. The alerts
// have no type that can be asked for.
func toldByPeer(alert string) string {
	switch strings.TrimPrefix(alert, "tls: ") {
	case "certificate required", "handshake failure", "bad certificate":
		return "the broker wants a client certificate, or another one: set cert_file and key_file"
	case "unknown certificate authority":
		return "the broker does not know who signed our client certificate: give its file for authorities (cafile) that one, or change cert_file"
	case "expired certificate":
		return "the broker says that our client certificate has expired, or is not valid yet: renew cert_file, or set the broker's clock"
	case "revoked certificate":
		return "the broker says that our client certificate is revoked: change cert_file"
	case "protocol version not supported":
		return "the broker speaks no TLS from 1.2 on: switch that on there"
	}
	return "the broker ended the TLS handshake: " + alert
}
