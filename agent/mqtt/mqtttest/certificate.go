package mqtttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An Authority signs certificates for one test.
type Authority struct {
	File string // its own certificate

	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	made int64
}

// NewAuthority makes one that is valid between the times given.
func NewAuthority(t testing.TB, from, to time.Time) *Authority {
	t.Helper()
	a := &Authority{dir: t.TempDir(), key: newKey(t)}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test " + rand.Text()}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.File, _ = a.write(t, "ca", a.cert, a.key)
	return a
}

// Certificate makes a certificate for 127.0.0.1 and the names given, valid
// between the times given, and returns the paths of its files.
func (a *Authority) Certificate(t testing.TB, name string, from, to time.Time, names ...string) (cert, key string) {
	t.Helper()
	a.made++
	return a.write(t, name, &x509.Certificate{SerialNumber: big.NewInt(1 + a.made), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: names}, newKey(t))
}

func (a *Authority) write(t testing.TB, name string, own *x509.Certificate, key *ecdsa.PrivateKey) (certFile, keyFile string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, own, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := func(suffix, kind string, der []byte) string {
		path := filepath.Join(a.dir, name+suffix)
		var b bytes.Buffer
		if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return file(".pem", "CERTIFICATE", der), file(".key", "EC PRIVATE KEY", secret)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Certificate makes a certificate authority and a certificate for 127.0.0.1,
// both valid between the times given, and returns the paths of their files.
func Certificate(t testing.TB, from, to time.Time) (ca, cert, key string) {
	t.Helper()
	a := NewAuthority(t, from, to)
	cert, key = a.Certificate(t, "broker", from, to)
	return a.File, cert, key
}
