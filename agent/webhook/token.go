package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"deskbell/agent/event"
)

// tokens are the right ones, with the answers they get.
type tokens struct {
	sums   [][sha256.Size]byte
	asText [][]byte
	asJSON [][]byte
	form   string
}

func newTokens(given []string, form string) (t tokens) {
	t.form = form
	for _, token := range given {
		if token == "" {
			continue
		}
		t.sums = append(t.sums, sha256.Sum256([]byte(token)))
		t.asText = append(t.asText, []byte(token))
		t.asJSON = append(t.asJSON, tokenJSON(token))
	}
	return t
}

// open says that every post is accepted.
func (t *tokens) open() bool { return len(t.sums) == 0 }

// match returns the index of the token that candidate is, or -1. How long it takes tells nothing but the length of
// candidate.
func (t *tokens) match(candidate string) int {
	if candidate == "" {
		return -1
	}
	var space [128]byte
	sum := sha256.Sum256(append(space[:0], candidate...))
	found := -1
	for i := range t.sums {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.sums[i][:]), i, found)
	}
	return found
}

// tokenJSON is what a token is answered with in JSON.
func tokenJSON(token string) []byte {
	return object("token", token)
}

// finding is the token that a request is judged by: the first right one, or where none is asked for, the first.
type finding struct {
	found  bool
	inBody bool
	index  int    // of a right token
	token  string // when none is asked for
	place  string // of that token or, while none is found, of the first wrong one: such as "header Token", "query token", "body"
}

// try looks at one candidate and says whether the search is over.
func (f *finding) try(t *tokens, candidate, place string, inBody bool) bool {
	if candidate == "" {
		return false
	}
	if t.open() {
		*f = finding{found: true, inBody: inBody, token: candidate, place: place}
		return true
	}
	if i := t.match(candidate); i >= 0 {
		*f = finding{found: true, inBody: inBody, index: i, place: place}
		return true
	}
	if f.place == "" {
		f.place = place
	}
	return false
}

// reply is what the finding is answered with, and whether that is JSON; nothing when there was no token.
func (f *finding) reply(t *tokens) (text []byte, isJSON bool) {
	if !f.found {
		return nil, false
	}
	isJSON = t.form == ReplyJSON || t.form != ReplyText && f.inBody
	switch {
	case t.open() && isJSON:
		return tokenJSON(f.token), true
	case t.open():
		return []byte(f.token), false
	case isJSON:
		return t.asJSON[f.index], true
	}
	return t.asText[f.index], false
}

// places are those of Config.TokenIn; the usual ones are built in.
type places struct {
	headers, queries []string
	bodies           [][]string
}

func (p *places) add(text string) bool {
	place, name, _ := strings.Cut(text, ":")
	if name == "" || strings.TrimSpace(name) != name {
		return false
	}
	switch place {
	case "header":
		p.headers = append(p.headers, textproto.CanonicalMIMEHeaderKey(name))
		return !strings.ContainsAny(name, " :\r\n\t")
	case "query":
		p.queries = append(p.queries, name)
		return true
	case "body":
		path := strings.Split(name, ".")
		p.bodies = append(p.bodies, path)
		for _, step := range path {
			if step == "" {
				return false
			}
		}
		return true
	}
	return false
}

// outside looks for a token everywhere but in the body.
func (p *places) outside(t *tokens, r *http.Request) (f finding) {
	for _, value := range r.Header["Authorization"] {
		if scheme, rest, ok := strings.Cut(value, " "); ok && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Token")) {
			if f.try(t, strings.TrimSpace(rest), "header Authorization", false) {
				return f
			}
		}
		if f.try(t, value, "header Authorization", false) {
			return f
		}
	}
	header := func(name, place string) bool {
		for _, value := range r.Header[name] {
			if f.try(t, value, place, false) {
				return true
			}
		}
		return false
	}
	if header("X-Webhook-Token", "header X-Webhook-Token") || header("X-Token", "header X-Token") || header("Token", "header Token") {
		return f
	}
	var query url.Values
	if r.URL.RawQuery != "" {
		query = r.URL.Query() // what cannot be read of it is left out
	}
	for _, value := range query["token"] {
		if f.try(t, value, "query token", false) {
			return f
		}
	}
	for _, name := range p.headers {
		if header(name, "header "+name) {
			return f
		}
	}
	for _, name := range p.queries {
		for _, value := range query[name] {
			if f.try(t, value, "query "+name, false) {
				return f
			}
		}
	}
	return f
}

// inside looks for a token in a body that was parsed. Where there is none, it returns what outside found.
func (p *places) inside(t *tokens, parser *event.Parser, f finding) finding {
	if token, ok := parser.Token(); ok && f.try(t, token, "body", true) {
		return f
	}
	for _, path := range p.bodies {
		if token, ok := parser.Lookup(path...); ok && f.try(t, token, "body "+strings.Join(path, "."), true) {
			return f
		}
	}
	return f
}
