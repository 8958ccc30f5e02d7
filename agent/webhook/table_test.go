package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"deskbell/agent/event"
	"deskbell/storage"
)

const (
	right = "X-Token: secret"
	wrong = "X-Token: guess"
)

var guarded = Config{Tokens: []string{"secret", "older"}}

// These are the rows of the promise to the platform, in their order.

func TestEventsAreStoredBeforeTheAnswer(t *testing.T) {
	k := start(t, guarded)
	k.store.begun, k.store.hold = make(chan struct{}), make(chan struct{})
	done := make(chan got)
	go func() { done <- k.post("/webhook", `{"events":[{"n":1},{"n":2}]}`, right) }()
	<-k.store.begun
	select {
	case g := <-done:
		t.Fatalf("answered before: %+v", g)
	default:
	}
	close(k.store.hold)
	g := <-done
	k.want(g, 200, "secret")
	if g.form() != "text/plain" || k.store.stored() != 2 || len(k.store.commits) != 1 {
		t.Errorf("%s, %d events in %d commits", g.form(), k.store.stored(), len(k.store.commits))
	}
}

func TestTheSameEventAgainIsNotStoredAgain(t *testing.T) {
	k := start(t, guarded)
	for range 3 {
		k.want(k.post("/webhook", `{"events":[{"n":1,"m":2}]}`, right), 200, "secret")
		k.want(k.post("/webhook", `{"events": [ {"m":2, "n":1}, {"n":1,"m":2} ]}`, right), 200, "secret")
	}
	if c := k.handler.Counts(); k.store.stored() != 1 || c != (Counts{Accepted: 1, Duplicates: 8}) || k.seen.duplicates != 8 {
		t.Errorf("%d stored, %+v, %d", k.store.stored(), c, k.seen.duplicates)
	}
}

func TestPostsWithoutEvents(t *testing.T) {
	k := start(t, guarded)
	for _, body := range []string{``, ` `, "\r\n\t", `{}`, `{"events":[]}`, `{"events":null}`, `{"token":"x","other":1}`} {
		k.want(k.post("/webhook", body, right), 200, "secret")
	}
	k.want(k.raw("POST /webhook HTTP/1.1\r\nHost: a\r\n"+right+"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 200, "secret")
	k.want(k.raw("POST /webhook HTTP/1.0\r\n"+right+"\r\n\r\n"), 200, "secret")
	if len(k.store.commits) != 0 {
		t.Error("something was stored")
	}
}

func TestElementsThatAreNotUnderstoodAreStored(t *testing.T) {
	k := start(t, guarded)
	body := `{"extra":{"a":[1]},"events":[{},{"event":{"type":"never heard of"}},{"event":{"type":["message"],"payload":7}},` +
		`{"event":{"type":"message"},"more":[null]},{"event":{"type":"mess\u0061ge","payload":{"message":"x"}},"account":3}]}`
	k.want(k.post("/webhook", body, right), 200, "secret")
	if k.store.stored() != 5 || k.seen.kinds[event.Other] != 3 || k.seen.kinds[event.Message] != 2 {
		t.Errorf("%d stored, %v", k.store.stored(), k.seen.kinds)
	}
	if got := string(k.store.entries[4].Data); got != `{"event":{"type":"mess\u0061ge","payload":{"message":"x"}},"account":3}` {
		t.Errorf("stored as %s", got)
	}
}

func TestWrongOrNoToken(t *testing.T) {
	k := start(t, guarded)
	for _, lines := range [][]string{{}, {wrong}, {"X-Token:"}, {"Authorization: Bearer"}, {"Authorization: Bearer guess"}} {
		for _, body := range []string{`{"events":[{"n":1}]}`, `{"token":"guess"}`, `{"token":["secret"]}`, ``, `not JSON`, `{"token":"secret"`} {
			g := k.post("/webhook?token=", body, lines...)
			if k.refused(g, 401); g.header.Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
		}
	}
	if k.store.stored() != 0 || len(k.store.remembered(ListRejected)) != 0 || len(k.store.remembered(ListRefused)) != 30 {
		t.Errorf("%d events, %d shapes", k.store.stored(), len(k.store.remembered(ListRefused)))
	}
	if k.handler.Counts().Rejected != 30 || k.seen.codes[401] != 30 {
		t.Errorf("%+v, %v", k.handler.Counts(), k.seen.codes)
	}
}

func TestOfARefusedRequestOnlyTheShapeIsKept(t *testing.T) {
	k := start(t, guarded)
	k.post("/webhook?token=QQ1&barekey-QQ2&k=QQ3&k=QQ45", `{"token":"QQ5","events":[{"a":"QQ6"}],"\u0061b":12}`,
		"X-Token: QQ7", "X-Token: QQ89", "User-Agent: QQ9")
	kept := string(k.store.remembered(ListRefused)[0])
	if strings.Contains(kept, "QQ") {
		t.Fatalf("a value is kept: %s", kept)
	}
	var s Shape
	if err := json.Unmarshal([]byte(kept), &s); err != nil {
		t.Fatal(err)
	}
	if s.Address != "127.0.0.1" || s.Headers["X-Token"] != 7 || s.Headers["User-Agent"] != 3 || s.Query["token"] != 3 ||
		s.Query["(no name)"] != 11 || s.Query["k"] != 7 || s.Bytes != 51 || fmt.Sprint(s.Body) != "map[ab:2 events:13 token:5]" {
		t.Errorf("%s", kept)
	}
	long := strings.Repeat("n", 500)
	k.post("/webhook?"+long+"=1", `{"`+long+`":1}`, "X-"+long+": 1")
	for range 40 {
		long += "x&y" + strconv.Itoa(len(long)) + "=1"
	}
	k.post("/webhook?"+long, "")
	for _, kept := range k.store.remembered(ListRefused) {
		if len(kept) > 4000 || strings.Contains(string(kept), strings.Repeat("n", 80)) {
			t.Errorf("%d bytes are kept: %s", len(kept), kept)
		}
	}
}

func TestBodiesThatCannotBeUnderstood(t *testing.T) {
	k := start(t, guarded)
	deep := strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)
	k.want(k.post("/webhook", deep, right), 200, "secret")
	bodies := map[string]string{
		`x`: "at byte 0", `{"events":[}`: "at byte 11", "{\n\"events\":\n[1 2]}": "line 3", "{\"a\":\"\xff\"}": "UTF-8", "\ufeff{}": "at byte 0",
		`[]`: "not an object", `null`: "not an object", `"secret"`: "not an object", `{"a":` + deep + `}`: "deeper than 1,000",
		`{"events":{}}`: "neither a list nor null", `{"events":"a"}`: "neither", `{"events":[{},[]]}`: "element 2", `{"events":[{},null]}`: "element 2",
		`{} {}`: "after the value", `{"events":[{"n":1}],}`: "name in quotes",
	}
	for body, what := range bodies {
		g := k.post("/webhook", body, right)
		if k.refused(g, 400); !strings.Contains(g.body, what) {
			t.Errorf("%.40q: %s", body, g.body)
		}
	}
	kept := k.store.remembered(ListRejected)
	if len(kept) != len(bodies) || k.store.stored() != 0 {
		t.Fatalf("%d bodies, %d events", len(kept), k.store.stored())
	}
	for _, data := range kept {
		var r Rejected
		if err := json.Unmarshal(data, &r); err != nil || bodies[string(r.Body)] == "" || r.Bytes != len(r.Body) ||
			!strings.Contains(r.Reason, bodies[string(r.Body)]) {
			t.Errorf("%s: %v", data, err)
		}
	}
	k.refused(k.post("/webhook", strings.Repeat("x", 100_000), right), 400)
	var r Rejected
	last := k.store.remembered(ListRejected)[len(kept)]
	if err := json.Unmarshal(last, &r); err != nil || len(r.Body) != 64<<10 || r.Bytes != 100_000 {
		t.Errorf("%d of %d bytes, %v", len(r.Body), r.Bytes, err)
	}
}

func TestLargerThanAllowed(t *testing.T) {
	k := start(t, Config{Tokens: guarded.Tokens, MaxBody: 1000})
	fits := `{"events":[{"a":"` + strings.Repeat("x", 1000-len(`{"events":[{"a":""}]}`)) + `"}]}`
	k.want(k.post("/webhook", fits, right), 200, "secret")
	// Announced: the answer comes though nothing of the body does.
	g := k.raw("POST /webhook HTTP/1.1\r\nHost: a\r\n" + right + "\r\nContent-Length: 1001\r\n\r\n")
	if k.refused(g, 413); !g.closed {
		t.Error("the connection stays")
	}
	// Not announced: it comes when the limit is passed, without an end of the body.
	chunked := "POST /webhook HTTP/1.1\r\nHost: a\r\n" + right + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	g = k.raw(chunked + "3e9\r\n" + strings.Repeat("x", 1001))
	if k.refused(g, 413); !g.closed {
		t.Error("the connection stays")
	}
	k.want(k.raw(chunked+"3e8\r\n"+strings.Replace(fits, "x", "y", 1)+"\r\n0\r\n\r\n"), 200, "secret")
	// As sent by somebody who does not look at the answer before all is written.
	k.refused(k.post("/webhook", strings.Repeat("x", 5<<20), right), 413)
	if k.store.stored() != 2 || k.seen.codes[413] != 3 {
		t.Errorf("%d stored, %v", k.store.stored(), k.seen.codes)
	}
}

func TestOtherMethods(t *testing.T) {
	k := start(t, guarded)
	for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "FOO"} {
		g := k.raw(k.request(method, "/webhook?token=secret", "", right))
		if k.refused(g, 405); g.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", method, g.header.Get("Allow"))
		}
	}
	if g := k.raw(k.request("PUT", "/webhook", `{"events":[{}]}`, right)); g.code != 405 || !g.closed {
		t.Errorf("%+v", g)
	}
}

func TestContentEncoding(t *testing.T) {
	k := start(t, guarded)
	for _, e := range []string{"gzip", "br", "identity, gzip", "x"} {
		k.refused(k.post("/webhook", `{"events":[{"n":1}]}`, right, "Content-Encoding: "+e), 415)
		k.refused(k.post("/webhook", strings.Repeat("x", 2<<20), "Content-Encoding: "+e), 415) // before size and token
	}
	k.want(k.post("/webhook", `{"events":[{"n":1}]}`, right, "Content-Encoding: identity"), 200, "secret")
	k.want(k.post("/webhook", `{"events":[{"n":2}]}`, right, "Content-Encoding:"), 200, "secret")
}

func TestSizeComesBeforeToken(t *testing.T) {
	k := start(t, Config{Tokens: guarded.Tokens, MaxBody: 100})
	k.refused(k.post("/webhook", strings.Repeat("x", 101), wrong), 413)
	k.refused(k.raw(k.request("GET", "/webhook", strings.Repeat("x", 101), "Content-Encoding: gzip")), 405)
}

func TestWhatCannotBeMadeDurable(t *testing.T) {
	k := start(t, guarded)
	n := 0
	for _, err := range []error{storage.ErrFull, storage.ErrNoSpace, storage.ErrBroken, storage.ErrClosed} {
		k.store.fail(fmt.Errorf("store /var/x: %w", err))
		n++
		body := fmt.Sprintf(`{"events":[{"n":%d}]}`, n)
		g := k.post("/webhook", body, right)
		if k.refused(g, 503); g.header.Get("Retry-After") == "" || !strings.Contains(g.body, err.Error()) || strings.Contains(g.body, "/var") {
			t.Errorf("%q, %s", g.header, g.body)
		}
		k.refused(k.post("/webhook", body), 401)
		k.want(k.post("/webhook", "", right), 200, "secret")
		ready := k.raw(k.request("GET", "/readyz", ""))
		k.want(ready, 503, "store /var/x: "+err.Error()+"\n")
		k.want(k.raw(k.request("GET", "/healthz", "")), 200, "ok\n")
		k.store.fail(nil)
		k.want(k.raw(k.request("GET", "/readyz", "")), 200, "ready\n")
		k.want(k.post("/webhook", body, right), 200, "secret")
	}
	if k.store.stored() != n || k.handler.Counts() != (Counts{Accepted: uint64(n), Rejected: uint64(n)}) {
		t.Errorf("%d stored, %+v", k.store.stored(), k.handler.Counts())
	}
}

func TestDrainRefusesWhatIsNewAndFinishesWhatIsInFlight(t *testing.T) {
	k := start(t, guarded)
	k.store.begun, k.store.hold = make(chan struct{}), make(chan struct{})
	done := make(chan got)
	go func() { done <- k.post("/webhook", `{"events":[{"n":1}]}`, right) }()
	<-k.store.begun
	k.handler.Stop(false)
	if g := k.post("/webhook", `{"events":[{"n":2}]}`, right); g.code != 503 || g.header.Get("Retry-After") == "" {
		t.Errorf("%+v", g)
	}
	k.want(k.raw(k.request("GET", "/readyz", "")), 503, "stopping\n")
	k.want(k.raw(k.request("GET", "/healthz", "")), 200, "ok\n")
	close(k.store.hold)
	k.want(<-done, 200, "secret")
}

func TestHealthAndOtherPaths(t *testing.T) {
	k := start(t, guarded)
	k.want(k.raw(k.request("GET", "/healthz", "")), 200, "ok\n")
	k.want(k.raw(k.request("GET", "/readyz?x=1", "")), 200, "ready\n")
	c := k.dial()
	if _, err := c.Write([]byte("HEAD /healthz HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	if n, _ := c.Read(answer); !strings.HasPrefix(string(answer[:n]), "HTTP/1.0 200") || !strings.HasSuffix(string(answer[:n]), "\r\n\r\n") {
		t.Errorf("HEAD: %q", answer[:n])
	}
	if g := k.post("/healthz", `{}`, right); g.code != 405 || g.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%+v", g)
	}
	for _, target := range []string{"/", "/webhook/", "/webhookx", "/Webhook", "/x/../webhook", "//webhook"} {
		k.refused(k.post(target, `{"events":[{"n":1}]}`, right), 404)
	}
	if k.store.stored() != 0 || len(k.seen.codes) != 0 {
		t.Errorf("%d stored, %v counted", k.store.stored(), k.seen.codes)
	}
	other := start(t, Config{Path: "/hooks/chat desk"})
	other.want(other.post("/hooks/chat%20desk", `{"events":[{"n":1}]}`), 200, "")
	other.refused(other.post("/webhook", `{}`), 404)
}
