package webhook

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestForwardedForIsBelievedOnlyFromTrustedProxies(t *testing.T) {
	var trusted networks
	for _, text := range []string{"127.0.0.1", "::1", "10.0.0.0/8", "::ffff:192.168.0.0/112"} {
		n, err := parseNetwork(text)
		if err != nil {
			t.Fatal(err)
		}
		trusted = append(trusted, n)
	}
	for name, c := range map[string]struct {
		peer string
		hops []string
		want string
	}{
		"no proxy": {"203.0.113.7:5", nil, "203.0.113.7"},
		"a header that nobody we know has written": {"203.0.113.7:5", []string{"198.51.100.1"}, "203.0.113.7"},
		"a proxy":                                {"127.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy on IPv6":                        {"[::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		"a proxy, IPv4 as IPv6":                  {"[::ffff:127.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"a network given as IPv6":                {"192.168.7.7:5", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy without the header":             {"127.0.0.1:5", nil, "127.0.0.1"},
		"what a client wrote itself stands left": {"127.0.0.1:5", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":                            {"127.0.0.1:5", []string{"198.51.100.1,10.1.1.1"}, "198.51.100.1"},
		"two lines":                              {"127.0.0.1:5", []string{"1.2.3.4", "198.51.100.1 , 10.1.1.1"}, "198.51.100.1"},
		"all are ours":                           {"127.0.0.1:5", []string{"10.2.2.2", "10.1.1.1"}, "10.2.2.2"},
		"with ports":                             {"127.0.0.1:5", []string{"198.51.100.1:99,[::1]:80"}, "198.51.100.1"},
		"in brackets":                            {"127.0.0.1:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"what cannot be read ends it":            {"127.0.0.1:5", []string{"198.51.100.1, unknown, 10.1.1.1"}, "10.1.1.1"},
		"an empty header":                        {"127.0.0.1:5", []string{""}, "127.0.0.1"},
		"only commas":                            {"127.0.0.1:5", []string{",,"}, "127.0.0.1"},
		"a zone is dropped":                      {"[fe80::1%eth0]:5", nil, "fe80::1"},
		"no address at all":                      {"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.hops}}
			if got := client(r, trusted).String(); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

func TestAllowFrom(t *testing.T) {
	c := guarded
	c.AllowFrom, c.TrustedProxies = []string{"198.51.100.0/24", "2001:db8::/32"}, []string{"127.0.0.1"}
	k := start(t, c)
	from := func(address string) string { return "X-Forwarded-For: " + address }
	k.want(k.post("/webhook", `{}`, right, from("198.51.100.9")), 200, "secret")
	k.want(k.post("/webhook", `{}`, right, from("2001:db8::9")), 200, "secret")
	for _, g := range []got{
		k.post("/webhook", `{}`, right), k.post("/webhook", `{}`, right, from("203.0.113.1")),
		k.raw(k.request("GET", "/webhook", "", from("203.0.113.1"))), k.post("/other", `{}`, from("203.0.113.1")),
		k.raw(k.request("GET", "/readyz", "", from("203.0.113.1"))),
	} {
		k.refused(g, 403)
	}
	k.want(k.raw(k.request("GET", "/healthz", "")), 200, "ok\n") // from this machine
	k.want(k.raw(k.request("GET", "/healthz", "", from("198.51.100.9"))), 200, "ok\n")
	k.refused(k.post("/other", `{}`, from("198.51.100.9")), 404)
	if k.seen.codes[403] != 3 || len(k.store.remembered(ListRefused)) != 0 {
		t.Errorf("%v", k.seen.codes)
	}
}

func TestRequestsWithoutARightTokenAreLimitedByAddress(t *testing.T) {
	c := guarded
	c.Rate, c.TrustedProxies, c.MaxBody = 1, []string{"127.0.0.1"}, 1000
	k := start(t, c)
	now := time.Unix(2e9, 0) // stands still
	k.handler.now = func() time.Time { return now }
	from := func(address string) string { return "X-Forwarded-For: " + address }
	limited := func(g got) {
		t.Helper()
		if k.refused(g, 429); g.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", g.header.Get("Retry-After"))
		}
	}
	requests := []string{
		k.request("POST", "/webhook", "guess", from("198.51.100.1")),
		k.request("GET", "/webhook", "", from("198.51.100.1")),
		k.request("POST", "/webhook", "x", from("198.51.100.1"), "Content-Encoding: gzip"),
		k.request("POST", "/webhook", string(make([]byte, 1001)), from("198.51.100.1")),
	}
	k.refused(k.raw(requests[0]), 401)
	k.refused(k.raw(requests[1]), 405)
	for _, r := range requests {
		limited(k.raw(r))
	}
	if n := len(k.store.remembered(ListRefused)); n != 1 {
		t.Errorf("%d shapes are kept", n)
	}
	for range 20 { // a right token is never limited, wherever it is
		k.want(k.post("/webhook", "", from("198.51.100.1"), right), 200, "secret")
		k.want(k.post("/webhook?token=older", "", from("198.51.100.1")), 200, "older")
		k.want(k.post("/webhook", `{"token":"secret"}`, from("198.51.100.1")), 200, `{"token":"secret"}`)
	}
	k.refused(k.post("/webhook", "", from("198.51.100.2")), 401)
	k.refused(k.post("/webhook", "", from("2001:db8:1:2::1")), 401)
	k.refused(k.post("/webhook", "", from("2001:db8:1:2::2")), 401)
	limited(k.post("/webhook", "", from("2001:db8:1:2::3")))
	k.refused(k.post("/webhook", "", from("2001:db8:1:3::1")), 401)
}

func TestWithoutTokensNobodyIsLimited(t *testing.T) {
	k := start(t, Config{Rate: 1})
	for range 20 {
		k.want(k.post("/webhook", ""), 200, "")
		k.refused(k.raw(k.request("GET", "/webhook", "")), 405)
	}
}

func TestRates(t *testing.T) {
	now := time.Unix(1e9, 0)
	addr := netip.MustParseAddr
	rs := newRates(10)
	allowed := func(from netip.Addr) (n int) {
		for rs.allow(from, now) {
			n++
		}
		return n
	}
	if n := allowed(addr("198.51.100.1")); n != 20 {
		t.Errorf("a burst of %d", n)
	}
	if n := allowed(addr("2001:db8::1")); n != 20 {
		t.Errorf("another's burst of %d", n)
	}
	if n := allowed(addr("2001:db8::2")); n != 0 {
		t.Errorf("the same /64 has %d", n)
	}
	if now = now.Add(time.Second); allowed(addr("198.51.100.1")) != 10 {
		t.Error("not ten a second")
	}
	if !newRates(0).allow(addr("::1"), now) {
		t.Error("no limit is a limit")
	}
	for i := range 3 * maxAddresses {
		rs.allow(addr(fmt.Sprintf("10.%d.%d.1", i>>8, i&255)), now)
	}
	if len(rs.each) != maxAddresses {
		t.Errorf("%d addresses", len(rs.each))
	}
	if rs.allow(addr("203.0.113.1"), now) {
		t.Error("what is beyond the table is not limited")
	}
	now = now.Add(3 * time.Second)
	if n := allowed(addr("203.0.113.1")); n != 20 || len(rs.each) != 1 {
		t.Errorf("after a pause: %d, and %d addresses", n, len(rs.each))
	}
	rs.allow(netip.Addr{}, now)
}

func TestGateBoundsTheSecondsInWhichStrangersMakeTheStoreWrite(t *testing.T) {
	now := time.Unix(1e9, 0)
	g := newGate()
	opened := 0
	for range 1000 {
		open := g.open(now)
		if open {
			opened++
		}
		if g.open(now.Add(time.Second/2)) != open {
			t.Fatal("not for the whole second")
		}
		now = now.Add(time.Second)
	}
	if opened < 190 || opened > 210 { // 100, and one in ten of the rest
		t.Errorf("open for %d seconds of 1000", opened)
	}
}

// TestOwnPosts are let in from wherever they seem to come, prove their token like others, and count nowhere.
func TestOwnPosts(t *testing.T) {
	c := guarded
	c.AllowFrom, c.Own = []string{"198.51.100.0/24"}, "mark"
	k := start(t, c)
	k.want(k.post("/webhook", `{"token":"older"}`, OwnHeader+": mark"), 200, `{"token":"older"}`)
	if g := k.post("/webhook", `{"token":"guess"}`, OwnHeader+": mark"); g.code != 401 {
		t.Errorf("another token: %+v", g)
	}
	if got := k.handler.Counts(); got != (Counts{}) || len(k.seen.codes) != 0 {
		t.Errorf("they count: %+v, %v", got, k.seen.codes)
	}
	for _, lines := range [][]string{{}, {OwnHeader + ": mar"}, {OwnHeader + ":"}, {OwnHeader + ": mark", OwnHeader + ": mark"}} {
		if g := k.post("/webhook", `{"token":"older"}`, lines...); g.code != 403 {
			t.Errorf("%q: %+v", lines, g)
		}
	}
	if k.seen.codes[403] != 4 {
		t.Errorf("%v", k.seen.codes)
	}
	c.Own = ""
	k = start(t, c)
	if g := k.post("/webhook", `{"token":"older"}`, OwnHeader+":"); g.code != 403 {
		t.Errorf("there are none, and one with an empty mark is: %+v", g)
	}
}
