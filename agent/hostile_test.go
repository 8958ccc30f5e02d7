package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/event"
	"deskbell/storage"
)

var seed = flag.Uint64("seed", 0, "of the test with events of any bytes; 0: another one each time")

// hostile are events that no webhook would have taken, and some that it would.
func hostile() [][]byte {
	long := func(n int, parts ...string) []byte {
		return []byte(parts[0] + strings.Repeat(parts[1], n) + parts[2])
	}
	event := func(payload string) []byte {
		return []byte(`{"event":{"type":"conversation_create","payload":` + payload + `},"conversation":{"key":"k"},"timestamp":"2026-01-02 03:04:05.000001"}`)
	}
	list := [][]byte{
		nil, {0}, []byte(" "), []byte("null"), []byte("7"), []byte(`"text"`), []byte("[]"), []byte("{}"), []byte("{"), []byte(`{"event"`), []byte("not JSON"),
		[]byte("\xff\xfe\x00\x01"), []byte("\xef\xbb\xbf{}"), []byte("{}{}"), []byte("{}\n{}"), []byte(`{"event":{"type":"\ud800"}}`), []byte(`{"event":{"type":"a\u0000/+#b"}}`),
		[]byte(`{"event":{"type":null,"payload":[]},"conversation":[],"timestamp":{}}`), []byte(`{"event":{"type":"message","type":7,"payload":{"message":{"text":[[[]]]}}}}`),
		[]byte(`{"timestamp":"99999-99-99 99:99:99"}`), []byte(`{"timestamp":1e308,"account":1e999,"bot":-0}`), []byte(`{"account":{"id":1e-999999},"bot":{"id":` + strings.Repeat("9", 4000) + `}}`),
		long(1<<20, "", "[", ""), long(1<<19, "", "[", "")[:1<<19], long(1<<18, "", `{"event":`, ""), long(1000, "", "[", strings.Repeat("]", 1000)),
		long(20000, `{"event":{"type":"message","payload":`, `{"message":`, "1"+strings.Repeat("}", 20002)),
		long(1<<16, "", "\x00", ""), long(1<<16, "", "\xff", ""), long(1<<20, `"`, "a", `"`), long(1<<16, `{"event":{"type":"`, "€", `"}}`),
		long(60000, `{`, `"k":1,`, `"k":2}`), long(60000, `[`, `{},`, `{}]`),
		long(1<<20, `{"event":{"type":"message","payload":{"message":{"type":"text","text":"`, "x", `"}}},"conversation":{"key":"k"}}`),
		long(1<<18, `{"event":{"type":"message"},"conversation":{"key":"`, "key ", `","title":"\n\u001b[31m"}}`),
		event(`{"assignee":{"type":"user","id":{"a":1},"email":["x"]},"status":[1]}`), event(`{"assignee":[null,{"type":{}}],"assigned_to_user":false}`),
		event(`{"status":"closed","is_closed":"maybe","assignee":{"type":"\u0000","id":"` + strings.Repeat("i", 70000) + `"}}`),
	}
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	fmt.Printf("go test ./agent -run AnyBytes -seed %d\n", s)
	r := rand.New(rand.NewPCG(s, 0))
	for range 300 { // samples of the platform with changes
		b := samples()[r.IntN(len(samples()))]
		for range 1 + r.IntN(6) {
			switch at := r.IntN(len(b)); r.IntN(5) {
			case 0:
				b[at] = byte(r.Int())
			case 1:
				b[at] ^= 1 << r.IntN(8)
			case 2:
				b = append(b[:at:at], b[min(at+r.IntN(40), len(b)):]...)
			case 3:
				b = append(b[:at:at], append(bytes.Repeat(b[at:min(at+r.IntN(60), len(b))], r.IntN(5)), b[at:]...)...)
			default:
				b = b[:at+1]
			}
			if len(b) == 0 {
				b = []byte{'{'}
			}
		}
		list = append(list, b)
	}
	return list
}

// samples are copies of the platform's own events.
func samples() (list [][]byte) {
	for _, s := range event.Samples() {
		var body struct {
			Events []json.RawMessage `json:"events"`
		}
		if json.Unmarshal(s.Data, &body) == nil {
			for _, e := range body.Events {
				list = append(list, bytes.Clone(e))
			}
		}
	}
	return list
}

// TestEventsOfAnyBytes lie in the store when the agent starts. None stops it:
// each is forwarded in every form, counted at the desk, and shown.
func TestEventsOfAnyBytes(t *testing.T) {
	const tables = `
[[forward]]
name = 'hub'
broker = 'embedded'
[[forward]]
name = 'raw'
broker = 'embedded'
format = 'raw'
topic = 'raw/{kind}/{type}/{account}/{bot}/{conversation}'
[[forward]]
name = 'redacted'
broker = 'embedded'
data = 'redacted'
redact = ['payload.message', 'payload.assignee.id', 'payload.variables']
topic = 'redacted/{conversation}/{type}'
[[forward]]
name = 'none'
broker = 'embedded'
data = 'none'
except = ['note']
`
	dir, list := t.TempDir(), hostile()
	o := storage.Options{MaxSize: 64 << 20, Keep: time.Hour, Cursors: []storage.CursorSpec{{Name: deskCursor}}}
	for _, name := range []string{"hub", "raw", "redacted", "none"} {
		o.Cursors = append(o.Cursors, storage.CursorSpec{Name: forwardCursor + name, Delivers: true})
	}
	fill(t, dir, o, list)
	for _, start := range []string{"with the events before it", "with the desk that they made"} {
		r := run(t, dir, tables, time.Now)
		desk, err := r.open.Load().store.Cursor(deskCursor)
		if err != nil {
			t.Fatal(err)
		}
		s := r.eventually("all is delivered and counted", func(s admin.Status) bool {
			for _, f := range s.Forward {
				if f.Pending > 0 {
					return false
				}
			}
			return len(s.Forward) == 4 && desk.Position() == uint64(len(list))
		})
		for _, f := range s.Forward {
			if f.SetAside > 0 {
				t.Errorf("%s: forward %s set %d aside", start, f.Name, f.SetAside)
			}
		}
		for _, p := range s.Problems {
			if !strings.Contains(p, "understood") {
				t.Errorf("%s: %s", start, p)
			}
		}
		r.shows(list)
		r.stop()
	}
}

// fill stores events as they are.
func fill(t *testing.T, dir string, o storage.Options, list [][]byte) {
	t.Helper()
	l, err := storage.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	for n := 0; n < len(list); {
		var es []storage.Entry
		for size := 0; n < len(list) && size < 2<<20; n++ { // few commits
			sum := sha256.Sum256(fmt.Append(nil, n))
			es = append(es, storage.Entry{ID: storage.ID(sum[:]), Data: list[n]})
			size += len(list[n])
		}
		if _, err := l.Append(t.Context(), es); err != nil {
			t.Fatal(err)
		}
	}
	l.Remember("rejected", []byte("\xff not JSON"))
	l.Remember("refused", bytes.Repeat([]byte("["), 1<<16))
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// shows asks the API for everything there is.
func (r *running) shows(list [][]byte) {
	r.t.Helper()
	api := admin.NewClient(ControlSocket(r.config.DataDir))
	seen := 0
	for after := uint64(0); ; {
		page, err := api.Events(r.t.Context(), after, 100, "")
		if err != nil {
			r.t.Fatal(err)
		}
		if len(page.Events) == 0 {
			break
		}
		seen += len(page.Events)
		after = page.Next
	}
	if seen != len(list) {
		r.t.Errorf("%d events are listed, want %d", seen, len(list))
	}
	for seq, data := range list {
		e, err := api.Event(r.t.Context(), uint64(seq+1))
		if err != nil {
			r.t.Errorf("event %d: %v", seq+1, err)
		} else if json.Valid(data) && !bytes.Equal(bytes.TrimSpace(e.Data), bytes.TrimSpace(data)) {
			r.t.Errorf("event %d is shown as %.100q", seq+1, e.Data)
		}
	}
	var export bytes.Buffer
	if err := api.Export(r.t.Context(), &export, 0, 0, ""); err != nil {
		r.t.Error(err)
	}
	if n := bytes.Count(export.Bytes(), []byte("\n")); n != len(list) {
		r.t.Errorf("%d lines are exported, want %d", n, len(list))
	}
	for line := range bytes.Lines(export.Bytes()) {
		if !json.Valid(line) {
			r.t.Fatalf("exported is %.100q", line)
		}
	}
	if _, err := api.Rejected(r.t.Context()); err != nil {
		r.t.Error(err)
	}
	for _, path := range []string{"/", "/api/status", "/metrics"} {
		resp, err := http.Get("http://" + r.AdminAddr() + path)
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			r.t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
		resp.Body.Close()
	}
}
