package webhook

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPlacesOfTheToken(t *testing.T) {
	more := guarded
	more.TokenIn = []string{"header:x-acme-key", "query:key", "body:auth.token", "body:secret"}
	k := start(t, more)
	text, inJSON := "secret", `{"token":"secret"}`
	for name, c := range map[string]struct {
		target string
		lines  string
		body   string
		want   string
	}{
		"Authorization, raw":                         {lines: "Authorization: secret", want: text},
		"Authorization, Bearer":                      {lines: "Authorization: Bearer secret", want: text},
		"Authorization, Token":                       {lines: "Authorization: Token secret", want: text},
		"a scheme in other letters":                  {lines: "authorization: bEARER   secret", want: text},
		"another scheme in other letters":            {lines: "AUTHORIZATION: TOKEN secret", want: text},
		"X-Webhook-Token":                            {lines: "X-Webhook-Token: secret", want: text},
		"X-Token":                                    {lines: "x-token:secret  ", want: text},
		"Token":                                      {lines: "Token: secret", want: text},
		"the query":                                  {target: "?a=b&token=secret", want: text},
		"the query, escaped":                         {target: "?t%6fken=%73ecret", want: text},
		"the query, beside what cannot be read":      {target: "?%zz=1;&token=secret", want: text},
		"the body":                                   {body: `{"token":"secret"}`, want: inJSON},
		"the body, escaped and after other members":  {body: `{"events":[],"t\u006fken":"\u0073ecret"}`, want: inJSON},
		"the body, the last of two":                  {body: `{"token":"guess","token":"secret"}`, want: inJSON},
		"a header of token_in":                       {lines: "X-Acme-Key: secret", want: text},
		"a query key of token_in":                    {target: "?key=secret", want: text},
		"a path in the body of token_in":             {body: `{"auth":{"token":"secret"}}`, want: inJSON},
		"another path in the body of token_in":       {body: `{"secret":"secret"}`, want: inJSON},
		"the second of several values":               {lines: "X-Token: guess\r\nX-Token: secret", want: text},
		"the second Authorization":                   {lines: "Authorization: Basic Z3Vlc3M=\r\nAuthorization: Bearer secret", want: text},
		"the second of several in the query":         {target: "?token=guess&token=secret", want: text},
		"the other token of a rotation":              {lines: "Token: older", want: "older"},
		"the other token in the body":                {body: `{"token":"older"}`, want: `{"token":"older"}`},
		"right in the body, wrong in every header":   {target: "?token=guess&key=guess", lines: "Authorization: Bearer guess\r\nX-Token: guess\r\nToken: guess", body: `{"token":"secret"}`, want: inJSON},
		"right in the last header, wrong elsewhere":  {target: "?token=guess", lines: "Authorization: guess\r\nToken: secret", body: `{"token":"guess"}`, want: text},
		"right in a header and the body: the header": {lines: "Token: secret", body: `{"token":"older"}`, want: text},
	} {
		t.Run(name, func(t *testing.T) {
			k := *k
			k.t = t
			lines := []string{}
			if c.lines != "" {
				lines = append(lines, c.lines)
			}
			g := k.post("/webhook"+c.target, c.body, lines...)
			k.want(g, 200, c.want)
			if want := map[bool]string{true: "application/json", false: "text/plain"}[strings.HasPrefix(c.want, "{")]; g.form() != want {
				t.Errorf("Content-Type %q", g.form())
			}
		})
	}
	for name, c := range map[string]struct{ target, lines, body string }{
		"nowhere":                          {},
		"empty everywhere":                 {target: "?token=", lines: "Token:\r\nAuthorization: Bearer ", body: `{"token":""}`},
		"with the scheme of somebody else": {lines: "Authorization: Basic secret"},
		"as the name of something":         {target: "?secret", body: `{"secret":true}`},
		"deeper in the body":               {body: `{"events":[{"token":"secret"}],"x":{"token":"secret"}}`},
		"as another type":                  {body: `{"token":["secret"]}`},
		"in a list":                        {body: `{"auth":[{"token":"secret"}]}`},
		"in a body that is cut off":        {body: `{"token":"secret"`},
		"in a body that is not an object":  {body: `"secret"`},
		"with blanks":                      {body: `{"token":" secret"}`},
		"in capitals":                      {lines: "Token: SECRET"},
		"longer":                           {lines: "Token: secretsecret"},
		"shorter":                          {lines: "Token: secre"},
		"very long":                        {lines: "Token: " + strings.Repeat("secret", 1000)},
		"two together":                     {lines: "Token: secret,older"},
		"in a cookie":                      {lines: "Cookie: token=secret"},
		"in a form":                        {body: `token=secret`, lines: "Content-Type: application/x-www-form-urlencoded"},
		"in the query of another name":     {target: "?tokens=secret&TOKEN=secret"},
		"behind Bearer in a header that has none":  {lines: "X-Token: Bearer secret"},
		"in a fragment of what a client would cut": {target: "?a=1%23token=secret"},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			k := *k
			k.t = t
			lines := []string{}
			if c.lines != "" {
				lines = append(lines, c.lines)
			}
			k.refused(k.post("/webhook"+c.target, c.body, lines...), 401)
		})
	}
}

func TestReplyForms(t *testing.T) {
	for _, c := range []struct{ reply, lines, body, want string }{
		{"", right, "", "secret"},
		{"mirror", "X: y", `{"token":"secret"}`, `{"token":"secret"}`},
		{"json", right, "", `{"token":"secret"}`},
		{"json", "X: y", `{"token":"secret"}`, `{"token":"secret"}`},
		{"text", right, "", `secret`},
		{"text", "X: y", `{"token":"secret"}`, `secret`},
	} {
		k := start(t, Config{Tokens: []string{"secret"}, Reply: c.reply})
		k.want(k.post("/webhook", c.body, c.lines), 200, c.want)
	}
}

func TestWithoutConfiguredTokensTheOneThatCameIsAnswered(t *testing.T) {
	for _, tokens := range [][]string{nil, {""}, {"", ""}} {
		for _, c := range []struct{ reply, target, lines, body, want string }{
			{"", "", "X: y", `{"events":[{"n":1}]}`, ""},
			{"json", "", "X: y", "", ""},
			{"", "", "Authorization: Bearer abc", `{"token":"def"}`, "abc"},
			{"", "", "Authorization: abc", "", "abc"},
			{"", "?token=%22q", "X: y", "", `"q`},
			{"json", "?token=%22q%3C", "X: y", "", `{"token":"\"q<"}`},
			{"", "", "X: y", `{"token":"d<e&f\u2028\ud83d\ude00\"\\"}`, `{"token":"d<e&f\u2028😀\"\\"}`},
			{"text", "", "X: y", `{"token":"def"}`, "def"},
		} {
			k := start(t, Config{Tokens: tokens, Reply: c.reply})
			k.want(k.post("/webhook"+c.target, c.body, c.lines), 200, c.want)
		}
	}
	k := start(t, Config{})
	if k.refused(k.post("/webhook", `x`), 400); len(k.store.remembered(ListRejected)) != 1 {
		t.Error("not kept")
	}
}

func TestAnEmptyTokenIsNoToken(t *testing.T) {
	k := start(t, Config{Tokens: []string{"", "secret"}})
	k.refused(k.post("/webhook?token=", `{"token":""}`, "Token:", "Authorization:"), 401)
	k.want(k.post("/webhook", ``, right), 200, "secret")
}

func TestATokenOfAnyCharactersIsEchoed(t *testing.T) {
	token := `ü "\{}<&>` + "\t" + `😀`
	k := start(t, Config{Tokens: []string{token}})
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	g := k.post("/webhook", string(body))
	var reply map[string]string
	if err := json.Unmarshal([]byte(g.body), &reply); err != nil || g.code != 200 || reply["token"] != token || len(reply) != 1 {
		t.Errorf("%+v, %v", g, err)
	}
	k.want(k.post("/webhook", "", "Token: "+token), 200, token)
}

func TestFaultsOfAConfiguration(t *testing.T) {
	c := Config{Path: "webhook", Reply: "xml", MaxBody: -1, Rate: -1, TokenIn: []string{"cookie:x", "header:", "body:a..b", "header:A B", "query:ok"},
		AllowFrom: []string{"10.0.0.0/33"}, TrustedProxies: []string{"::1", "proxy.example"}}
	var keys []string
	for _, err := range c.Validate() {
		key, _, _ := strings.Cut(err.Error(), ": ")
		keys = append(keys, key)
	}
	want := "path max_body rate reply token_in.0 token_in.1 token_in.2 token_in.3 allow_from.0 trusted_proxies.1"
	if strings.Join(keys, " ") != want {
		t.Errorf("%q", keys)
	}
	if h, err := New(c, &memory{}, nil, nil, nil); h != nil || err == nil || strings.Count(err.Error(), "\n") != 9 {
		t.Error(err)
	}
	if faults := (Config{Path: "/readyz"}).Validate(); len(faults) != 1 {
		t.Error(faults)
	}
	if faults := (Config{}).Validate(); faults != nil {
		t.Error(faults)
	}
}
