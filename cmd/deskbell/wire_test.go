//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/agent/mqtt/mqtttest"
)

// TestEveryRowOfTheWebhook asks the running program what the README's table of
// answers promises. Each case also says how many events must be stored by it.
func TestEveryRowOfTheWebhook(t *testing.T) {
	p := newProgram(t, `tokens = ["right", "former"]
token_in = ["header:X-Acme-Key", "query:key", "body:auth.token"]
max_body = "4KiB"`, "")
	p.start()

	sample := string(event.Samples()[1].Data)
	fresh := func(n int) string {
		return fmt.Sprintf(`{"event":{"type":"message","payload":{}},"conversation":{"key":"%d"},"timestamp":"2026-01-02 03:04:05.000001"}`, n)
	}
	batch := `{"events":[` + fresh(1) + "," + fresh(2) + "," + fresh(1) + `]}`
	deep := `{"events":[{"event":` + strings.Repeat("[", 1100) + strings.Repeat("]", 1100) + `}]}`
	const asText, asJSON = "text/plain", "application/json"
	cases := []struct {
		name   string
		method string // POST when empty
		query  string
		header []string
		body   string
		status int
		answer string // exact when it is a token, else a part
		kind   string // of the answer
		stored int
	}{
		{name: "a right token and an event are stored, and the token comes back", header: []string{"X-Webhook-Token: right"}, body: sample, status: 200, answer: "right", kind: asText, stored: 1},
		{name: "the same event again is nothing new", header: []string{"X-Webhook-Token: right"}, body: sample, status: 200, answer: "right", kind: asText},
		{name: "several events are stored each once", header: []string{"X-Webhook-Token: right"}, body: batch, status: 200, answer: "right", kind: asText, stored: 2},
		{name: "the check on saving has no events", body: `{"token":"right"}`, status: 200, answer: `{"token":"right"}`, kind: asJSON},
		{name: "an empty list is a check too", header: []string{"Token: right"}, body: `{"events":[]}`, status: 200, answer: "right", kind: asText},
		{name: "events may be null", header: []string{"Token: right"}, body: `{"events":null}`, status: 200, answer: "right", kind: asText},
		{name: "an empty body is a check too", header: []string{"Token: right"}, status: 200, answer: "right", kind: asText},

		{name: "the token may be the raw Authorization", header: []string{"Authorization: right"}, body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be a Bearer", header: []string{"Authorization: Bearer right"}, body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be a Token", header: []string{"Authorization: Token right"}, body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be in X-Token", header: []string{"X-Token: right"}, body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be in the query", query: "?token=right", body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be in the body beside events", body: `{"token":"right","events":[` + fresh(3) + `]}`, status: 200, answer: `{"token":"right"}`, kind: asJSON, stored: 1},
		{name: "the token may be in a configured header", header: []string{"X-Acme-Key: right"}, body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be in a configured query key", query: "?key=right", body: `{}`, status: 200, answer: "right", kind: asText},
		{name: "the token may be in a configured place of the body", body: `{"auth":{"token":"right"}}`, status: 200, answer: `{"token":"right"}`, kind: asJSON},
		{name: "the former token is right while it is replaced", header: []string{"Token: former"}, body: `{}`, status: 200, answer: "former", kind: asText},
		{name: "a wrong token elsewhere does not matter", query: "?token=wrong", header: []string{"Authorization: Basic abc", "X-Token: right"}, body: `{}`, status: 200, answer: "right", kind: asText},

		{name: "an unknown type is stored", header: []string{"Token: right"}, body: `{"events":[{"event":{"type":"moon_phase"}}]}`, status: 200, answer: "right", kind: asText, stored: 1},
		{name: "missing fields are stored", header: []string{"Token: right"}, body: `{"events":[{}]}`, status: 200, answer: "right", kind: asText, stored: 1},
		{name: "a wrong type inside an element counts as missing", header: []string{"Token: right"}, body: `{"events":[{"event":7,"conversation":"x","timestamp":{}}]}`, status: 200, answer: "right", kind: asText, stored: 1},

		{name: "no token is refused", body: sample, status: 401, answer: `"error"`, kind: asJSON},
		{name: "a wrong token is refused", header: []string{"Token: wrong"}, body: sample, status: 401, answer: `"error"`, kind: asJSON},
		{name: "an empty token is no token", header: []string{"Token: "}, body: sample, status: 401, answer: `"error"`, kind: asJSON},
		{name: "the token is looked at before the JSON", body: `nonsense`, status: 401, answer: `"error"`, kind: asJSON},

		{name: "what is not JSON is told", header: []string{"Token: right"}, body: `{"events":[`, status: 400, answer: `"error"`, kind: asJSON},
		{name: "what is not UTF-8 is told", header: []string{"Token: right"}, body: "{\"events\":[{\"a\":\"\xff\"}]}", status: 400, answer: `"error"`, kind: asJSON},
		{name: "a body that is no object is told", header: []string{"Token: right"}, body: `[]`, status: 400, answer: `"error"`, kind: asJSON},
		{name: "a body nested too deep is told", header: []string{"Token: right"}, body: deep, status: 400, answer: `"error"`, kind: asJSON},
		{name: "events of another type are told", header: []string{"Token: right"}, body: `{"events":{}}`, status: 400, answer: `events`, kind: asJSON},
		{name: "an element that is no object is told, and nothing of the body is stored", header: []string{"Token: right"}, body: `{"events":[` + fresh(4) + `,5]}`, status: 400, answer: `"error"`, kind: asJSON},
		{name: "a right token in the body makes a bad list a 400", body: `{"token":"right","events":5}`, status: 400, answer: `"error"`, kind: asJSON},

		{name: "a body that is too large is refused", header: []string{"Token: right"}, body: `{"x":"` + strings.Repeat("x", 8<<10) + `"}`, status: 413, answer: `"error"`, kind: asJSON},
		{name: "GET is not POST", method: http.MethodGet, header: []string{"Token: right"}, status: 405},
		{name: "PUT is not POST", method: http.MethodPut, header: []string{"Token: right"}, body: sample, status: 405},
		{name: "a Content-Encoding is refused", header: []string{"Token: right", "Content-Encoding: gzip"}, body: sample, status: 415, answer: `"error"`, kind: asJSON},
		{name: "the method is looked at first", method: http.MethodDelete, header: []string{"Content-Encoding: gzip"}, status: 405},
		{name: "the size is looked at before the token", body: strings.Repeat("x", 8<<10), status: 413, answer: `"error"`, kind: asJSON},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := p.status().Storage.Records
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			req, err := http.NewRequest(method, p.url()+c.query, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range c.header {
				name, value, _ := strings.Cut(h, ": ")
				req.Header.Set(name, value)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || !strings.HasPrefix(resp.Header.Get("Content-Type"), c.kind) {
				t.Errorf("got %s %s %q", resp.Status, resp.Header.Get("Content-Type"), text)
			}
			if answer := strings.TrimSpace(string(text)); c.status == 200 && answer != c.answer || !strings.Contains(answer, c.answer) {
				t.Errorf("answered %q, want %q", answer, c.answer)
			}
			if c.status == 405 && resp.Header.Get("Allow") != "POST" {
				t.Errorf("Allow is %q", resp.Header.Get("Allow"))
			}
			if got := p.status().Storage.Records - before; got != c.stored {
				t.Errorf("%d events stored, want %d", got, c.stored)
			}
		})
	}
	refused, err := p.api().Rejected(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(refused.Refused) == 0 || len(refused.Rejected) == 0 {
		t.Errorf("nothing is kept of what was refused: %d shapes, %d bodies", len(refused.Refused), len(refused.Rejected))
	}
	for _, shape := range refused.Refused {
		if bytes.Contains(shape, []byte("wrong")) || bytes.Contains(shape, []byte("Hiiiii")) {
			t.Errorf("a shape holds a value: %s", shape)
		}
	}
}

func TestTooManyWithoutARightTokenAreToldToWait(t *testing.T) {
	p := newProgram(t, "tokens = [\"right\"]\nrate = 5", "")
	p.start()
	limited := false
	for range 50 {
		code, _, header := p.post([]byte(`{}`), "Token: wrong")
		if code == 429 {
			limited = true
			if header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		} else if code != 401 {
			t.Fatalf("got %d", code)
		}
		if code, _, _ := p.post([]byte(`{}`), "Token: right"); code != 200 {
			t.Fatalf("a right token was answered %d", code)
		}
	}
	if !limited {
		t.Error("50 wrong tokens in a row were never limited")
	}
}

func TestWithoutATokenThisMachineMayPost(t *testing.T) {
	p := newProgram(t, "", "")
	p.start()
	if code, text, _ := p.post([]byte(`{}`)); code != 200 || text != "" {
		t.Errorf("got %d %q", code, text)
	}
	if code, text, _ := p.post([]byte(`{"token":"theirs"}`)); code != 200 || strings.TrimSpace(text) != `{"token":"theirs"}` {
		t.Errorf("got %d %q", code, text)
	}
}

func TestTheReplyCanBeForced(t *testing.T) {
	for form, want := range map[string]string{"json": `{"token":"right"}`, "text": "right"} {
		p := newProgram(t, "tokens = [\"right\"]\nreply = \""+form+"\"", "")
		p.start()
		for _, token := range []string{"header", "body"} {
			body, header := `{}`, []string{"Token: right"}
			if token == "body" {
				body, header = `{"token":"right"}`, nil
			}
			if code, text, _ := p.post([]byte(body), header...); code != 200 || strings.TrimSpace(text) != want {
				t.Errorf("%s, token in the %s: got %d %q", form, token, code, text)
			}
		}
		p.kill()
	}
}

func TestSlowClientsAreCutAndHoldNobodyUp(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "", "")
	p.start()
	slow := map[string]string{
		"headers that do not end":  "POST /webhook HTTP/1.1\r\nHost: x\r\n",
		"a body that does not end": "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
	}
	ended := make(chan string, len(slow))
	for name, text := range slow {
		conn, err := net.Dial("tcp", p.webhook)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		go func() {
			answer, _ := io.ReadAll(conn) // ends when the agent cuts the connection
			if bytes.Contains(answer, []byte(" 200 ")) {
				name += " was answered 200"
			}
			ended <- name
		}()
	}
	if code, _, _ := p.post(event.Samples()[0].Data); code != 200 {
		t.Errorf("beside slow clients a post is answered %d", code)
	}
	for range slow {
		select {
		case name := <-ended:
			if _, ok := slow[name]; !ok {
				t.Error(name)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("a slow client was not cut")
		}
	}
	if n := p.status().Storage.Records; n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
}

func TestAFullStoreAnswers503AndRecovers(t *testing.T) {
	// The broker is not there, so nothing can be given up.
	nobody := freeAddress(t)
	p := newProgram(t, "", "[storage]\nmax_size = \"2MiB\"\n"+hubForward(nobody))
	p.start()
	large := strings.Repeat("x", 20<<10)
	full := false
	for i := 0; i < 500 && !full; i++ {
		code, _, header := p.post(fmt.Appendf(nil, `{"events":[{"n":%d,"x":%q}]}`, i, large))
		switch code {
		case 200:
		case 503:
			full = true
			if header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		default:
			t.Fatalf("got %d", code)
		}
	}
	if !full {
		t.Fatal("10 MB went into a store of 2 MiB")
	}
	resp, err := http.Get("http://" + p.webhook + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := bufio.NewReader(resp.Body).ReadString('\n')
	resp.Body.Close()
	if resp.StatusCode != 503 || text == "" {
		t.Errorf("/readyz says %d %q", resp.StatusCode, text)
	}
	if s := p.status(); !s.Storage.Full || s.Ready || len(s.Problems) == 0 {
		t.Errorf("the status says full %v, ready %v, problems %q", s.Storage.Full, s.Ready, s.Problems)
	}
	p.eventually("the lamp tells of it", func() bool { return p.output("lamp").Reason == "events cannot be stored" })
	sent := p.status().Storage.LastSequence
	fake := &mqtttest.Fake{}
	l, err := net.Listen("tcp", nobody)
	if err != nil {
		t.Fatal(err)
	}
	go fake.Serve(l)
	t.Cleanup(func() { l.Close(); fake.Close() })
	p.eventually("the store has room again", func() bool { return p.status().Ready })
	p.eventually("the lamp is dark", func() bool { return p.output("lamp").Reason == "" })
	if code, text, _ := p.post([]byte(`{"events":[{"after":"full"}]}`)); code != 200 {
		t.Errorf("after it had room again: %d %s", code, text)
	}
	p.eventually("all is delivered", func() bool { return p.status().Forward[0].Pending == 0 })
	if s := p.status(); s.Forward[0].AckedSequence != sent+1 {
		t.Errorf("%d stored, acknowledged up to %d", sent, s.Forward[0].AckedSequence)
	}
}
