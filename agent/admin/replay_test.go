package admin

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplay(t *testing.T) {
	agent := newFakeAgent()
	h := newTestServer(t, Config{}, agent, testLog()).Handler(true)
	for name, c := range map[string]struct {
		body, called string
		code         int
		text         string
	}{
		"from one to another":                     {`{"forward":"hub","from":1,"to":4}`, "replay hub 1 4", 200, `{"forward":"hub","from":1,"to":4,"events":3,"pending":1}`},
		"up to the newest":                        {`{"forward":"hub","from":2}`, "replay hub 2 0", 200, ""},
		"one event":                               {`{"forward":"hub","from":2,"to":2}`, "replay hub 2 2", 200, ""},
		"a forward that there is not":             {`{"forward":"cellar\u001b","from":1}`, "", 404, `"hint":"the forwards are: hub, cloud"`},
		"an event that there is not":              {`{"forward":"hub","from":9}`, "", 404, `"hint":"the store holds 1 to 5"`},
		"no forward":                              {`{"from":9}`, "", 400, "missing"},
		"no beginning":                            {`{"forward":"hub"}`, "", 400, "missing"},
		"an end before the beginning":             {`{"forward":"hub","from":3,"to":2}`, "", 400, "to is before from"},
		"an end before the beginning, which is 0": {`{"forward":"hub","from":3,"to":0}`, "", 400, "to is before from"},
		"no number":                               {`{"forward":"hub","from":"1"}`, "", 400, "cannot be read"},
		"a key that there is not":                 {`{"forward":"hub","from":1,"until":2}`, "", 400, "until"},
		"nothing at all":                          {``, "", 400, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, "POST", "/api/replay", c.body)
			if called := agent.called(); w.Code != c.code || called != c.called || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%d %s, called %q; want %d, %q, %q", w.Code, w.Body, called, c.code, c.text, c.called)
			}
			if strings.Contains(w.Body.String(), "\x1b") {
				t.Error("the answer steers a terminal")
			}
		})
	}
	if w := serve(h, "POST", "/api/replay", `{"forward":"hub","from":1}`, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
}

func TestClientReplays(t *testing.T) {
	agent := newFakeAgent()
	c, _ := startSocket(t, newTestServer(t, Config{}, agent, testLog()), filepath.Join(t.TempDir(), "control.sock"))
	r, err := c.Replay(t.Context(), "hub", 2, 4)
	if called := agent.called(); err != nil || r != (Replayed{"hub", 2, 4, 3, 1}) || called != "replay hub 2 4" {
		t.Errorf("%+v, %v, called %s", r, err, called)
	}
	if _, err := c.Replay(t.Context(), "hub", 2, 0); err != nil || agent.called() != "replay hub 2 0" {
		t.Errorf("up to the newest: %v", err)
	}
	if _, err := c.Replay(t.Context(), "cellar", 2, 4); !errors.Is(err, ErrNotFound) || Hint(err) == "" {
		t.Errorf("an unknown forward: %v", err)
	}
}
