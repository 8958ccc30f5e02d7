package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// answer is what a request gets. The zero value of code says that the connection is to be closed without one.
type answer struct {
	code  int
	form  []string // Content-Type
	body  []byte
	later []string // Retry-After
	close bool     // the body was not read, and what is left of it is not worth the wait; or a stop has begun

	place  string // of the token that the request was judged by, see finding
	events int    // that were in it
}

// Header values, as slices so that setting them needs no memory. They are never changed.
var (
	formText  = []string{"text/plain; charset=utf-8"}
	formJSON  = []string{"application/json"}
	afterOne  = []string{"1"}
	afterFive = []string{"5"}
	closing   = []string{"close"}
	allowPost = []string{http.MethodPost}
	allowGet  = []string{http.MethodGet + ", " + http.MethodHead}
	bearer    = []string{"Bearer"}
)

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	if a.form != nil {
		h["Content-Type"] = a.form
	}
	if a.later != nil {
		h["Retry-After"] = a.later
	}
	if a.close {
		h["Connection"] = closing
	}
	switch a.code {
	case http.StatusMethodNotAllowed:
		h["Allow"] = allowPost
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = bearer
	}
	w.WriteHeader(a.code)
	if len(a.body) > 0 {
		_, _ = w.Write(a.body) // whoever asked may be gone, and there is nobody else to tell
	}
}

// failure is an answer with one line of JSON that says why.
func failure(code int, why string) answer {
	return answer{code: code, form: formJSON, body: append(object("error", why), '\n')}
}

func (a answer) retry(after []string) answer { a.later = after; return a }

// unread marks an answer that is given before the body was read, if there is one.
func (a answer) unread(r *http.Request) answer {
	a.close = r.ContentLength != 0
	return a
}

// object is a JSON object of one member.
func object(name, value string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{name: value}); err != nil {
		panic(err) // strings can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
