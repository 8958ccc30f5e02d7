package admin

import (
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"deskbell/storage"
)

func TestForgetIsOnTheControlSocketAlone(t *testing.T) {
	agent := newFakeAgent()
	server := newTestServer(t, Config{}, agent, testLog())
	if w := serve(server.Handler(true), "POST", "/api/forget", `{"visitor":"8c1f"}`); w.Code != http.StatusNotFound || agent.called() != "" {
		t.Errorf("from the network: %d %s", w.Code, w.Body)
	}
	h := server.Handler(false)
	for name, c := range map[string]struct {
		body, called string
		code         int
		text         string
	}{
		"a conversation":                  {`{"conversation":"8c1f"}`, `forget "8c1f" ""`, 200, `{"conversations":1,"events":4,"undelivered":2,"others":3,"damaged":["deskbell.db.damaged-1"]}`},
		"a visitor":                       {`{"visitor":"8c1f"}`, `forget "" "8c1f"`, 200, `"events":4`},
		"both":                            {`{"conversation":"a","visitor":"b"}`, "", 400, "either"},
		"nobody":                          {`{"conversation":""}`, "", 400, "either"},
		"nothing at all":                  {``, "", 400, "hint"},
		"a key that there is not":         {`{"conversation":"a","event":1}`, "", 400, "event"},
		"a conversation that is a number": {`{"conversation":1}`, "", 400, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(h, "POST", "/api/forget", c.body)
			if called := agent.called(); w.Code != c.code || called != c.called || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%d %s, called %q; want %d, %q, %q", w.Code, w.Body, called, c.code, c.text, c.called)
			}
		})
	}
	if w := serve(h, "GET", "/api/forget", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestClientForgets(t *testing.T) {
	agent := newFakeAgent()
	c, _ := startSocket(t, newTestServer(t, Config{}, agent, testLog()), filepath.Join(t.TempDir(), "control.sock"))
	f, err := c.Forget(t.Context(), "8c1f", "")
	if called := agent.called(); err != nil || !reflect.DeepEqual(f, Forgotten{1, 4, 2, 3, []string{"deskbell.db.damaged-1"}}) || called != `forget "8c1f" ""` {
		t.Errorf("%+v, %v, called %s", f, err, called)
	}
	if _, err := c.Forget(t.Context(), "", "x"); err != nil || agent.called() != `forget "" "x"` {
		t.Errorf("a visitor: %v", err)
	}
	agent.err = storage.ErrDamaged
	if _, err := c.Forget(t.Context(), "8c1f", ""); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("of a damaged store: %v", err)
	}
}
