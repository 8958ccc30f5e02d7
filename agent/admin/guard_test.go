package admin

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestHostNames(t *testing.T) {
	h := newTestServer(t, Config{Device: "Front-Desk", Hosts: []string{"pi.example.lan"}}, newFakeAgent(), testLog()).Handler(true)
	for host, code := range map[string]int{
		"localhost": 200, "localhost:8090": 200, "LOCALHOST.": 200, "127.0.0.1:8090": 200, "[::1]:8090": 200, "[::1]": 200,
		"192.168.1.20:8090": 200, "[fe80::1%25eth0]:8090": 200, "front-desk:8090": 200, "front-desk.local": 200,
		"pi.example.lan:8090": 200, "pi": 200, "pi.local:8090": 200, "PI.LOCAL": 200,
		"": 403, "evil.example": 403, "evil.example:8090": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403,
		"pi.evil.example": 403, "front-desk.evil.example": 403, "x.localhost": 403, "localhost:8090:1": 403, "[evil]:80": 403,
	} {
		for _, target := range []string{"/", "/api/status", "/metrics"} {
			if w := serve(h, "GET", target, "", "Host", host); w.Code != code {
				t.Errorf("GET %s of host %q: %d, want %d", target, host, w.Code, code)
			}
		}
		if w := serve(h, "POST", "/api/ack", "", "Host", host); w.Code != code {
			t.Errorf("POST of host %q: %d, want %d", host, w.Code, code)
		}
	}
}

func TestRequestsFromOtherSites(t *testing.T) {
	agent := newFakeAgent()
	h := newTestServer(t, Config{}, agent, testLog()).Handler(true)
	for name, c := range map[string]struct {
		method string
		header []string
		code   int
	}{
		"a program without a browser may act":     {"POST", nil, 200},
		"the page itself may act":                 {"POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8090"}, 200},
		"an old browser on the page may act":      {"POST", []string{"Origin", "http://localhost:8090"}, 200},
		"another site may not":                    {"POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		"another name of the same site may not":   {"POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		"another site in an old browser may not":  {"POST", []string{"Origin", "https://evil.example"}, 403},
		"a file or a sandboxed frame may not":     {"POST", []string{"Origin", "null"}, 403},
		"another port of the machine may not":     {"POST", []string{"Origin", "http://localhost:9999"}, 403},
		"a link from another site opens the page": {"GET", []string{"Sec-Fetch-Site", "cross-site"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			target := "/api/mute"
			if c.method == "GET" {
				target = "/"
			}
			w := serve(h, c.method, target, "", c.header...)
			if w.Code != c.code {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.code)
			}
			if called := agent.called(); (called != "") != (c.method == "POST" && c.code == 200) {
				t.Errorf("called %q", called)
			}
		})
	}
}

func TestPassword(t *testing.T) {
	h := newTestServer(t, Config{Password: "pass:wörd"}, newFakeAgent(), testLog()).Handler(true)
	basic := func(s string) []string {
		return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(s))}
	}
	for name, c := range map[string]struct {
		header []string
		code   int
	}{
		"none":                           {nil, 401},
		"right, with any user name":      {basic("anna:pass:wörd"), 200},
		"right, with no user name":       {basic(":pass:wörd"), 200},
		"wrong":                          {basic("anna:password"), 401},
		"empty":                          {basic("anna:"), 401},
		"too long by one":                {basic("anna:pass:wörd "), 401},
		"no colon":                       {basic("pass"), 401},
		"another scheme":                 {[]string{"Authorization", "Bearer pass:wörd"}, 401},
		"right, but a foreign host name": {append(basic("anna:pass:wörd"), "Host", "evil.example"), 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/", "/app.js", "/metrics", "/api/status", "/settings.json", "/api/none"} {
				want := c.code
				if want == 200 && target == "/api/none" {
					want = 404
				}
				w := serve(h, "GET", target, "", c.header...)
				if w.Code != want {
					t.Errorf("%s: %d, want %d", target, w.Code, want)
				}
				if (w.Header().Get("WWW-Authenticate") != "") != (w.Code == 401) {
					t.Errorf("%s: %d, WWW-Authenticate %q", target, w.Code, w.Header().Get("WWW-Authenticate"))
				}
			}
		})
	}
}

func TestControlSocketHasNoGuard(t *testing.T) {
	agent := newFakeAgent()
	h := newTestServer(t, Config{Password: "secret"}, agent, testLog()).Handler(false)
	if w := serve(h, "POST", "/api/ack", "", "Host", "deskbell", "Origin", "http://x"); w.Code != 200 || agent.called() != "acknowledge" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEveryAnswerIsGuardedAgainstItsReader(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	for _, target := range []string{"/", "/app.js", "/api/status", "/api/none", "/metrics"} {
		head := serve(h, "GET", target, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; script-src 'self'",
		} {
			if !strings.HasPrefix(head.Get(name), want) {
				t.Errorf("%s: %s is %q, want %q", target, name, head.Get(name), want)
			}
		}
		if strings.Contains(head.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %s", target, head.Get("Content-Security-Policy"))
		}
		if strings.HasPrefix(target, "/api") && head.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", target, head.Get("Cache-Control"))
		}
	}
}

func TestBeyondLoopbackAPasswordIsNeeded(t *testing.T) {
	for listen, good := range map[string]bool{
		"127.0.0.1:8090": true, "127.0.0.2:0": true, "[::1]:8090": true, "localhost:8090": true,
		":8090": false, "0.0.0.0:8090": false, "192.168.1.2:8090": false, "[::]:8090": false, "pi:8090": false, "8090": false,
	} {
		if err := (Config{Listen: listen}).Validate(); (err == nil) != good {
			t.Errorf("%s without a password: %v", listen, err)
		}
		if err := (Config{Listen: listen, Password: "x"}).Validate(); (err == nil) != (listen != "8090") {
			t.Errorf("%s with a password: %v", listen, err)
		}
	}
	s := newTestServer(t, Config{Listen: "0.0.0.0:0"}, newFakeAgent(), testLog())
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("it ran: %v", err)
	}
}
