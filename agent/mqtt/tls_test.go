//go:build unix

package mqtt

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestCertificatesAreJudgedByATimeThatHasPassed(t *testing.T) {
	if got := judged(time.Unix(0, 0)); !got.Equal(built) {
		t.Errorf("a clock that is not set judges by %v", got)
	}
	later := built.Add(time.Hour)
	if got := judged(later); !got.Equal(later) {
		t.Errorf("a clock that is set judges by %v", got)
	}
}
