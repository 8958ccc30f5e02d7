//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// setupProgram is a program that setup has to write the configuration of.
func setupProgram(t *testing.T, args ...string) (p *program, token string) {
	t.Helper()
	p = newProgram(t, "", "")
	said := p.setup(t, append([]string{"--yes", "--force"}, args...)...)
	content, err := os.ReadFile(filepath.Join(filepath.Dir(p.config), "token"))
	if err != nil {
		t.Fatalf("%v; setup said\n%s", err, said)
	}
	return p, strings.TrimSpace(string(content))
}

func (p *program) setupCommand(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := exec.LookPath("deskbell")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"setup", "--no-service", "--config", p.config}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	return cmd
}

func (p *program) setup(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := p.setupCommand(ctx, t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("setup %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// setup waits for the agent, tells of a wrong token, sees the platform's check
// and a guest, and says all of it to programs.
func TestSetupWaitsForThePlatform(t *testing.T) {
	p, token := setupProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := p.setupCommand(ctx, t, "--yes", "--timeout", "50s", "--json")
	var out bytes.Buffer
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says := func(text string) {
		t.Helper()
		p.eventually("setup says "+text+"; it said "+said.String(), func() bool { return strings.Contains(said.String(), text) })
	}
	says("start it in another terminal with: deskbell run")
	p.start()
	says("Save it there: the platform then posts a check.")
	if code, _, _ := p.post(nil, "Authorization: Bearer guess"); code != http.StatusUnauthorized {
		t.Fatalf("a wrong token is answered %d", code)
	}
	says("a post with a wrong token came from 127.0.0.1 (in header Authorization): paste the token again")
	if strings.Contains(said.String(), "guess") {
		t.Error("setup tells the wrong token")
	}
	if code, answer, _ := p.post([]byte(`{"token":"` + token + `"}`)); code != http.StatusOK || !strings.Contains(answer, token) {
		t.Fatalf("the check is answered %d %s", code, answer)
	}
	says("✓ check          token in body, answered 200")
	says("Now a first guest")
	for _, s := range handover()[:2] {
		if code, answer, _ := p.post(s.body("guest", time.Now()), "X-Token: "+token); code != http.StatusOK {
			t.Fatalf("%s: %d %s", s.told, code, answer)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v; it said\n%s", err, said.String())
	}
	says("✓ lamp           pulses: somebody waits (simulated)")
	var report setupReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if report.Check == nil || report.Check.TokenIn != "body" || !report.HandOver || report.Heard != nil || report.Changed || report.Token != token || report.Service != "not managed" {
		t.Errorf("reported %s", out.String())
	}
	if strings.Contains(said.String(), "\x1b") {
		t.Errorf("colours where no terminal is: %q", said.String())
	}
}

// Whenever it is stopped, what is on the disk is a configuration without fault.
func TestSetupMayBeKilledAtAnyTime(t *testing.T) {
	p, _ := setupProgram(t)
	whole := func(when string) {
		t.Helper()
		self, _ := exec.LookPath("deskbell")
		if out, err := exec.Command(self, "check", "--config", p.config).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", when, err, out)
		}
	}
	for n := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
		cmd := p.setupCommand(ctx, t, "--yes", "--new-token", "--reach", reaches[n%2], "--broker", "mqtt://hub")
		_ = cmd.Run() // killed, most of them
		cancel()
		whole(time.Duration(n).String())
	}
}

// A file is replaced as a whole: whoever has the one before open goes on to see
// all of that.
func TestPutFileReplaces(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	as := owner{mode: 0o600, uid: -1, gid: -1}
	if err := errors.Join(putFile(name, []byte("before"), as), os.Link(name, name+".held"), putFile(name, []byte("after"), as)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(name + ".held")
	after, err2 := os.ReadFile(name)
	info, err3 := os.Stat(name)
	if err := errors.Join(err, err2, err3); err != nil || string(before) != "before" || string(after) != "after" || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: %q became %q, %v", err, before, after, info.Mode())
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".deskbell-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestTheConfigurationThatTheServiceReads(t *testing.T) {
	for property, want := range map[string]string{
		"": "", "ExecStart=\n": "",
		"ExecStart={ path=/usr/bin/deskbell ; argv[]=/usr/bin/deskbell run ; ignore_errors=no ; start_time=[n/a] }\n":                    defaultConfig,
		"ExecStart={ path=/usr/bin/deskbell ; argv[]=/usr/bin/deskbell run --config /srv/front desk.toml ; ignore_errors=no ; pid=0 }\n": "/srv/front desk.toml",
	} {
		if got := configIn(property); got != want {
			t.Errorf("%q: got %q, want %q", property, got, want)
		}
	}
}

// The service is not root: an address that it cannot have would leave a desk that
// ran before without one.
func TestAPortThatTheServiceMayNotHave(t *testing.T) {
	for _, tt := range []struct {
		want      string
		addresses []string
	}{
		{":80", []string{"127.0.0.1:8080", ":80"}}, {"[::1]:1023", []string{"[::1]:1023", ":1"}}, {"", []string{":1024", ":0", "", "x"}},
	} {
		if got := tooLow(1024, tt.addresses...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.addresses, got, tt.want)
		}
	}
	if got := tooLow(0, ":80"); got != "" {
		t.Errorf("where everybody may have every port: %q", got)
	}
}

// What cannot be a token is refused before anything is changed.
func TestSetupRefusesWhatIsNoToken(t *testing.T) {
	p, token := setupProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for content, says := range map[string]string{
		"\n": "standard input holds nothing", "abc\x1b[2Jdef\n": "standard input holds what is no text", "long\xff\n": "standard input holds what is no text",
		strings.Repeat("a", 300000): "standard input holds more than 4096 bytes: that is no secret",
	} {
		cmd := p.setupCommand(ctx, t, "--yes", "--token-file", "-")
		cmd.Stdin = strings.NewReader(content)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), says) || !strings.Contains(string(out), "hint: ") {
			t.Errorf("%.20q: %v\n%.300s", content, err, out)
		}
	}
	if now, err := os.ReadFile(filepath.Join(filepath.Dir(p.config), "token")); err != nil || strings.TrimSpace(string(now)) != token {
		t.Errorf("the token is %.40q now: %v", now, err)
	}
	cmd := p.setupCommand(ctx, t, "--yes", "--timeout=-5s")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--timeout -5s is no time to wait") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whatever the umask of who runs setup, the service may enter the folder of its
// configuration.
func TestSetupMakesAFolderForTheService(t *testing.T) {
	p, _ := setupProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made := filepath.Join(t.TempDir(), "etc", "desk")
	cmd := p.setupCommand(ctx, t, "--yes", "--config", filepath.Join(made, "deskbell.toml"))
	cmd.Args = append([]string{"sh", "-c", `umask 077; exec "$0" "$@"`}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh: ", err)
	}
	cmd.Path = sh
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dir := range []string{made, filepath.Dir(made)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s is %v: %v", dir, info.Mode(), err)
		}
	}
}
