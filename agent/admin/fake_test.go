package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// fakeAgent is an agent whose status the test sets.
type fakeAgent struct {
	mu      sync.Mutex
	status  Status
	changed chan struct{}
	calls   []string
	err     error
	note    string
	sound   Sound
}

func newFakeAgent() *fakeAgent {
	return &fakeAgent{status: sampleStatus(), changed: make(chan struct{})}
}

func (f *fakeAgent) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *fakeAgent) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *fakeAgent) change(by func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	by(&f.status)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeAgent) call(format string, a ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, a...))
	return f.err
}

func (f *fakeAgent) called() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.calls = nil }()
	return strings.Join(f.calls, "; ")
}

func (f *fakeAgent) Replay(_ context.Context, forward string, from, to uint64) (Replayed, error) {
	switch {
	case forward != "hub":
		return Replayed{}, fmt.Errorf("replay: %w", ErrUnknownForward)
	case from > 5 || to > 5:
		return Replayed{}, fmt.Errorf("replay event %d: %w", max(from, to), storage.ErrNotFound)
	}
	return Replayed{forward, from, max(to, from), 3, 1}, f.call("replay %s %d %d", forward, from, to)
}

func (f *fakeAgent) Backup(_ context.Context, w io.Writer) error {
	if err := f.call("backup"); err != nil {
		return err
	}
	_, err := io.WriteString(w, "a backup")
	return err
}

func (f *fakeAgent) Forget(_ context.Context, conversation, visitor string) (Forgotten, error) {
	return Forgotten{1, 4, 2, 3, []string{"deskbell.db.damaged-1"}}, f.call("forget %q %q", conversation, visitor)
}

func (f *fakeAgent) Reasons(sequence uint64) Reasons {
	return Reasons{Decisions: []Decision{
		{Rule: "somebody waits", Outcome: "matched", Detail: "while waiting > 0"},
		{Rule: "SLA \x1b[2J", Outcome: "not matched", Detail: "on sla_breached"},
		{Rule: "somebody waits", Output: "lamp", Outcome: "shown", Pattern: "pulse", Detail: "simulated: pin busy"},
		{Rule: "new conversation", Output: "lamp", Outcome: "outranked", Detail: "by somebody waits"},
		{Rule: "a person is asked for", Output: "buzzer", Outcome: "quiet hours"},
	}, Sounds: []Sound{{Rule: "still waiting", Outputs: []string{"buzzer"}, Pattern: "double", Sequence: sequence}}, Note: f.note}
}

func (f *fakeAgent) LastSound() (Sound, bool) { return f.sound, f.sound.Rule != "" }

func (f *fakeAgent) SetAside() []Aside {
	return []Aside{{"hub", []uint64{2, 5}}, {"cloud", []uint64{9}}}
}

func (f *fakeAgent) Acknowledge(context.Context) error { return f.call("acknowledge") }
func (f *fakeAgent) Unmute(context.Context) error      { return f.call("unmute") }

func (f *fakeAgent) Mute(_ context.Context, d time.Duration) error { return f.call("mute %s", d) }

func (f *fakeAgent) Test(_ context.Context, output, pattern string, d time.Duration) error {
	if pattern == "wild" {
		return fmt.Errorf("test %s: pattern %q: %w", output, pattern, ErrBadArgument)
	}
	return f.call("test %s %s %s", output, pattern, d)
}

func (f *fakeAgent) Press(_ context.Context, input string, d time.Duration) error {
	if input == "kiosk" {
		return &Error{Code: http.StatusConflict, Message: "kiosk is on a chip"}
	}
	return f.call("press %s %s", input, d)
}

func (f *fakeAgent) Lock(_ context.Context, input string, locked bool) error {
	return f.call("lock %s %v", input, locked)
}

// fakeLog is a store in memory.
type fakeLog struct {
	mu      sync.Mutex
	records []storage.Record
	lists   map[string][][]byte
	grown   chan struct{}
	err     error
}

func newFakeLog(elements ...string) *fakeLog {
	l := &fakeLog{grown: make(chan struct{}), lists: map[string][][]byte{}}
	for _, e := range elements {
		l.add(e)
	}
	return l
}

func (l *fakeLog) add(element string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq := uint64(len(l.records) + 1)
	l.records = append(l.records, storage.Record{Sequence: seq, ID: storage.ID{15: byte(seq)},
		Received: time.Date(2026, 3, 6, 14, 3, 0, 0, time.UTC).Add(time.Duration(seq) * time.Second), Data: []byte(element)})
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *fakeLog) Read(after uint64, max int) ([]storage.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	from := min(int(after), len(l.records))
	return l.records[from:min(from+max, len(l.records))], nil
}

func (l *fakeLog) Next(ctx context.Context, after uint64, max int) ([]storage.Record, error) {
	for {
		l.mu.Lock()
		grown := l.grown
		l.mu.Unlock()
		if rs, err := l.Read(after, max); err != nil || len(rs) > 0 {
			return rs, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *fakeLog) Get(seq uint64) (storage.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < 1 || seq > uint64(len(l.records)) {
		return storage.Record{}, fmt.Errorf("get %d: %w", seq, storage.ErrNotFound)
	}
	return l.records[seq-1], nil
}

func (l *fakeLog) Remembered(list string) ([][]byte, error) { return l.lists[list], l.err }

func (l *fakeLog) Stats() storage.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.records))
	return storage.Stats{FirstSequence: min(n, 1), LastSequence: n, Records: int(n)}
}

func message(text string) string {
	quoted, _ := json.Marshal(text)
	return `{"event": {"type": "message", "payload": {"message_by": {"type": "visitor"}, "message": {"type": "text", "text": ` +
		string(quoted) + `}}}, "conversation": {"key": "c1"}, "timestamp": "2026-03-06 14:03:00.5"}`
}

const created = `{"event": {"type": "conversation_create", "payload": {"title": "Visitor - A27187"}}, "conversation": {"key": "c1"}}`

func newDecoder(t testing.TB) *event.Decoder {
	t.Helper()
	d, err := event.NewDecoder(event.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newTestServer(t testing.TB, c Config, a Agent, e Events) *Server {
	t.Helper()
	if c.Hosts == nil {
		c.Hosts = []string{"pi.example.lan"}
	}
	return New(c, a, e, newDecoder(t), NewMetrics("1.0.0", "hub"), slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// serve answers one request without a network.
func serve(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8090"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sampleStatus is a day in the life of a desk.
func sampleStatus() Status {
	at := func(minute int) *time.Time { return At(time.Date(2026, 3, 6, 14, minute, 0, 0, time.UTC)) }
	return Status{
		Device: "front-desk", Version: "1.0.0", UptimeSeconds: 11543.2, Ready: true,
		Problems: []string{"lamp is simulated: no gpiochip", "7 events of type agent_left are not understood; run: deskbell learn"},
		Webhook: WebhookStatus{Accepted: 1322, Duplicates: 4, Rejected: 1,
			LastPost:    &Post{Number: 9, Time: at(3), TokenIn: "body", Code: 200},
			LastRefused: &Post{Number: 1, Address: "192.0.2.7", TokenIn: "header Authorization", Code: 401}},
		Storage: StorageStatus{FirstSequence: 1, LastSequence: 22, Records: 22, Bytes: 4 << 20, MaxBytes: 64 << 20},
		Forward: []ForwardStatus{
			{Name: "hub", Broker: "mqtt://homeassistant.local:1883", Connected: true, AckedSequence: 22},
			{Name: "cloud", Broker: "mqtts://mqtt.example.com:8883", AckedSequence: 10, Pending: 12,
				LastError: "dial tcp 192.0.2.7:8883: i/o timeout"},
		},
		Desk: DeskStatus{Open: 4, Waiting: 1, Acknowledged: 1, Unanswered: 1, Unassigned: 1, MutedUntil: at(30), Conversations: []Conversation{
			{Key: "c2", Title: "Visitor - B1", Assignee: Actor{Kind: "bot", ID: "8181"}, Open: true, Since: at(1), LastMessage: "visitor: Hiiiii"},
			{Key: "c1", Title: "Visitor - A27187", Assignee: Actor{Kind: "user", ID: "7", Email: "anna@hotel.example"},
				Open: true, Waiting: true, Since: at(3), LastMessage: "visitor: Is anybody there?"},
			{Key: "c5", Title: "Visitor - C3", Assignee: Actor{Kind: "user", Email: "ben@hotel.example"}, Open: true, Acknowledged: true, Since: at(2)},
			{Key: "c3", Assignee: Actor{Kind: "none"}, Open: true},
			{Key: "c4", Title: "gone", Assignee: Actor{Kind: "team", ID: "reception"}},
		}},
		Outputs: []OutputStatus{
			{Name: "lamp", Pin: "GPIO17", Kind: "light", Driver: "chip", On: true, Pattern: "pulse", Reason: "somebody waits"},
			{Name: "buzzer", Pin: "GPIO18", Kind: "buzzer", Driver: "simulated", Pattern: "off"},
		},
		Inputs: []InputStatus{
			{Name: "ack", Pin: "GPIO27", Driver: "simulated", Last: "acknowledge"},
			{Name: "kiosk", Pin: "GPIO22", Driver: "chip", Pressed: true, Locked: true},
		},
	}
}
