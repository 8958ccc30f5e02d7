package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// person is somebody at a terminal of a command.
type person struct {
	t     *testing.T
	cmd   *exec.Cmd
	keys  *os.File
	sees  lockedBuffer
	seen  int // how much of that was looked at
	ended chan error
}

// sitDown starts a command on a terminal of its own.
func sitDown(t *testing.T, cmd *exec.Cmd) *person {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	must(t, unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	must(t, err)
	screen, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start(), screen.Close())
	p := &person{t: t, cmd: cmd, keys: keys, ended: make(chan error, 1)}
	read := make(chan struct{})
	go func() {
		_, _ = io.Copy(&p.sees, keys) // until the last who has the terminal is gone
		close(read)
	}()
	go func() {
		err := cmd.Wait()
		<-read
		p.ended <- err
	}()
	return p
}

// answers waits until text is on the screen, after all that was answered before,
// and types.
func (p *person) answers(text, line string) {
	p.t.Helper()
	deadline := time.After(time.Minute)
	for {
		if i := strings.Index(p.sees.String()[p.seen:], text); i >= 0 {
			p.seen += i + len(text)
			break
		}
		select {
		case <-deadline:
			p.t.Fatalf("%q is not on the screen:\n%s", text, p.sees.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if _, err := io.WriteString(p.keys, line); err != nil {
		p.t.Fatal(err)
	}
}

// leaves waits for the end of the command and returns its exit status.
func (p *person) leaves() int {
	p.t.Helper()
	select {
	case err := <-p.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			p.t.Fatal(err)
		}
	case <-time.After(time.Minute):
		p.t.Fatalf("it does not end:\n%s", p.sees.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

const ctrlC = "\x03"

func TestSetupAtATerminal(t *testing.T) {
	p, _ := setupProgram(t)
	p.start()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	who := sitDown(t, p.setupCommand(ctx, t))
	who.answers("How does the platform reach this box?", "")
	who.answers("›", "7\n")
	who.answers("write a number from 1 to 3", "")
	who.answers("›", "2\n")
	who.answers("its public address", "desk.example.org\n")
	who.answers("Which MQTT broker", "")
	who.answers("›", "desk@127.0.0.1:1\n")
	who.answers("What hangs on the pins?", "")
	who.answers("›", "\n")
	who.answers("password of desk", "")
	who.answers("›", "geheim\n")
	who.answers("https://desk.example.org/webhook", "")
	who.answers("Enter skips this.", "\n")
	who.answers("Skipped", "")
	who.answers("r rehearses it", "r\n")
	who.answers("pulses: somebody waits", "")
	who.answers("That was a rehearsal", "")
	if code := who.leaves(); code != exitGood {
		t.Fatalf("exit %d:\n%s", code, who.sees.String())
	}
	if strings.Contains(who.sees.String(), "geheim") {
		t.Error("the password is on the screen")
	}
	config, err := os.ReadFile(p.config)
	must(t, err)
	for _, want := range []string{`broker = "mqtt://127.0.0.1:1"`, `username = "desk"`, `public_url = "https://desk.example.org/webhook"`} {
		if !strings.Contains(string(config), want) {
			t.Errorf("no %s in\n%s", want, config)
		}
	}
	// Enter at each question keeps all that.
	again := sitDown(t, p.setupCommand(ctx, t, "--no-wait"))
	for range 4 {
		again.answers("›", "\n")
	}
	if code := again.leaves(); code != exitGood {
		t.Fatalf("exit %d:\n%s", code, again.sees.String())
	}
	if now, err := os.ReadFile(p.config); err != nil || string(now) != string(config) {
		t.Errorf("%v, it has become\n%s", err, now)
	}
}

func TestSetupIsStoppedAtATerminal(t *testing.T) {
	p := newProgram(t, "", "")
	before, err := os.ReadFile(p.config)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, at := range []string{"Change it?", "Which MQTT broker", "password of desk"} {
		who := sitDown(t, p.setupCommand(ctx, t, "--reach", "network"))
		who.answers("Change it?", "")
		if at != "Change it?" {
			who.answers("›", "y\n")
			who.answers("Which MQTT broker", "")
			who.answers("›", "")
		}
		if at == "password of desk" {
			who.answers("", "desk@hub\n")
			who.answers("What hangs on the pins?", "")
			who.answers("›", "\n")
			who.answers("password of desk", "")
		}
		who.answers("", ctrlC)
		if code := who.leaves(); code != exitFailed || !strings.Contains(who.sees.String(), "stopped before anything was changed") {
			t.Errorf("at %s: exit %d:\n%s", at, code, who.sees.String())
		}
	}
	if now, err := os.ReadFile(p.config); err != nil || string(now) != string(before) {
		t.Errorf("%v, it was changed into\n%s", err, now)
	}

	p.setup(t, "--yes", "--force")
	p.start()
	who := sitDown(t, p.setupCommand(ctx, t, "--reach", "network", "--broker", "embedded", "--pins", "simulated"))
	who.answers("Enter skips this.", ctrlC)
	if code := who.leaves(); code != exitGood || !strings.Contains(who.sees.String(), "The desk is set up and goes on") {
		t.Errorf("while it waits: exit %d:\n%s", code, who.sees.String())
	}
}
