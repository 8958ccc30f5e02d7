package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"deskbell/packaging/bench/load"
	"deskbell/packaging/bench/process"
)

// The two programs that are compared.
type kind string

const (
	floor    kind = "floor"
	deskbell kind = "deskbell"
)

// both in the order of a round: who is first changes from one to the next.
func both(round int) []kind {
	if round%2 == 1 {
		return []kind{deskbell, floor}
	}
	return []kind{floor, deskbell}
}

// A setting is how a program is to be run. What is left out is the default.
type setting struct {
	dir    string // of the store
	broker *broker
	ids    bool     // floor: keep ids
	keep   int64    // floor: keep so many bytes of delivered events
	lines  bool     // floor: an event a line
	size   int64    // deskbell: of the store
	only   string   // deskbell: the kind of events that are forwarded
	tracer []string // a command that runs the program
}

// A program runs.
type program struct {
	kind
	process *child
	pid     int
	setting setting
	address string // of the webhook, host:port
	admin   string // deskbell's, host:port
	began   time.Time
}

const token = "right"

// run starts a program and returns before it is ready.
func (b *bench) run(k kind, s setting) (*program, error) {
	free, err := process.Addresses(2)
	if err != nil {
		return nil, err
	}
	p := &program{kind: k, setting: s, address: free[0], admin: free[1]}
	var command []string
	switch k {
	case floor:
		command = []string{b.programs[floor], "-listen", p.address, "-broker", "tcp://" + s.broker.address,
			"-store", p.store(), fmt.Sprint("-ids=", s.ids), fmt.Sprint("-lines=", s.lines), fmt.Sprint("-keep=", s.keep)}
	case deskbell:
		file := filepath.Join(s.dir, "deskbell.toml")
		if err := os.WriteFile(file, []byte(p.config()), 0o600); err != nil {
			return nil, err
		}
		command = []string{b.programs[deskbell], "run", "--config", file}
	}
	command = append(s.tracer, command...)
	p.began = time.Now()
	if p.process, err = start(string(k), command[0], command[1:]...); err != nil {
		return nil, err
	}
	p.pid = p.process.PID()
	return p, nil
}

// config has all switched on that a user has on: token, desk, rules, outputs,
// metrics and page.
func (p *program) config() string {
	var c strings.Builder
	fmt.Fprintf(&c, "device = \"bench\"\ndata_dir = %q\n", p.setting.dir)
	fmt.Fprintf(&c, "[webhook]\nlisten = %q\ntokens = [%q]\n[admin]\nlisten = %q\n", p.address, token, p.admin)
	fmt.Fprintf(&c, "[gpio]\ndriver = \"simulated\"\n")
	if p.setting.size > 0 {
		fmt.Fprintf(&c, "[storage]\nmax_size = \"%dMiB\"\n", p.setting.size>>20)
	}
	fmt.Fprintf(&c, "[[forward]]\nname = \"hub\"\nbroker = \"mqtt://%s\"\n", p.setting.broker.address)
	if p.setting.only != "" {
		fmt.Fprintf(&c, "only = [%q]\n", p.setting.only)
	}
	return c.String()
}

// store is the path of the program's file.
func (p *program) store() string { return filepath.Join(p.setting.dir, string(p.kind)+".db") }

// url is where events are posted.
func (p *program) url() string {
	if p.kind == deskbell {
		return "http://" + p.address + "/webhook"
	}
	return "http://" + p.address + "/"
}

// topic is where they come out.
func (p *program) topic() string {
	if p.kind == deskbell {
		return "deskbell/bench/event/#"
	}
	return "floor/event"
}

// ready waits until the program can store and has its broker, if that is there.
func (p *program) ready(ctx context.Context) error {
	if p.kind == floor {
		return p.process.await(ctx, "listens", func() bool { return listens(p.address) })
	}
	if err := p.process.await(ctx, "is ready", func() bool { _, err := get(ctx, p.address, "/readyz"); return err == nil }); err != nil {
		return err
	}
	if p.setting.broker.process == nil {
		return nil
	}
	return p.process.await(ctx, "is connected", func() bool {
		page, err := get(ctx, p.admin, "/metrics")
		return err == nil && metric(page, `deskbell_forward_connected{forward="hub"}`) == 1
	})
}

// stop ends the program. A tracer ends with what it traces.
func (p *program) stop() {
	if len(p.setting.tracer) > 0 {
		if pid, err := process.Child(p.process.PID()); err == nil {
			p.process.stopTraced(pid)
			return
		}
	}
	p.process.stop()
}

// commits returns how many there were.
func (p *program) commits(ctx context.Context) (float64, error) {
	if p.kind == floor {
		page, err := get(ctx, p.address, "/")
		if err != nil {
			return 0, err
		}
		return strconv.ParseFloat(strings.TrimSpace(page), 64)
	}
	page, err := get(ctx, p.admin, "/metrics")
	return metric(page, "deskbell_storage_commit_seconds_count"), err
}

// poster posts to the program.
func (p *program) poster(connections int) load.Poster {
	return load.Poster{URL: p.url(), Token: token, Connections: connections, Bare: p.setting.lines}
}

// get returns a page of 200.
func get(ctx context.Context, address, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s", path, answer.Status)
	}
	return string(b), err
}

// build makes both programs, for ARMv6 where arm is set, and returns their
// paths.
func build(ctx context.Context, root, dir string, arm bool) (map[kind]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	programs := map[kind]string{}
	for k, source := range map[kind]string{deskbell: "./cmd/deskbell", floor: "./floor"} {
		out := filepath.Join(dir, string(k))
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", out, source)
		cmd.Dir = root
		if k == floor {
			cmd.Dir = filepath.Join(root, "packaging", "bench")
		}
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if arm {
			cmd.Env = append(cmd.Env, "GOOS=linux", "GOARCH=arm", "GOARM=6")
		}
		if b, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", k, err, b)
		}
		programs[k] = out
	}
	return programs, nil
}
