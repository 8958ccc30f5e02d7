package agent

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"deskbell/agent/webhook"
)

// acmeFolder is where account and certificates are kept, in the data folder.
const acmeFolder = "acme"

// secrecy is what our servers show over TLS.
type secrecy struct {
	webhook, admin *webhook.Pair // nil: no files
	acme           *webhook.ACME // nil: none
}

func newSecrecy(c Config, now func() time.Time, changed func(), log *slog.Logger) secrecy {
	var s secrecy
	if c.Webhook.TLSCert != "" {
		s.webhook = webhook.NewPair(c.Webhook.TLSCert, c.Webhook.TLSKey, now)
	}
	if c.Admin.TLSCert != "" {
		s.admin = webhook.NewPair(c.Admin.TLSCert, c.Admin.TLSKey, now)
	}
	if from := c.Webhook.ACME; from != nil {
		s.acme = webhook.NewACME(webhook.ACMEConfig{
			Domains: from.Domains, Email: from.Email, Directory: from.Directory, Cache: filepath.Join(c.DataDir, acmeFolder),
			Now: now, Changed: changed,
		}, log)
	}
	return s
}

// over puts TLS over the webhook's connections, where it is configured. l counts
// them: it must be below, or a handshake that never ends would not be counted.
func (s secrecy) over(l net.Listener) net.Listener {
	switch {
	case s.webhook != nil:
		return tls.NewListener(l, webhook.ServerTLS(s.webhook.Get))
	case s.acme != nil:
		return tls.NewListener(l, s.acme.TLS())
	}
	return l
}

func (s secrecy) adminTLS() *tls.Config {
	if s.admin == nil {
		return nil
	}
	return webhook.ServerTLS(s.admin.Get)
}

func (s secrecy) adminNames() []string {
	if s.admin == nil {
		return nil
	}
	return s.admin.Names()
}

// problems are those of all certificates.
func (s secrecy) problems(clockSet bool) []string {
	var list []string
	add := func(where, text string) {
		if text != "" {
			list = append(list, where+": "+text)
		}
	}
	if s.webhook != nil {
		add("webhook", s.webhook.Problem(clockSet))
	}
	if s.acme != nil {
		add("webhook", s.acme.Problem(clockSet))
	}
	if s.admin != nil {
		add("page", s.admin.Problem(clockSet))
	}
	return list
}

// WebhookURL is where this machine reaches its own webhook, with what is to be
// asked of TLS there; nil: nothing, as it is http.
func (c Config) WebhookURL() (string, *tls.Config) {
	host, port, _ := net.SplitHostPort(c.Webhook.Listen)
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	at := net.JoinHostPort(host, port) + c.Webhook.Path
	var name string
	var own *x509.Certificate
	switch w := c.Webhook; {
	case w.ACME != nil:
		name = w.ACME.Domains[0]
	case w.TLSCert != "":
		own = leafOf(w.TLSCert)
	default:
		return "http://" + at, nil
	}
	return "https://" + at, &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, // VerifyConnection does it: the name is not that of the address, and the certificate may have signed itself
		VerifyConnection: func(state tls.ConnectionState) error {
			shown := state.PeerCertificates[0]
			if own != nil && own.Equal(shown) {
				return nil
			}
			if name == "" {
				return errors.New("it shows another certificate than that of webhook.tls_cert, or this user may not read that file")
			}
			between := x509.NewCertPool()
			for _, one := range state.PeerCertificates[1:] {
				between.AddCert(one)
			}
			_, err := shown.Verify(x509.VerifyOptions{DNSName: name, Intermediates: between})
			return err
		},
	}
}

// leafOf is the first certificate of a file; nil: it cannot be read.
func leafOf(name string) *x509.Certificate {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf
}
