package webhook

import (
	"fmt"
	"strings"
	"testing"
)

// What is told of the last posts: their places, counts and codes, and no value.
func TestTheLastPostsAreSeen(t *testing.T) {
	c := guarded
	c.Own = "our own mark"
	c.TokenIn = []string{"header:x-acme-key", "query:key", "body:auth.token"}
	k := start(t, c)
	if good, refused := k.handler.Seen(); good.Number != 0 || refused.Number != 0 {
		t.Fatalf("nothing came, and seen were %+v, %+v", good, refused)
	}
	for i, test := range []struct {
		path, body string
		headers    []string
		place      string
		events     int
		code       int
	}{
		{"/webhook", `{"token":"secret"}`, nil, "body", 0, 200},
		{"/webhook", `{"token":"guess"}`, nil, "body", 0, 401},
		{"/webhook", `{"token":"guess"}`, []string{right}, "header X-Token", 0, 200},
		{"/webhook", `{"token":"secret"}`, []string{wrong}, "body", 0, 200},
		{"/webhook", `{"token":"other"}`, []string{wrong}, "header X-Token", 0, 401},
		{"/webhook", ``, nil, "", 0, 401},
		{"/webhook", `{"events":[{"n":1},{"n":2}]}`, []string{"Authorization: Bearer secret"}, "header Authorization", 2, 200},
		{"/webhook", `{"events":[{"n":1},{"n":2}]}`, []string{"Authorization: Bearer guess"}, "header Authorization", 0, 401},
		{"/webhook?token=older", ``, nil, "query token", 0, 200},
		{"/webhook?key=older", ``, nil, "query key", 0, 200},
		{"/webhook", ``, []string{"X-Acme-Key: secret"}, "header X-Acme-Key", 0, 200},
		{"/webhook", `{"auth":{"token":"secret"}}`, nil, "body auth.token", 0, 200},
		{"/webhook", `[`, []string{right}, "header X-Token", 0, 400},
		{"/webhook", ``, []string{right, "Content-Encoding: gzip"}, "header X-Token", 0, 415},
		{"/webhook", ``, []string{wrong, "Content-Encoding: gzip"}, "header X-Token", 0, 415},
	} {
		goodBefore, refusedBefore := k.handler.Seen()
		k.post(test.path, test.body, test.headers...)
		good, refused := k.handler.Seen()
		before, after, other, otherBefore := refusedBefore, refused, good, goodBefore
		if test.code == 200 {
			before, after, other, otherBefore = goodBefore, good, refused, refusedBefore
		}
		if after.Number != before.Number+1 || after.TokenIn != test.place || after.Events != test.events || after.Code != test.code || after.Time == nil {
			t.Errorf("%d: got %+v after %+v", i, after, before)
		}
		if (test.code == 200) != (after.Address == "") {
			t.Errorf("%d: address %q", i, after.Address)
		}
		if other != otherBefore {
			t.Errorf("%d: the other sort was %+v, and is %+v", i, otherBefore, other)
		}
		for _, value := range []string{"secret", "guess", "older", "other"} {
			if strings.Contains(fmt.Sprintf("%+v", after), value) {
				t.Errorf("%d: a value is told: %+v", i, after)
			}
		}
	}
	goodBefore, refusedBefore := k.handler.Seen()
	k.post("/webhook", `{"token":"secret"}`, OwnHeader+": our own mark")
	k.post("/webhook", `{"token":"guess"}`, OwnHeader+": our own mark")
	if good, refused := k.handler.Seen(); good != goodBefore || refused != refusedBefore {
		t.Errorf("posts of our own are told: %+v, %+v", good, refused)
	}
}
