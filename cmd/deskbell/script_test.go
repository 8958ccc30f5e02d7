//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"deskbell/agent/mqtt/mqtttest"
)

// TestScripts holds the command line against testdata/script. The scripts'
// own commands are
//
//	expand FILE…     replaces $WEBHOOK, $ADMIN, $BROKER and $WORK in files
//	exits N COMMAND… runs a command that must end with the status N
//	until PATTERN COMMAND…
//	                 runs a command until its output matches
//	mosquitto LINE…  starts a broker with these configuration lines; $BROKER is
//	                 its address from then on
//	damage FILE TEXT flips a bit wherever a file has a text
//	subscribe FILTER begins to collect messages from $BROKER
//	received COUNT   waits until so many messages were collected, and keeps all,
//	                 a line each, as stdout does
//	isready          waits until the agent that was started takes events
//	http STATUS METHOD URL [BODY [HEADER…]]
//	                 asks, checks the status, and keeps the answer as stdout does
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("WEBHOOK", freeAddress(t))
			e.Setenv("ADMIN", freeAddress(t))
			e.Setenv("BROKER", freeAddress(t))
			e.Setenv("HOME", e.WorkDir)
			e.Values[subscriber{}] = new(subscriber)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"expand":  expand,
			"exits":   exits,
			"isready": isReady,
			"until":   until,
			"mosquitto": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv("BROKER", mqtttest.StartMosquitto(t, args...).Addr)
			},
			"damage":    damage,
			"subscribe": subscribeCommand,
			"received":  receivedCommand,
			"http":      httpCommand,
		},
	})
}

// expand replaces $NAME in files of the script by the environment.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		for _, v := range []string{"WEBHOOK", "ADMIN", "BROKER", "WORK"} {
			text = strings.ReplaceAll(text, "$"+v, ts.Getenv(v))
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT…]")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// until runs a command until its output matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND [ARGUMENT…]")
	}
	pattern := regexp.MustCompile(args[0])
	deadline := time.Now().Add(time.Minute)
	for {
		err := ts.Exec(args[1], args[2:]...)
		text := ts.ReadFile("stdout")
		if err == nil && pattern.MatchString(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not within a minute: %v\n%s", err, text)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// damage flips a bit wherever a file has a text.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE TEXT")
	}
	other := []byte(args[1])
	other[0] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(ts.ReadFile(args[0]), args[1], string(other))), 0o640))
}

// subscriber is what a script collects messages with.
type subscriber struct{ *mqtttest.Subscriber }

func subscribeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: subscribe FILTER")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, stop, err := mqtttest.Subscribe(ctx, ts.Getenv("BROKER"), args[0])
	ts.Check(err)
	ts.Defer(stop)
	ts.Value(subscriber{}).(*subscriber).Subscriber = s
}

func receivedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: received COUNT")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := ts.Value(subscriber{}).(*subscriber)
	enough := s.Wait(ctx, func(all []mqtttest.Publish) bool { return len(all) >= n })
	for _, m := range s.Messages() {
		_, err := fmt.Fprintf(ts.Stdout(), "%s %s\n", m.Topic, m.Payload)
		ts.Check(err)
	}
	if !enough {
		ts.Fatalf("%d messages within a minute, want %d", len(s.Messages()), n)
	}
}

// isReady waits until the agent takes events.
func isReady(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := http.Get("http://" + ts.Getenv("WEBHOOK") + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the agent is not ready: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [BODY [HEADER…]]")
	}
	body := ""
	if len(args) > 3 {
		body = args[3]
	}
	req, err := http.NewRequest(args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	for _, h := range args[min(4, len(args)):] {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: got %s, want %s: %s", args[1], args[2], got, args[0], text)
	}
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}

func freeAddress(t testing.TB) string { return fmt.Sprintf("127.0.0.1:%d", mqtttest.FreePort(t)) }
