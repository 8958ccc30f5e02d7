package admin

import "testing"

func TestPostsInWords(t *testing.T) {
	for want, p := range map[string]Post{
		"a check, token in body, answered 200":                               {TokenIn: "body", Code: 200},
		"2 events, token in header Authorization, answered 200":              {TokenIn: "header Authorization", Events: 2, Code: 200},
		"from 192.0.2.7: a wrong token in header X-Token, answered 401":      {TokenIn: "header X-Token", Code: 401, Address: "192.0.2.7"},
		"from 192.0.2.7: no token, answered 401":                             {Code: 401, Address: "192.0.2.7"},
		"from 192.0.2.7: token in query token, answered 400":                 {TokenIn: "query token", Code: 400, Address: "192.0.2.7"},
		"from fe80::1%wlan0: a wrong token in body auth.token, answered 429": {TokenIn: "body auth.token", Code: 429, Address: "fe80::1%wlan0"},
	} {
		if got := p.Words(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
