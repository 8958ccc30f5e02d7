package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browserTimeout bounds each wait; a loaded machine takes its time to start a
// browser.
const browserTimeout = 90 * time.Second

// browser is a Chromium without a window, steered over its debugging pipe
// (Chrome DevTools Protocol: JSON messages ended by a zero byte).
type browser struct {
	t       *testing.T
	out     *os.File
	session string

	mu      sync.Mutex
	next    int
	answers map[int]chan answer
	faults  []string // what the page complained about
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// startBrowser starts the Chromium of this machine; the test is skipped where
// there is none.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no chromium on this machine")
	}
	ctx, cancel := context.WithCancel(context.Background())
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, out: ourOut, answers: make(map[int]chan answer)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.listen(ourIn)
	}()
	t.Cleanup(func() {
		if ctx.Err() == nil {
			b.session = ""
			b.call("Browser.close", nil)
		}
		_ = cmd.Wait()
		cancel()
		ourOut.Close()
		<-ended
		ourIn.Close()
	})
	return b
}

func (b *browser) listen(in *os.File) {
	r := bufio.NewReader(in)
	for {
		message, err := r.ReadBytes(0)
		b.mu.Lock()
		if err != nil {
			for _, c := range b.answers {
				close(c)
			}
			b.answers = nil
			b.mu.Unlock()
			return
		}
		var a answer
		if json.Unmarshal(message[:len(message)-1], &a) == nil {
			switch {
			case a.ID != 0 && b.answers[a.ID] != nil:
				b.answers[a.ID] <- a
				delete(b.answers, a.ID)
			case a.Method == "Runtime.exceptionThrown", a.Method == "Log.entryAdded":
				b.faults = append(b.faults, string(a.Params))
			}
		}
		b.mu.Unlock()
	}
}

func (b *browser) call(method string, params any) json.RawMessage {
	b.t.Helper()
	c := make(chan answer, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	if b.answers == nil {
		b.mu.Unlock()
		b.t.Fatalf("%s: the browser has ended", method)
	}
	b.answers[id] = c
	b.mu.Unlock()
	message := map[string]any{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	data, err := json.Marshal(message)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(data, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case a, ok := <-c:
		if !ok || a.Error != nil {
			b.t.Fatalf("%s: %+v", method, a.Error)
		}
		return a.Result
	case <-time.After(browserTimeout):
		b.t.Fatalf("%s: no answer", method)
	}
	return nil
}

// open shows url in a tab, to which everything that follows goes.
func (b *browser) open(url string) {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	decode(b.t, b.call("Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	decode(b.t, b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &target)
	b.session = target.SessionID
	b.call("Runtime.enable", nil)
	b.call("Log.enable", nil)
	b.call("Page.enable", nil)
	b.call("Page.navigate", map[string]any{"url": url})
}

func decode(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// eval returns what a script says, as text.
func (b *browser) eval(script string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	decode(b.t, b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}), &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, r.ExceptionDetails)
	}
	return fmt.Sprint(r.Result.Value)
}

// wait asks until a condition holds.
func (b *browser) wait(condition string) {
	b.t.Helper()
	deadline := time.After(browserTimeout)
	for b.eval(condition) != "true" {
		select {
		case <-deadline:
			b.t.Fatalf("%s does not come true; the page says\n%s", condition, b.eval(`document.body.innerText`))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.eval(`document.querySelector(` + "`" + selector + "`" + `).click()`)
}

// complaints returns what scripts and the security policy reported.
func (b *browser) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.faults, "\n")
}
