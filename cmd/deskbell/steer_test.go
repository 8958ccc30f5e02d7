//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"
)

// fakeManager writes down what is asked of it.
type fakeManager struct {
	is     serviceState
	refuse error
	fails  error
	did    []string
}

func (m *fakeManager) does(what string) error                      { m.did = append(m.did, what); return m.fails }
func (m *fakeManager) install(context.Context) error               { return m.does("install") }
func (m *fakeManager) uninstall(context.Context) error             { return m.does("uninstall") }
func (m *fakeManager) start(context.Context) error                 { return m.does("start") }
func (m *fakeManager) stop(context.Context) error                  { return m.does("stop") }
func (m *fakeManager) restart(context.Context) error               { return m.does("restart") }
func (m *fakeManager) check(context.Context) error                 { return m.refuse }
func (m *fakeManager) state(context.Context) (serviceState, error) { return m.is, nil }
func (m *fakeManager) words() string                               { return "the log" }

func TestSteer(t *testing.T) {
	running, stopped := serviceState{Installed: true, Running: true}, serviceState{Installed: true}
	bad, gone := errors.New("webhook.rate: must be a number"), errors.New("systemctl: Unit is masked")
	for _, tt := range []struct {
		verb          string
		is            serviceState
		refuse, fails error
		did           string
		fault         string
	}{
		{verb: "install", did: "install"},
		{verb: "start", is: stopped, did: "start"},
		{verb: "restart", is: running, did: "restart"},
		{verb: "stop", is: running, did: "stop"},
		{verb: "uninstall", is: running, did: "stop uninstall"},
		{verb: "start", is: stopped, refuse: bad, fault: "the configuration is refused:\nwebhook.rate"},
		{verb: "restart", is: running, refuse: bad, fault: "refused; the one that runs goes on as it was:\nwebhook.rate"},
		{verb: "restart", fault: "not installed"},
		{verb: "start", is: stopped, fails: gone, did: "start", fault: "start the service: systemctl: Unit is masked"},
	} {
		m := &fakeManager{is: tt.is, refuse: tt.refuse, fails: tt.fails}
		cmd := &cobra.Command{}
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetContext(t.Context())
		err := steer(cmd, m, tt.verb)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %v, want %q", tt.verb, err, tt.fault)
		}
		if got := strings.Join(m.did, " "); got != tt.did {
			t.Errorf("%s: did %q, want %q", tt.verb, got, tt.did)
		}
	}
}

// fakes puts shell scripts before all other programs; each writes down its call into the file that is returned.
func fakes(t *testing.T, scripts map[string]string) (called string) {
	t.Helper()
	bin := t.TempDir()
	called = filepath.Join(bin, "called")
	for name, script := range scripts {
		text := "#!/bin/sh\necho " + name + " \"$@\" >>" + called + "\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return called
}

func TestRestartIsOneForSystemd(t *testing.T) {
	called := fakes(t, map[string]string{"systemctl": `[ "$1" != restart ] || { echo "Job failed: see the journal" >&2; exit 1; }`})
	err := (&onSystemdOnly{}).restart(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Job failed: see the journal") {
		t.Errorf("the manager's own words are missing: %v", err)
	}
	got, _ := os.ReadFile(called)
	if want := "systemctl daemon-reload\nsystemctl reset-failed deskbell.service\nsystemctl restart deskbell.service\n"; string(got) != want {
		t.Errorf("called\n%s", got)
	}
}

func TestInstallBesideThePackage(t *testing.T) {
	dir := t.TempDir()
	called := fakes(t, map[string]string{"systemctl": "", "systemd-sysusers": ""})
	if err := os.WriteFile(filepath.Join(dir, unitFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := (&onSystemdOnly{own: t.TempDir(), packaged: []string{filepath.Join(dir, "none"), dir}}).install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the package has done that: "+dir) {
		t.Errorf("%v", err)
	}
	if did, err := os.ReadFile(called); err == nil {
		t.Errorf("called %s", did)
	}
}

// writes is a service whose Install writes text and may fail.
type writes struct {
	service.Service
	path, text string
	err        error
}

func (w writes) Install() error {
	return errors.Join(os.WriteFile(w.path, []byte(w.text), 0o644), w.err)
}

func TestInstallFile(t *testing.T) {
	const whole, before = "# The service of deskbell, new\n", "# The service of deskbell, old\n"
	broken := errors.New("unknown template key")
	for _, tt := range []struct {
		name, old, text string
		install, enable error
		left, fault     string
	}{
		{name: "new", text: whole, left: whole},
		{name: "again", old: before, text: whole, left: whole},
		{name: "what enable says is told", text: whole, install: errors.New("exit status 1"), enable: errors.New("it is masked"), fault: "it is masked"},
		{name: "enabled all the same", text: whole, install: errors.New("exit status 1"), left: whole},
		{name: "an empty file does not stay", install: broken, fault: "unknown template key"},
		{name: "the old one comes back", old: before, install: broken, left: before, fault: "unknown template key"},
		{name: "not ours", old: "[Unit]\n", text: whole, left: "[Unit]\n", fault: "deskbell did not write it"},
	} {
		path := filepath.Join(t.TempDir(), "unit")
		if tt.old != "" {
			if err := os.WriteFile(path, []byte(tt.old), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := installFile(writes{path: path, text: tt.text, err: tt.install}, path, func() error { return tt.enable })
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %v", tt.name, err)
		}
		left, err := os.ReadFile(path)
		if string(left) != tt.left || (err != nil) != (tt.left == "") {
			t.Errorf("%s: left %q, %v", tt.name, left, err)
		}
	}
}

func TestUnitIsRead(t *testing.T) {
	u := parseUnit(`# /etc/systemd/system/deskbell.service
[Service]
ExecStart=/opt/a\x20b/deskbell run "--config" "/srv/my \"desk\" 100%%.toml"
User=deskbell
Environment=A=1 "B=two words"
# drop-in
LoadCredential=gone:/x
LoadCredential=
LoadCredential=webhook.tokens:/etc/deskbell/token%%
SetCredential=webhook.tokens:
LoadCredential=admin.password:%h/admin
LoadCredentialEncrypted=forward.hub.password:/etc/x
`)
	if want := []string{"/opt/a b/deskbell", "run", "--config", `/srv/my "desk" 100%.toml`}; !slices.Equal(u.start, want) {
		t.Errorf("start %q", u.start)
	}
	if want := []string{"A=1", "B=two words"}; !slices.Equal(u.env, want) || u.user != "deskbell" {
		t.Errorf("env %q, user %q", u.env, u.user)
	}
	if len(u.load) != 3 || u.load["webhook.tokens"] != "/etc/deskbell/token%" || u.load["admin.password"] != unknown || u.load["forward.hub.password"] != unknown {
		t.Errorf("credentials %v", u.load)
	}
	if text, ok := u.set["webhook.tokens"]; !ok || text != "" {
		t.Errorf("set %v", u.set)
	}
}

// The check is given what the service would be given.
func TestUnitIsChecked(t *testing.T) {
	dir := t.TempDir()
	token, program := filepath.Join(dir, "token"), filepath.Join(dir, "program")
	script := "#!/bin/sh\n[ \"$1\" = check ] && [ \"$A\" = 1 ] && [ \"$(cat $CREDENTIALS_DIRECTORY/webhook.tokens)\" = right ] && exit 0\n" +
		"echo \"deskbell: error: no token with $*\" >&2; echo 'deskbell: hint: no' >&2; exit 1\n"
	must(t, os.WriteFile(program, []byte(script), 0o755), os.WriteFile(token, []byte("right\n"), 0o600))
	text := "ExecStart=" + program + " run --config /srv/desk.toml\nEnvironment=A=1\nLoadCredential=webhook.tokens:" + token + "\n"
	if err := parseUnit(text).check(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, os.WriteFile(token, []byte("wrong\n"), 0o600))
	if err := parseUnit(text).check(t.Context()); err == nil || err.Error() != "no token with check --config /srv/desk.toml" {
		t.Errorf("%v", err)
	}
	must(t, os.Remove(token))
	if err := parseUnit(text).check(t.Context()); err == nil || !strings.Contains(err.Error(), "read the credential webhook.tokens: open "+token) {
		t.Errorf("a missing file: %v", err)
	}
	if err := parseUnit(text + "SetCredential=webhook.tokens:right\n").check(t.Context()); err != nil {
		t.Errorf("a missing file with a text beside it: %v", err)
	}
}

func TestOpenRCState(t *testing.T) {
	dir := t.TempDir()
	m := &onOpenRCOnly{script: filepath.Join(dir, "deskbell"), options: dir}
	state := func() serviceState {
		t.Helper()
		s, err := m.state(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := state(); s.Installed {
		t.Errorf("%+v", s)
	}
	must(t, os.WriteFile(m.script, nil, 0o755))
	fakes(t, map[string]string{"rc-service": "echo ' * status: stopped'; exit 3"})
	if s := state(); s != (serviceState{Installed: true, State: "stopped"}) {
		t.Errorf("%+v", s)
	}
	fakes(t, map[string]string{"rc-service": "echo ' * status: started'"})
	must(t, os.WriteFile(filepath.Join(dir, "child_pid"), []byte("1"), 0o644), os.WriteFile(filepath.Join(dir, "start_count"), []byte("4"), 0o644))
	if s := state(); s != (serviceState{Installed: true, Running: true, State: "started"}) {
		t.Errorf("%+v", s)
	}
	must(t, os.WriteFile(filepath.Join(dir, "child_pid"), []byte("99999999"), 0o644)) // none has this number
	if s := state(); s.Running || s.Restarts != 3 {
		t.Errorf("%+v", s)
	}
}

func TestServiceConfigOfOthers(t *testing.T) {
	c, err := describe("windows-service", `C:\deskbell.exe`, []string{"--config", `C:\desk.toml`})
	if err != nil || c.Option["OnFailure"] != "restart" || c.Option["OnFailureDelayDuration"] != "2s" || c.Option["OnFailureResetPeriod"] != 600 ||
		!slices.Equal(c.Arguments, []string{"run", "--config", `C:\desk.toml`}) {
		t.Errorf("%v %+v", err, c)
	}
	c, err = describe("darwin-launchd", "/opt/deskbell", nil)
	if plist, _ := c.Option["LaunchdConfig"].(string); err != nil || !strings.Contains(plist, "<string>/opt/deskbell</string>") || !strings.Contains(plist, writtenByUs) {
		t.Errorf("%v %+v", err, c)
	}
	c, err = describe(onOpenRC, "/opt/deskbell", nil)
	if script, _ := c.Option["OpenRCScript"].(string); err != nil || !strings.Contains(script, "program='/opt/deskbell'") || !strings.Contains(script, writtenByUs) {
		t.Errorf("%v %+v", err, c)
	}
}

func TestWindowsServiceEndsWithTheAgent(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	died := make(chan error, 1)
	finished := false
	w := &windowsService{ctx: ctx, stop: stop, ended: make(chan error, 1), die: func(err error) { died <- err },
		run: func(ctx context.Context) error { <-ctx.Done(); finished = true; return nil }}
	must(t, w.Start(nil), w.Stop(nil))
	if !finished || len(died) > 0 {
		t.Error("the process would have ended before the agent, or as if by itself")
	}
	lost := errors.New("lost")
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	w.ctx, w.run = ctx, func(context.Context) error { return lost }
	must(t, w.Start(nil))
	if err := <-died; err != lost {
		t.Errorf("ended by itself: %v", err)
	}
}

// logged keeps what goes into the event log.
type logged struct {
	service.Logger
	lines []string
}

func (l *logged) add(level string, v []any) error {
	l.lines = append(l.lines, level+": "+v[0].(string))
	return nil
}
func (l *logged) Info(v ...any) error    { return l.add("info", v) }
func (l *logged) Warning(v ...any) error { return l.add("warning", v) }
func (l *logged) Error(v ...any) error   { return l.add("error", v) }

func TestEventLogLevels(t *testing.T) {
	l := &logged{}
	for _, line := range []string{"level=INFO msg=a\n", "level=WARN msg=b\n", `{"level":"ERROR","msg":"c"}`, "deskbell: error: d\n"} {
		if _, err := (eventLog{l}).Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"info: level=INFO msg=a", "warning: level=WARN msg=b", `error: {"level":"ERROR","msg":"c"}`, "error: deskbell: error: d"}
	if !slices.Equal(l.lines, want) {
		t.Errorf("%q", l.lines)
	}
}
