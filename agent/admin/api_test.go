package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deskbell/storage"
)

func testLog() *fakeLog {
	return newFakeLog(created, message("one"), message("two"), `not JSON at all`, message("three"))
}

func sequences(p EventPage) string {
	text := ""
	for _, e := range p.Events {
		text += fmt.Sprint(e.Sequence, " ")
	}
	return fmt.Sprintf("%snext %d", text, p.Next)
}

func TestEventsPage(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	for name, c := range map[string]struct{ query, want string }{
		"everything without arguments":                    {"", "1 2 3 4 5 next 5"},
		"what follows a sequence":                         {"?after=3", "4 5 next 5"},
		"a limit ends the page at the last one looked at": {"?limit=2", "1 2 next 2"},
		"after the end next is after itself":              {"?after=5", "next 5"},
		"beyond the end next is after itself":             {"?after=900", "next 900"},
		"one kind, and next is past those of others":      {"?kind=message", "2 3 5 next 5"},
		"one kind with a limit":                           {"?kind=message&limit=2", "2 3 next 3"},
		"a kind that no event has":                        {"?kind=note", "next 5"},
		"what cannot be decoded is other":                 {"?kind=other", "4 next 5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, "GET", "/api/events"+c.query, "")
			var page EventPage
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%d %s: %v", w.Code, w.Body, err)
			}
			if got := sequences(page); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestEventItemHasTheKeysOfTheContract(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), newFakeLog(message("Hiiiii"))).Handler(false)
	want := `{"events":[{"sequence":1,"id":"00000000000000000000000000000001","kind":"message","type":"message",` +
		`"received":"2026-03-06T14:03:01Z","time":"2026-03-06T14:03:00.5Z","conversation":"c1","summary":"visitor: Hiiiii"}],"next":1}`
	if got := strings.TrimSpace(serve(h, "GET", "/api/events", "").Body.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	empty := newTestServer(t, Config{}, newFakeAgent(), newFakeLog()).Handler(false)
	if got := strings.TrimSpace(serve(empty, "GET", "/api/events", "").Body.String()); got != `{"events":[],"next":0}` {
		t.Errorf("of an empty store: %s", got)
	}
}

func TestOneEventCarriesItsDataByteForByte(t *testing.T) {
	element := `{ "event" : {"type":"message","payload":{"n":1.0e5,"big":12345678901234567890,"x":"<\u00e9>&"}} }`
	h := newTestServer(t, Config{}, newFakeAgent(), newFakeLog(element, "not JSON \xff")).Handler(true)
	w := serve(h, "GET", "/api/events/1", "")
	if !strings.HasSuffix(strings.TrimSpace(w.Body.String()), `,"data":`+element+`}`) {
		t.Errorf("got %s", w.Body)
	}
	var detail EventDetail
	if err := json.Unmarshal(w.Body.Bytes(), &detail); err != nil || string(detail.Data) != element {
		t.Errorf("read back %s: %v", detail.Data, err)
	}
	w = serve(h, "GET", "/api/events/2", "")
	if err := json.Unmarshal(w.Body.Bytes(), &detail); err != nil || string(detail.Data) != `"not JSON \ufffd"` {
		t.Errorf("of what is not JSON: %s: %v", w.Body, err)
	}
}

func TestRequestsThatCannotBeAnswered(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	for name, c := range map[string]struct {
		method, target string
		code           int
		text           string
	}{
		"an after that is no number":       {"GET", "/api/events?after=x", 400, "after"},
		"an after below zero":              {"GET", "/api/events?after=-1", 400, "after"},
		"a limit that is no number":        {"GET", "/api/events?limit=many", 400, "limit"},
		"a limit of zero":                  {"GET", "/api/events?limit=0", 400, "1000"},
		"a limit above the largest":        {"GET", "/api/events?limit=1001", 400, "1000"},
		"a kind that does not exist":       {"GET", "/api/events?kind=chat", 400, "sla_breached"},
		"a sequence that is no number":     {"GET", "/api/events/x", 400, "sequence"},
		"a why of what is no number":       {"GET", "/api/why?sequence=x", 400, "sequence"},
		"a why of nothing":                 {"GET", "/api/why?sequence=0", 400, "sequence"},
		"a why of what is not there":       {"GET", "/api/why?sequence=77", 404, "holds 1 to 5"},
		"a sequence that is not there":     {"GET", "/api/events/77", 404, "holds 1 to 5"},
		"a stream after what is no number": {"GET", "/api/stream?after=x", 400, "after"},
		"an address that does not exist":   {"GET", "/api/nothing", 404, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, c.method, c.target, "")
			var e Error
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != c.code || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%d %s: %v; want %d with %q", w.Code, w.Body, err, c.code, c.text)
			}
			if n := strings.Count(w.Body.String(), "\n"); n != 1 {
				t.Errorf("the answer has %d lines", n)
			}
		})
	}
}

func TestOtherMethodsAreToldTheRightOne(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	for target, allow := range map[string]string{
		"/": "GET, HEAD", "/metrics": "GET, HEAD", "/api/status": "GET, HEAD", "/api/events": "GET, HEAD",
		"/api/events/1": "GET, HEAD", "/api/stream": "GET", "/api/ack": "POST", "/api/mute": "POST", "/api/unmute": "POST",
		"/api/outputs/lamp/test": "POST", "/api/replay": "POST", "/api/inputs/ack/press": "POST",
	} {
		w := serve(h, "PUT", target, "")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
			t.Errorf("PUT %s: %d, Allow %q; want 405, %q", target, w.Code, w.Header().Get("Allow"), allow)
		}
	}
	if w := serve(h, "GET", "/api/ack", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET /api/ack: %d", w.Code)
	}
}

func TestRejectedShowsWhatTheWebhookRemembered(t *testing.T) {
	log := newFakeLog()
	log.lists["rejected"] = [][]byte{[]byte(`{"body":"x"}`), []byte("odd")}
	h := newTestServer(t, Config{}, newFakeAgent(), log).Handler(false)
	want := `{"rejected":[{"body":"x"},"odd"],"refused":[]}`
	if got := strings.TrimSpace(serve(h, "GET", "/api/rejected", "").Body.String()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStoreThatCannotBeRead(t *testing.T) {
	log := newFakeLog(created)
	h := newTestServer(t, Config{}, newFakeAgent(), log).Handler(false)
	for err, code := range map[error]int{errors.New("input/output error"): 500, storage.ErrClosed: 503} {
		log.err = err
		if w := serve(h, "GET", "/api/events", ""); w.Code != code {
			t.Errorf("%v: %d, want %d", err, w.Code, code)
		}
	}
}

func TestSearchThatIsCutShortKeepsItsPlace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	page, err := EventsDocument(ctx, testLog(), newDecoder(t), 2, 10, "note")
	if !errors.Is(err, context.Canceled) || page.Next != 2 || page.Events == nil {
		t.Errorf("got %+v, %v", page, err)
	}
}
