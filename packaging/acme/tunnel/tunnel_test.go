//go:build linux

package tunnel

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// execStart is the command line of the unit, with its specifier and variables in place.
func execStart(t *testing.T, credentials string, variables map[string]string) []string {
	t.Helper()
	text, err := os.ReadFile("../../examples/deskbell-tunnel.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		if rest, ok := strings.CutPrefix(line, "ExecStart="); ok {
			return strings.Fields(os.Expand(strings.ReplaceAll(rest, "%d", credentials), func(name string) string { return variables[name] }))
		}
	}
	t.Fatal("no ExecStart")
	return nil
}

// begin starts a program and its children, which end with the test or by stop; ended is closed then.
func begin(t *testing.T, args ...string) (out *bytes.Buffer, ended <-chan struct{}, stop func()) {
	t.Helper()
	out = new(bytes.Buffer)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second // a child of a child may have its output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	stop = func() {
		select {
		case <-done:
			return
		default:
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid)) // sshd's have sessions of their own
		_ = cmd.Process.Signal(syscall.SIGTERM)
		for _, child := range strings.Fields(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		<-done
	}
	t.Cleanup(stop)
	return out, done, stop
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestTheTunnelAndAProxy posts to nginx, which hands on to sshd's end of the tunnel, and so to deskbell.
func TestTheTunnelAndAProxy(t *testing.T) {
	dir := t.TempDir()
	at := func() string { return fmt.Sprintf("127.0.0.1:%d", mqtttest.FreePort(t)) }
	in := func(name string) string { return filepath.Join(dir, name) }
	desk, remote, server, proxy := at(), at(), at(), at()

	program := in("deskbell")
	run(t, "go", "build", "-C", "../../..", "-o", program, "./cmd/deskbell")
	config := write(t, in("deskbell.toml"), fmt.Sprintf("data_dir = %q\nadmin = { listen = %q }\nbroker = { listen = %q }\n"+
		"webhook = { listen = %q, tokens = [\"secret\"] }\n", in("data"), at(), at(), desk))
	begin(t, program, "--config", config, "run")

	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in("key"))
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in("host"))
	public, err := os.ReadFile(in("key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.ReadFile(in("host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	address, port, _ := net.SplitHostPort(server)
	write(t, in("known-hosts"), fmt.Sprintf("[%s]:%s %s", address, port, host))
	write(t, in("authorized"), fmt.Sprintf("restrict,port-forwarding,permitlisten=%q %s", remote, public))
	write(t, in("sshd.conf"), fmt.Sprintf("ListenAddress %s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\n"+
		"PasswordAuthentication no\nKbdInteractiveAuthentication no\nAllowTcpForwarding remote\n", server, in("host"), in("authorized")))
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Log(err) // where root alone may, and who is not root needs none
	}
	serve := func() (stop func()) {
		out, _, stop := begin(t, "/usr/sbin/sshd", "-D", "-e", "-f", in("sshd.conf"))
		until(t, "sshd listens", func() bool { return strings.Contains(out.String(), "listening") })
		return stop
	}
	stopServer := serve()

	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"SERVER": me.Username + "@" + address, "PORT": port, "REMOTE": remote, "LOCAL": desk}
	tunnel := execStart(t, dir, variables)
	ca, cert, key := mqtttest.Certificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	begin(t, "/usr/sbin/nginx", "-p", dir, "-e", in("nginx.log"), "-c", nginxConfig(t, dir, proxy, remote, cert, key))

	roots := x509.NewCertPool()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(text)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	post := func(token, from string) int {
		q, err := http.NewRequest(http.MethodPost, "https://"+proxy+"/webhook", strings.NewReader(`{"token":"`+token+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if from != "" {
			q.Header.Set("X-Forwarded-For", from)
		}
		answer, err := client.Do(q)
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}

	said, ended, _ := begin(t, tunnel...)
	until(t, "a post comes through", func() bool { return post("secret", "") == 200 })
	if code := post("wrong", "203.0.113.9"); code != 401 {
		t.Errorf("a wrong token: %d", code)
	}
	if rejected := run(t, program, "--config", config, "events", "rejected", "--json"); !strings.Contains(rejected, "203.0.113.9") {
		t.Errorf("the address of who posted is not in %s", rejected)
	}

	// The port there is taken: it ends, to be started again, rather than stay without a forwarding.
	second, over, _ := begin(t, tunnel...)
	<-over
	if !strings.Contains(second.String(), "remote port forwarding failed") {
		t.Errorf("it says %q", second)
	}

	stopServer()
	<-ended
	t.Logf("the server ended: %q", said)
	serve()
	begin(t, tunnel...)
	until(t, "a post comes through again", func() bool { return post("secret", "") == 200 })

	// A server with another key gets nothing.
	write(t, in("known-hosts"), fmt.Sprintf("[%s]:%s %s", address, port, public))
	stranger, over, _ := begin(t, tunnel...)
	<-over
	if !strings.Contains(stranger.String(), "Host key verification failed") {
		t.Errorf("it says %q", stranger)
	}
}

// nginxConfig is the example, on other ports.
func nginxConfig(t *testing.T, dir, listen, to, cert, key string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	server := strings.NewReplacer("listen 443 ssl", "listen "+listen+" ssl", "127.0.0.1:8080", to,
		"/etc/letsencrypt/live/desk.example.org/fullchain.pem", cert, "/etc/letsencrypt/live/desk.example.org/privkey.pem", key).Replace(string(text))
	return write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf("daemon off;\nmaster_process off;\npid %s/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n"+
		"client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n%s}\n", dir, server))
}
