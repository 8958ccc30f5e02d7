package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"deskbell/packaging/bench/process"
)

// An agent is the program, run as a user would run it.
type agent struct {
	binary  string
	dir     string // of configuration and logs
	data    string // its data folder
	address string // of the webhook
	admin   string
	process *process.Process // nil: it is stopped
	output  *os.File
	starts  int
	began   time.Time
}

const token = "right"

func newAgent(binary, dir, data, broker string, maxSize int64) (*agent, error) {
	free, err := process.Addresses(2)
	if err != nil {
		return nil, err
	}
	a := &agent{binary: binary, dir: dir, data: data, address: free[0], admin: free[1]}
	config := fmt.Sprintf("device = \"soak\"\ndata_dir = %q\nwebhook = { listen = %q, tokens = [%q], rate = 0 }\nadmin = { listen = %q }\n"+
		"storage = { max_size = \"%dMiB\", when_full = \"refuse\" }\n[[forward]]\nname = \"hub\"\nbroker = \"mqtt://%s\"\n",
		data, a.address, token, a.admin, maxSize>>20, broker)
	return a, os.WriteFile(a.config(), []byte(config), 0o600)
}

func (a *agent) config() string { return filepath.Join(a.dir, "deskbell.toml") }
func (a *agent) clock() string  { return filepath.Join(a.dir, "clock") }
func (a *agent) store() string  { return filepath.Join(a.data, "deskbell.db") }
func (a *agent) url() string    { return "http://" + a.address + "/webhook" }
func (a *agent) env() []string {
	return []string{"DESKBELL_SOAK_CLOCK=" + a.clock(), "GORACE=halt_on_error=0", "GOTRACEBACK=all"}
}

func (a *agent) log() string { return filepath.Join(a.dir, fmt.Sprintf("agent-%03d.log", a.starts)) }

func (a *agent) start() (err error) {
	a.starts++
	if a.output, err = os.Create(a.log()); err != nil {
		return err
	}
	a.began = time.Now()
	a.process, err = process.Start(a.output, a.env(), a.binary, "run", "--config", a.config())
	return err
}

// ended reads what the agent has said in its life, which is over, and returns
// what it must never say.
func (a *agent) ended(dumped bool) (faults []string, goroutines int, err error) {
	a.process = nil
	if err := a.output.Close(); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(a.log())
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if goroutine.MatchString(line) {
			goroutines++
		}
		if fatal.MatchString(line) || !dumped && goroutine.MatchString(line) && goroutines == 1 {
			faults = append(faults, fmt.Sprintf("%s: %s", filepath.Base(a.log()), line))
		}
	}
	return faults, goroutines, lines.Err()
}

var (
	fatal     = regexp.MustCompile(`^panic: |^fatal error: |DATA RACE|^unexpected fault address`)
	goroutine = regexp.MustCompile(`^goroutine \d+ .*\[`)
)

// How long a stop may take.
const stopTime = 10 * time.Second

// stop ends the agent as a service manager does, and says what was wrong.
func (a *agent) stop() (took time.Duration, fault string) {
	began := time.Now()
	inTime := a.process.End(syscall.SIGTERM, stopTime)
	switch _, err := a.process.Wait(); {
	case !inTime:
		fault = fmt.Sprintf("not ended %v after SIGTERM", stopTime)
	case err != nil:
		fault = fmt.Sprintf("ended by SIGTERM with %v", err)
	}
	return time.Since(began), fault
}

// run runs a command of the program beside the agent.
func (a *agent) run(ctx context.Context, args ...string) (output string, code int, err error) {
	f, err := os.CreateTemp(a.dir, "command-*.log")
	if err != nil {
		return "", 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	p, err := process.Start(f, a.env(), a.binary, append(args, "--config", a.config())...)
	if err != nil {
		return "", 0, err
	}
	select {
	case <-p.Ended():
	case <-ctx.Done():
		p.Signal(syscall.SIGKILL)
	case <-time.After(time.Minute):
		p.Signal(syscall.SIGABRT)
	}
	code, _ = p.Wait()
	b, err := os.ReadFile(f.Name())
	return string(b), code, err
}
