//go:build unix

package mqtt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"deskbell/agent/mqtt/mqtttest"
)

func TestABrokerWithTLSAndALogin(t *testing.T) {
	ca, cert, key := mqtttest.Certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	other, _, _ := mqtttest.Certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	passwords := filepath.Join(t.TempDir(), "passwords")
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "anna", "right").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v %s", err, out)
	}
	m := mqtttest.StartMosquitto(t, "cafile "+ca, "certfile "+cert, "keyfile "+key, "allow_anonymous false", "password_file "+passwords)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	url := "mqtts://" + m.Addr
	for _, tt := range []struct {
		name   string
		config Config
		want   string // "": connected
	}{
		{"all is right", Config{Broker: url, CAFile: ca, Username: "anna", Password: "right"}, ""},
		{"the password is wrong", Config{Broker: url, CAFile: ca, Username: "anna", Password: "wr0ng"},
			"broker refused the login (not authorised): check username and password"},
		{"there is none", Config{Broker: url, CAFile: ca}, "broker refused the login (not authorised): check username and password"},
		{"no ca_file", Config{Broker: url, Username: "anna", Password: "right"},
			"the broker's certificate is signed by nobody known here: set ca_file"},
		{"another ca_file", Config{Broker: url, CAFile: other, Username: "anna", Password: "right"},
			"the broker's certificate is signed by nobody known here: set ca_file"},
		{"a ca_file without a certificate", Config{Broker: url, CAFile: empty}, "read ca_file: no certificate in " + empty},
		{"a ca_file that is not there", Config{Broker: url, CAFile: "/nowhere.pem"},
			"read ca_file: open /nowhere.pem: no such file or directory"},
		{"another name", Config{Broker: strings.Replace(url, "127.0.0.1", "localhost", 1), CAFile: ca},
			"the broker's certificate is for another name: write 127.0.0.1 into broker"},
		{"without TLS", Config{Broker: m.URL()},
			"the other side closed the connection before the login: is it an MQTT broker, and without TLS?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, changed, stop := start(tt.config)
			defer stop()
			await(t, l, changed, "as wanted", func(s State) bool { return s.Connected || s.LastError != "" })
			s := l.State()
			if tt.want == "" && (!s.Connected || s.LastError != "") || !strings.HasSuffix(s.LastError, tt.want) {
				t.Errorf("got %+v, want %q", s, tt.want)
			}
			if strings.Contains(s.LastError, "wr0ng") {
				t.Error("a password in an error")
			}
		})
	}
}

func TestTLSToABrokerWithout(t *testing.T) {
	m := mqtttest.StartMosquitto(t)
	l, changed, stop := start(Config{Broker: "mqtts://" + m.Addr})
	defer stop()
	await(t, l, changed, "refused", func(s State) bool { return s.LastError != "" })
	if s := l.State(); s.Connected {
		t.Errorf("state %+v", s)
	}
}

// began is some time ago, after which all certificates here are made.
func began() time.Time { return time.Now().Add(-time.Hour) }

func later() time.Time { return time.Now().Add(time.Hour) }

func TestABrokerThatWantsAClientCertificate(t *testing.T) {
	a, foreign := mqtttest.NewAuthority(t, began(), later()), mqtttest.NewAuthority(t, began(), later())
	cert, key := a.Certificate(t, "broker", began(), later())
	own, ownKey := a.Certificate(t, "desk", began(), later())
	old, oldKey := a.Certificate(t, "old", began(), began().Add(time.Minute))
	stranger, strangerKey := foreign.Certificate(t, "stranger", began(), later())
	lines := []string{"cafile " + a.File, "certfile " + cert, "keyfile " + key, "require_certificate true"}
	plain, web := mqtttest.StartMosquitto(t, lines...), mqtttest.StartMosquitto(t, append(lines, "protocol websockets")...)
	for _, tt := range []struct {
		name, cert, key string
		want            string // "": connected
	}{
		{"it is shown", own, ownKey, ""},
		{"there is none", "", "", "client certificate"}, // it depends on what comes first, what it says or the end
		{"of an authority that it does not know", stranger, strangerKey, "client certificate"},
		{"an old one", old, oldKey, "client certificate"},
		{"the key of another", own, oldKey, "cert_file " + own + " with key_file " + oldKey + ": private key does not match public key"},
		{"no file", "/nowhere.pem", ownKey, "read cert_file: open /nowhere.pem: no such file or directory"},
		{"no file of the key", own, "/nowhere.pem", "read key_file: open /nowhere.pem: no such file or directory"},
	} {
		for _, broker := range []string{"mqtts://" + plain.Addr, "wss://" + web.Addr + "/mqtt"} {
			t.Run(tt.name+" "+broker[:3], func(t *testing.T) {
				says(t, Config{Broker: broker, CAFile: a.File, CertFile: tt.cert, KeyFile: tt.key}, tt.want)
			})
		}
	}
}

// says connects and holds the end of what is said against want; "" stands for a
// connection.
func says(t *testing.T, c Config, want string) {
	t.Helper()
	l, changed, stop := start(c)
	defer stop()
	await(t, l, changed, "as wanted", func(s State) bool { return s.Connected || s.LastError != "" })
	s := l.State()
	if want == "" && (!s.Connected || s.LastError != "") || !strings.Contains(s.LastError, want) {
		t.Errorf("got %+v, want %q", s, want)
	}
}

func TestWhatABrokerSaysOfOurCertificate(t *testing.T) {
	for alert, want := range map[string]string{
		"tls: certificate required":          "the broker wants a client certificate, or another one: set cert_file and key_file",
		"tls: unknown certificate authority": "the broker does not know who signed our client certificate: give its file for authorities (cafile) that one, or change cert_file",
		"tls: expired certificate":           "the broker says that our client certificate has expired, or is not valid yet: renew cert_file, or set the broker's clock",
		"tls: something new":                 "the broker ended the TLS handshake: tls: something new",
	} {
		if got := plainly(fmt.Errorf("receive: %w", &net.OpError{Op: "remote error", Err: errors.New(alert)})); got != want {
			t.Errorf("%s: %s", alert, got)
		}
	}
}

func TestTheKeyMayNotBeRead(t *testing.T) {
	if got := plainly(fmt.Errorf("read key_file: %w", &fs.PathError{Op: "open", Path: "/k.pem", Err: syscall.EACCES})); got !=
		"read key_file: open /k.pem: permission denied: make it readable for the user that deskbell runs as (chgrp deskbell, chmod 640)" {
		t.Error(got)
	}
}

func TestWebSocketToARealBroker(t *testing.T) {
	ca, cert, key := mqtttest.Certificate(t, began(), later())
	plain := mqtttest.StartMosquitto(t, "protocol websockets")
	secure := mqtttest.StartMosquitto(t, "protocol websockets", "cafile "+ca, "certfile "+cert, "keyfile "+key)
	mqtt := mqtttest.StartMosquitto(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Run("ws", func(t *testing.T) { carries(t, Config{Broker: "ws://" + plain.Addr + "/mqtt"}) })
	t.Run("wss", func(t *testing.T) { carries(t, Config{Broker: "wss://" + secure.Addr, CAFile: ca}) })
	t.Run("nobody knows who signed", func(t *testing.T) {
		says(t, Config{Broker: "wss://" + secure.Addr}, "the broker's certificate is signed by nobody known here: set ca_file")
	})
	t.Run("no WebSocket there", func(t *testing.T) {
		says(t, Config{Broker: "ws://" + mqtt.Addr}, "the other side closed the connection before there was a WebSocket: "+
			"look at port and path in broker, and whether it wants TLS (wss) or a client certificate")
	})
	for code, want := range map[int]string{
		404: "the web server there answers 404: write the path of its WebSocket into broker, such as ws://host/mqtt",
		403: "the web server there answers 403: it wants something else before MQTT's login, which deskbell cannot give",
		200: "no WebSocket there (the answer was 200): look at port and path in broker",
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/mqtt" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(code)
		}))
		t.Cleanup(web.Close)
		t.Run(fmt.Sprint("an answer of ", code), func(t *testing.T) {
			says(t, Config{Broker: "ws://" + web.Listener.Addr().String() + "/mqtt"}, want)
		})
	}
}

// carries publishes through a broker what it also subscribes to, with payloads
// that the other side may cut into pieces as it likes.
func carries(t *testing.T, c Config) {
	const n = 30 // mosquitto takes its time for each
	got, sent := make(chan int, n), make(chan error, 1)
	_, _, stop := start(c, session{serve: func(ctx context.Context, c *Conn) error {
		err := c.Subscribe(ctx, "desk/#", func(m Message) { got <- len(m.Payload) })
		if err != nil {
			return err
		}
		var last *Token
		for i := range n {
			last, err = c.Publish(ctx, Message{Topic: "desk/event", QoS: 1, Payload: make([]byte, i*i*i)})
			if err != nil {
				break
			}
		}
		if err == nil {
			<-last.Done()
			err = last.Err()
		}
		sent <- err
		return nil
	}})
	defer stop()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if size := <-got; size != i*i*i {
			t.Fatalf("message %d has %d bytes", i, size)
		}
	}
}

func TestTheErrorsOfAWebSocketAreThoseOfTheNetwork(t *testing.T) {
	if err := ofWebSocket(&websocket.CloseError{Code: websocket.CloseGoingAway}); !closedByPeer(err) {
		t.Errorf("its end is %v", err)
	}
	if err := ofWebSocket(&net.DNSError{IsTimeout: true}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a timeout is %v", err)
	}
}

func TestAWebSocketThatNeverComesEndsWithTheLink(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	link, _, stop := start(Config{Broker: "ws://" + l.Addr().String()})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil { // it asks, and waits
		t.Fatal(err)
	}
	before := time.Now()
	stop()
	if took := time.Since(before); took >= connectTimeout {
		t.Errorf("it waited %v for the answer: %+v", took, link.State())
	}
}

func TestAClockThatIsNotSetIsToldAndWaitedFor(t *testing.T) {
	ca, cert, key := mqtttest.Certificate(t, began(), later())
	m := mqtttest.StartMosquitto(t, "cafile "+ca, "certfile "+cert, "keyfile "+key)
	var set atomic.Bool
	l, changed, stop := start(Config{Broker: "mqtts://" + m.Addr, CAFile: ca, Now: func() time.Time {
		if set.Load() {
			return time.Now()
		}
		return time.Unix(300, 0)
	}})
	defer stop()
	await(t, l, changed, "told", func(s State) bool { return s.LastError != "" })
	if s := l.State(); !strings.Contains(s.LastError, "the clock of this machine is wrong (1970-01-01)") {
		t.Errorf("it says %q", s.LastError)
	}
	set.Store(true)
	await(t, l, changed, "connected", func(s State) bool { return s.Connected })
}

func TestCertificatesAreJudgedByATimeThatHasPassed(t *testing.T) {
	if got := judged(time.Unix(0, 0)); !got.Equal(built) {
		t.Errorf("a clock that is not set judges by %v", got)
	}
	later := built.Add(time.Hour)
	if got := judged(later); !got.Equal(later) {
		t.Errorf("a clock that is set judges by %v", got)
	}
}
