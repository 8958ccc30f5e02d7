package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deskbell/storage"
)

func TestActions(t *testing.T) {
	agent := newFakeAgent()
	h := newTestServer(t, Config{}, agent, testLog()).Handler(true)
	for name, c := range map[string]struct {
		target, body string
		code         int
		called, text string
	}{
		"acknowledge":                            {"/api/ack", "", 200, "acknowledge", ""},
		"acknowledge with an empty object":       {"/api/ack", "{}", 200, "acknowledge", ""},
		"acknowledge with an unknown key":        {"/api/ack", `{"who":"me"}`, 400, "", "who"},
		"mute without a body is half an hour":    {"/api/mute", "", 200, "mute 30m0s", ""},
		"mute without for is half an hour":       {"/api/mute", "{}", 200, "mute 30m0s", ""},
		"mute with null is half an hour":         {"/api/mute", `{"for":null}`, 200, "mute 30m0s", ""},
		"mute for a while":                       {"/api/mute", `{"for":"90s"}`, 200, "mute 1m30s", ""},
		"mute for what is no duration":           {"/api/mute", `{"for":"soon"}`, 400, "", "1h30m"},
		"mute for a number without a unit":       {"/api/mute", `{"for":"30"}`, 400, "", "duration"},
		"mute for a number":                      {"/api/mute", `{"for":30}`, 400, "", "for"},
		"mute for nothing":                       {"/api/mute", `{"for":"0s"}`, 400, "", "duration"},
		"mute for less than nothing":             {"/api/mute", `{"for":"-5m"}`, 400, "", "duration"},
		"mute for an empty text":                 {"/api/mute", `{"for":""}`, 400, "", "duration"},
		"mute for years":                         {"/api/mute", `{"for":"90000h"}`, 400, "", "30 days"},
		"mute with a slip of the pen":            {"/api/mute", `{"form":"30m"}`, 400, "", "form"},
		"mute with what is not JSON":             {"/api/mute", `for=30m`, 400, "", "body"},
		"mute with two objects":                  {"/api/mute", `{"for":"1m"}{"for":"2m"}`, 400, "", "more than one"},
		"mute with a body that never ends":       {"/api/mute", `{"for":"` + strings.Repeat(" ", maxAction) + `1m"}`, 413, "", "large"},
		"unmute":                                 {"/api/unmute", "", 200, "unmute", ""},
		"test of a lamp":                         {"/api/outputs/lamp/test", `{"pattern":"pulse","for":"5s"}`, 200, "test lamp pulse 5s", ""},
		"test of a lamp with nothing said":       {"/api/outputs/lamp/test", "", 200, "test lamp blink 3s", ""},
		"test of a buzzer with nothing said":     {"/api/outputs/buzzer/test", "", 200, "test buzzer chirp 3s", ""},
		"test of an output that is not there":    {"/api/outputs/horn/test", "", 404, "", "lamp, buzzer"},
		"test with a pattern that is not there":  {"/api/outputs/lamp/test", `{"pattern":"wild"}`, 400, "", "wild"},
		"test for what is no duration":           {"/api/outputs/lamp/test", `{"for":"x"}`, 400, "", "duration"},
		"test for a day":                         {"/api/outputs/lamp/test", `{"for":"24h"}`, 400, "", "1 h"},
		"test of an output with a hostile name":  {"/api/outputs/%1b%5b2J/test", "", 404, "", "no output"},
		"press of a button":                      {"/api/inputs/ack/press", `{"for":"50ms"}`, 200, "press ack 50ms", ""},
		"press of a button with nothing said":    {"/api/inputs/ack/press", "", 200, "press ack 0s", ""},
		"press for no time":                      {"/api/inputs/ack/press", `{"for":"0s"}`, 400, "", "duration"},
		"press for a day":                        {"/api/inputs/ack/press", `{"for":"24h"}`, 400, "", "1 h"},
		"press for what is no duration":          {"/api/inputs/ack/press", `{"for":"long"}`, 400, "", "duration"},
		"press with an unknown key":              {"/api/inputs/ack/press", `{"hold":true}`, 400, "", "hold"},
		"press of what is not simulated":         {"/api/inputs/kiosk/press", "", 409, "", "on a chip"},
		"press of a button that is not there":    {"/api/inputs/lamp/press", "", 404, "", "ack, kiosk"},
		"lock of a button":                       {"/api/inputs/kiosk/lock", `{"locked":true}`, 200, "lock kiosk true", ""},
		"unlock of a button":                     {"/api/inputs/kiosk/lock", `{"locked":false}`, 200, "lock kiosk false", ""},
		"lock with nothing said":                 {"/api/inputs/kiosk/lock", "{}", 400, "", "locked is missing"},
		"lock with a word":                       {"/api/inputs/kiosk/lock", `{"locked":"ON"}`, 400, "", "locked"},
		"lock of a button that is not there":     {"/api/inputs/bell/lock", `{"locked":true}`, 404, "", "no input"},
		"test of an output with a slash in name": {"/api/outputs/a%2Fb/test", "", 404, "", "no output"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, "POST", c.target, c.body)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%d %s; want %d with %q", w.Code, w.Body, c.code, c.text)
			}
			if called := agent.called(); called != c.called {
				t.Errorf("called %q, want %q", called, c.called)
			}
			var s Status
			if err := json.Unmarshal(w.Body.Bytes(), &s); w.Code == 200 && (err != nil || s.Device != "front-desk") {
				t.Errorf("the answer is no status: %s: %v", w.Body, err)
			}
		})
	}
}

func TestActionThatTheAgentCannotDo(t *testing.T) {
	for err, code := range map[error]int{
		fmt.Errorf("mute: %w", storage.ErrNoSpace):              503,
		fmt.Errorf("mute: %w", storage.ErrBroken):               503,
		fmt.Errorf("test horn: %w", ErrUnknownOutput):           404,
		fmt.Errorf("mute: %w", ErrBadArgument):                  400,
		&Error{Code: 409, Message: "locked", Hint: "unlock it"}: 409,
		fmt.Errorf("something else"):                            500,
	} {
		agent := newFakeAgent()
		agent.err = err
		w := serve(newTestServer(t, Config{}, agent, testLog()).Handler(true), "POST", "/api/mute", "")
		if w.Code != code || !strings.Contains(w.Body.String(), err.Error()) {
			t.Errorf("%v: %d %s, want %d", err, w.Code, w.Body, code)
		}
		if code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: no Retry-After", err)
		}
	}
}

// FuzzAction gives a command what anybody may send: the answer is never a
// success that was not understood, and never a fault of ours.
func FuzzAction(f *testing.F) {
	for _, body := range []string{"", "{}", `{"for":"3s"}`, `{"pattern":"blink","for":"3s"}`, `{"for":1e999}`, "[", "null", `"x"`, "\xff"} {
		f.Add("lamp", body)
	}
	f.Add("..", "{}")
	agent := newFakeAgent()
	h := newTestServer(f, Config{}, agent, testLog()).Handler(true)
	f.Fuzz(func(t *testing.T, output, body string) {
		for _, target := range []string{"/api/mute", "/api/ack", "/api/outputs/x/test"} {
			r, err := http.NewRequest("POST", "http://localhost"+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if target == "/api/outputs/x/test" {
				r.URL.Path = "/api/outputs/" + output + "/test"
			}
			w := &countingWriter{header: http.Header{}}
			h.ServeHTTP(w, r)
			if w.code >= 500 {
				t.Errorf("%s with %q: %d", r.URL.Path, body, w.code)
			}
		}
		agent.called()
	})
}

// countingWriter keeps the code of an answer alone.
type countingWriter struct {
	header http.Header
	code   int
}

func (w *countingWriter) Header() http.Header         { return w.header }
func (w *countingWriter) WriteHeader(code int)        { w.code = code }
func (w *countingWriter) Write(b []byte) (int, error) { return len(b), nil }
