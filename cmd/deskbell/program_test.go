//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"deskbell/agent"
	"deskbell/agent/admin"
)

// program is the built program, running on a folder and addresses of its own.
type program struct {
	t                       testing.TB
	dir, config             string
	path                    string // of the binary; empty: this test's own
	webhook, admin, builtin string // addresses

	cmd   *exec.Cmd
	said  lockedBuffer
	ended chan struct{}
}

// lockedBuffer is what a process has written so far.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newProgram writes a configuration: extra lines go first, into the top-level
// table, and then the tables of rest.
func newProgram(t testing.TB, webhook, rest string) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{
		t: t, dir: filepath.Join(dir, "data"), config: filepath.Join(dir, "deskbell.toml"),
		webhook: freeAddress(t), admin: freeAddress(t), builtin: freeAddress(t),
	}
	doc := fmt.Sprintf("device = \"lobby\"\ndata_dir = %q\n[admin]\nlisten = %q\n[webhook]\nlisten = %q\n%s\n%s\n", p.dir, p.admin, p.webhook, webhook, rest)
	if !strings.Contains(rest, "[[forward]]") {
		doc += fmt.Sprintf("[broker]\nlisten = %q\n", p.builtin)
	}
	if err := os.WriteFile(p.config, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// start runs the program and waits until it takes events.
func (p *program) start() {
	p.t.Helper()
	if p.path == "" {
		var err error
		if p.path, err = exec.LookPath("deskbell"); err != nil {
			p.t.Fatal(err)
		}
	}
	p.cmd = exec.Command(p.path, "run", "--config", p.config)
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, ended := p.cmd, make(chan struct{})
	p.ended = ended
	go func() {
		_ = cmd.Wait() // its exit is looked at in ProcessState
		close(ended)
	}()
	p.eventually("the agent is ready", func() bool {
		resp, err := http.Get("http://" + p.webhook + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return false
		}
		_, err = p.api().Status(p.t.Context()) // served a moment later
		return err == nil
	})
}

// eventually waits until is says so; a minute is for ever on any machine.
func (p *program) eventually(what string, is func() bool) {
	p.t.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			p.t.Fatalf("%s: not within a minute; the agent said\n%s", what, p.said.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill ends it as a power cut would.
func (p *program) kill() { p.end(syscall.SIGKILL) }

// stop ends it as a service manager would, and returns its exit status.
func (p *program) stop() int {
	p.end(syscall.SIGTERM)
	return p.cmd.ProcessState.ExitCode()
}

func (p *program) end(s os.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(s) // it may have ended already
	<-p.ended
}

func (p *program) url() string { return "http://" + p.webhook + "/webhook" }

// post sends a body and returns status, answer and headers.
func (p *program) post(body []byte, header ...string) (int, string, http.Header) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.url(), bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func (p *program) api() *admin.Client { return admin.NewClient(agent.ControlSocket(p.dir)) }

func (p *program) status() admin.Status {
	p.t.Helper()
	s, err := p.api().Status(p.t.Context())
	if err != nil {
		p.t.Fatalf("%v; the agent said\n%s", err, p.said.String())
	}
	return s
}

// output is one output of the status.
func (p *program) output(name string) admin.OutputStatus {
	p.t.Helper()
	for _, o := range p.status().Outputs {
		if o.Name == name {
			return o
		}
	}
	p.t.Fatalf("no output %s", name)
	return admin.OutputStatus{}
}

// elements are the events of a body, byte for byte.
func elements(t testing.TB, body []byte) []json.RawMessage {
	t.Helper()
	var b struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	return b.Events
}
