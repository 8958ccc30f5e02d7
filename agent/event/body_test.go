package event

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestFaultsSayWhatAndWhere(t *testing.T) {
	for src, want := range map[string]string{
		`{"events":[}`:                      `unexpected '}' where a value should begin at byte 11`,
		"{\n  \"a\": tru\n}":                "unexpected byte 0xa in true at byte 12 (line 2, column 11)",
		`{"a":1`:                            `unexpected end where , or } should be at byte 6`,
		`{"a":1 "b":2}`:                     `unexpected '"' where , or } should be at byte 7`,
		`{a:1}`:                             `unexpected 'a' where a name in quotes should begin at byte 1`,
		`{"a" 1}`:                           `unexpected '1' where : should be at byte 5`,
		`{} x`:                              `unexpected 'x' after the value at byte 3`,
		`{"a":01}`:                          `unexpected '1' where , or } should be at byte 6`,
		`{"a":"` + "\x00" + `"}`:            `unexpected byte 0x0 in a string: controls must be escaped at byte 6`,
		`{"a":"` + "\xff" + `"}`:            `not valid UTF-8 at byte 6`,
		`{"a":"\q"}`:                        `unexpected 'q' after a backslash at byte 7`,
		`{"a":"\u00x0"}`:                    `unexpected 'x' in \u: four hexadecimal digits should follow at byte 10`,
		"\ufeff{}":                          `unexpected byte 0xef where a value should begin at byte 0`,
		` [1]`:                              `the body is not an object, which should begin at byte 1`,
		`{"events":{}}`:                     `events is neither a list nor null, it begins at byte 10`,
		`{"events":[{},{},7]}`:              `element 3 of events is not an object, it begins at byte 17`,
		strings.Repeat(`{"a":`, 1001):       `nested deeper than 1,000 at byte 5000`,
		`{"a":` + strings.Repeat("[", 1000): `nested deeper than 1,000 at byte 1004`,
	} {
		_, err := ParseBody([]byte(src))
		var fault *SyntaxError
		if !errors.As(err, &fault) || err.Error() != want {
			t.Errorf("%.40q:\ngot  %v\nwant %s", src, err, want)
		}
	}
}

func TestBodiesWithoutEvents(t *testing.T) {
	for _, body := range []string{``, " \r\n\t", `{}`, `{"events":null}`, `{"events":[]}`, `{"token":"x"}`, `{"events":[{}],"events":null}`} {
		if b, err := ParseBody([]byte(body)); err != nil || len(b.Elements) != 0 {
			t.Errorf("%q: %d elements, %v", body, len(b.Elements), err)
		}
	}
}

func TestSeveralElementsKeepTheirBytes(t *testing.T) {
	body := `{"events" : [ {"event": {"type" : "a\u0062"}, "n": 1.0} ,{"n":1.0,"event":{"type":"ab"}},{"event":7}]}`
	b, err := ParseBody([]byte(body))
	if err != nil || len(b.Elements) != 3 {
		t.Fatal(len(b.Elements), err)
	}
	if b.Elements[0].ID != b.Elements[1].ID || b.Elements[0].ID == b.Elements[2].ID {
		t.Error("ids")
	}
	if string(b.Elements[0].Data) != `{"event": {"type" : "a\u0062"}, "n": 1.0}` || string(b.Elements[2].Data) != `{"event":7}` {
		t.Errorf("%s", b.Elements[0].Data)
	}
	if string(b.Elements[0].Type) != "ab" || b.Elements[2].Type != nil {
		t.Errorf("%q", b.Elements[0].Type)
	}
}

func TestTokenAndLookup(t *testing.T) {
	body := []byte(`{"token":"old","a":{"b":{"c":"deep","n":12.50,"x":null}},"to\u006ben":"new","events":[],"a.b":1}`)
	if b, err := ParseBody(body); err != nil || b.Token != "new" || !b.HasToken {
		t.Errorf("%+v, %v", b, err)
	}
	var p Parser
	if err := p.Parse(body); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"token": "new", "a.b.c": "deep", "a.b.n": "12.50", "a.b.x": "", "a.b": "", "": "", "events": "", "events.0": ""} {
		if got, ok := p.Lookup(strings.Split(path, ".")...); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	if b, _ := ParseBody([]byte(`{"token":7}`)); b.HasToken {
		t.Error("a number is no token")
	}
	if b, err := ParseBody([]byte(`{"token":""}`)); !b.HasToken || b.Token != "" {
		t.Error("an empty token is there", err)
	}
	if got := p.Keys(3); !slices.Equal(got, []string{"token", "a", "events"}) {
		t.Errorf("%q", got)
	}
	for _, none := range []string{`[]`, `{`, ` `} {
		_ = p.Parse([]byte(none))
		if _, ok := p.Lookup("a"); ok || p.Keys(9) != nil {
			t.Errorf("found something in %q", none)
		}
	}
}

func TestAParserForgetsTheBodyBefore(t *testing.T) {
	var p Parser
	for _, body := range []string{`{"token":"a","events":[{"n":1}]}`, ``, `{"events":[{"n":1}],"token":"a"`, `[]`} {
		first := p.Parse([]byte(body)) == nil && body != ""
		elements, err := p.Elements(nil)
		if _, has := p.Token(); has != first || (len(elements) == 1) != first || err != nil || (p.Keys(9) != nil) != first {
			t.Errorf("%q: token %v, %d elements, %v", body, has, len(elements), err)
		}
		p.Forget()
	}
	large := []byte(`{"events":[` + strings.Repeat(`{"a":[0,0,0,0,0]},`, 50_000) + `{}]}`)
	if err := p.Parse(large); err != nil {
		t.Fatal(err)
	}
	if elements, err := p.Elements(nil); err != nil || len(elements) != 50_001 {
		t.Fatal(len(elements), err)
	}
	if p.Forget(); p.doc.tape != nil || p.doc.src != nil {
		t.Errorf("still holds %d tokens", cap(p.doc.tape))
	}
}

func TestRedact(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		paths []string
		want  string
	}{
		"nothing to remove":             {`{ "event":{"payload":{}} }`, []string{"payload.a", "x"}, `{ "event":{"payload":{}} }`},
		"the only member":               {`{"event":{"payload":{ "a" : 1 } }}`, []string{"payload.a"}, `{"event":{"payload":{  } }}`},
		"the first":                     {`{"event":{"a":1, "b":2, "c":3}}`, []string{"a"}, `{"event":{"b":2, "c":3}}`},
		"the last":                      {`{"event":{"a":1, "b":2, "c":3 }}`, []string{"c"}, `{"event":{"a":1, "b":2 }}`},
		"one in the middle":             {`{"event":{"a":1, "b":2, "c":3}}`, []string{"b"}, `{"event":{"a":1, "c":3}}`},
		"the first two":                 {`{"event":{"a":1, "b":2, "c":3}}`, []string{"b", "a"}, `{"event":{"c":3}}`},
		"the last two":                  {`{"event":{"a":1, "b":2, "c":3}}`, []string{"b", "c"}, `{"event":{"a":1}}`},
		"all":                           {`{"event":{"a":1, "b":2, "c":3}}`, []string{"a", "b", "c"}, `{"event":{}}`},
		"first and last":                {`{"event":{"a":1, "b":2, "c":3}}`, []string{"a", "c"}, `{"event":{"b":2}}`},
		"a repeated and escaped name":   {`{"event":{"a":1,"b":2,"\u0061":3}}`, []string{"a"}, `{"event":{"b":2}}`},
		"in the elements of a list":     {`{"event":{"v":[{"n":1,"x":2},[{"x":3}],4]}}`, []string{"v.x"}, `{"event":{"v":[{"n":1},[{}],4]}}`},
		"inside something removed":      {`{"event":{"a":{"b":1},"c":2}}`, []string{"a.b", "a"}, `{"event":{"c":2}}`},
		"other numbers stay as sent":    {`{"event":{"a":1.0e5 , "b":{"c":1}},"t":1.50}`, []string{"b.c"}, `{"event":{"a":1.0e5 , "b":{}},"t":1.50}`},
		"paths count from event":        {`{"payload":1,"event":{"payload":2}}`, []string{"payload"}, `{"payload":1,"event":{}}`},
		"what is not JSON becomes {}":   {`{"event":`, []string{"a"}, `{}`},
		"an empty path removes nothing": {`{"event":{"a":1}}`, []string{""}, `{"event":{"a":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			in := []byte(c.in)
			if got := Redact(in, c.paths); string(got) != c.want || string(in) != c.in {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
