package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// awkward are texts on the edges: right and wrong JSON, and bodies of wrong shapes.
func awkward() []string {
	deep := func(n int, open, closing string) string { return strings.Repeat(open, n) + strings.Repeat(closing, n) }
	return []string{
		``, ` `, `{}`, `[]`, `null`, `true`, `fals`, `nul`, `"`, `"a`, `"\`, `"\u12`, `"\u12g4"`, `"\ud800"`, `"\ud83d\ude00"`, `"\x"`,
		`-`, `-0`, `01`, `1.`, `1.e1`, `.5`, `1e`, `1e+`, `1E-07`, `+1`, `1 2`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":}`, `{,}`, `[1,]`, `[,1]`,
		`[1 2]`, `{"a":1]`, `[1}`, `{"a":1}}`, `]`, "\ufeff{}", "\"\x01\"", "\"\x7f\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\xff",
		"\"ab\u00e9cdefghijklmnop\xf0\x9f\x98\x80qrstuvwx\"", "{\n \"a\" : \"\n\"}", `{"\ud800":1,"\udbff":2,"\uffff":3,"𐀀":4}`,
		deep(1000, "[", "]"), deep(1001, "[", "]"), deep(500, `{"a":[`, `]}`), deep(501, `{"a":[`, `]}`), strings.Repeat("[", 100000),
		`{"a":1,"a":{"b":2},"\u0061":[{"c":null}]}`, `{"events":[{}]}`, `{"events":{}}`, `{"events":[1]}`, `{"events":null}`, `{"events":"x"}`,
		`{"events":[{"event":{"type":7,"payload":[]},"conversation":3,"account":"x","visitor":null,"timestamp":{}}]}`,
		`{"token":"abc","events":[]}`, `{"token":1}`, `{"token":"\ud800","token":"x"}`, `{"events":[1],"events":[{}]}`,
		`{"event":{"type":"x","payload":{"variables":[{"name":"a"}],"message":{"text":"\u202e\u0000\n"},"status":1}}}`,
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range awkward() {
		f.Add([]byte(s))
	}
	for _, s := range Samples() {
		f.Add(s.Data)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var d document
		fault := d.scan(src)
		value, ok := refParse(src)
		if (fault == nil) != ok {
			t.Fatalf("%q: we say %v, encoding/json says %v", src, fault, ok)
		}
		if !ok {
			if fault.Offset < 0 || fault.Offset > int64(len(src)) || fault.Line < 1 || fault.Column < 1 || fault.Error() == "" {
				t.Fatalf("%q: %+v", src, fault)
			}
			return
		}
		var c canonical
		id := c.identity(&d, root)
		if want := refCanonical(value); string(c.out) != want {
			t.Fatalf("%q\ngot  %s\nwant %s", src, c.out, want)
		}
		if got := fmt.Sprintf("%x", id); got != refID(value) {
			t.Fatalf("%q: id %s", src, got)
		}
		if len(c.out) > len(src) {
			t.Fatalf("%q: canonical form is longer", src)
		}
		if again, err := ID(bytes.Clone(c.out)); err != nil || again != id {
			t.Fatalf("%q: the canonical form's own id differs: %v", src, err)
		}
		if got, want := loose(t, c.out), loose(t, src); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became another value: %s", src, c.out)
		}
	})
}

func loose(t *testing.T, src []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return v
}

func FuzzParseBody(f *testing.F) {
	for _, s := range awkward() {
		f.Add([]byte(s))
	}
	for _, s := range Samples() {
		f.Add(s.Data)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		b, err := ParseBody(body)
		var p Parser
		_ = p.Parse(body)
		p.Lookup("token")
		keys := p.Keys(10)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		value, ok := refParse(body)
		object, isObject := value.(map[string]any)
		events, isList := object[refText("events")].([]any)
		good := ok && isObject && (isList || object[refText("events")] == nil)
		for _, e := range events {
			_, is := e.(map[string]any)
			good = good && is
		}
		if strings.Trim(string(body), " \t\r\n") == "" {
			good = true
		}
		if (err == nil) != good {
			t.Fatalf("%q: %v", body, err)
		}
		if err != nil {
			return
		}
		lone := strings.Contains(strings.Join(keys, ""), "\ufffd") // several lone surrogates read as the same name
		if len(keys) > 10 || len(keys) < min(len(object), 10) && !lone {
			t.Fatalf("%q: keys %q", body, keys)
		}
		if len(b.Elements) != len(events) {
			t.Fatalf("%q: %d elements of %d", body, len(b.Elements), len(events))
		}
		for i, e := range b.Elements {
			if got := fmt.Sprintf("%x", e.ID); got != refID(events[i]) {
				t.Fatalf("%q: id of element %d", body, i)
			}
			if id, err := ID(e.Data); err != nil || id != e.ID {
				t.Fatalf("%q: element %d alone: %v", body, i, err)
			}
		}
	})
}

// FuzzPlainTime: the fast way reads nothing that the other does not, and the same.
func FuzzPlainTime(f *testing.F) {
	for _, text := range []string{"2023-08-29 04:27:48.236411", "2023-08-29 04:27:48", "2023-03-26 02:30:00", "2023-10-29 02:30:00.5",
		"2023-02-30 00:00:00", "2023-08-29 04:27:48 UTC", "2023-08-29T04:27:48", "2023-08-29 4:27:48", "2023-08-29 04:27:48,5",
		"2023-08-29 24:00:00", "0000-01-01 00:00:00", "2023-08-29 04:27:60", "2023-08-29 04:27:48.1234567890123", "2023-08-29 04:27:48.", "2023-08-29 "} {
		f.Add(text)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 64 {
			return
		}
		for _, zone := range []*time.Location{time.UTC, berlin} {
			fast, ok := parsePlain(text, zone)
			if !ok {
				continue
			}
			if slow, ok := parseCalendar(text, zone); !ok || !slow.Equal(fast) {
				t.Fatalf("%q in %v: %v, the other way %v %v", text, zone, fast, slow, ok)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range awkward() {
		f.Add([]byte(s))
	}
	for _, s := range Samples() {
		b, err := ParseBody(s.Data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b.Elements[0].Data)
	}
	for _, c := range summaries {
		f.Add([]byte(c.element))
	}
	d, err := NewDecoder(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, element []byte) {
		e := d.Decode(element)
		if !e.Kind.Valid() || e.Kind != d.Kind(element) || e.Time.Location().String() != "UTC" {
			t.Fatalf("%q: %+v", element, e)
		}
		var doc document
		if doc.scan(element) == nil && doc.isObject(root) { // what has one identity is one event
			var c canonical
			c.identity(&doc, root)
			if other := d.Decode(c.out); !reflect.DeepEqual(e, other) {
				t.Fatalf("%q is %+v, %q is %+v", element, e, c.out, other)
			}
		}
		if e.Assignee != nil && e.Assignee.Kind == "" {
			t.Fatalf("%q: an assignee without kind", element)
		}
		if _, err := e.Time.MarshalJSON(); err != nil {
			t.Fatalf("%q: %v", element, err)
		}
		checkLine(t, d.Summary(element))
	})
}

func checkLine(t *testing.T, s string) {
	t.Helper()
	if n := utf8.RuneCountInString(s); n == 0 || n > maxSummary || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		t.Errorf("%q has %d runes", s, n)
	}
	for _, r := range s {
		if r != ' ' && (unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%q holds %U", s, r)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, s := range awkward() {
		f.Add([]byte(s), "payload.variables", "payload.message")
	}
	f.Add([]byte(`{"event":{"payload":{"a":1,"b":2,"c":[{"d":1},{"d":2,"e":3}]}}}`), "payload.a", "payload.c.d")
	f.Fuzz(func(t *testing.T, element []byte, one, two string) {
		value, ok := refParse(element)
		before := bytes.Clone(element)
		got := Redact(element, []string{one, two})
		if !bytes.Equal(before, element) {
			t.Fatal("the element was changed")
		}
		if !ok {
			if string(got) != "{}" {
				t.Fatalf("%q: %q", element, got)
			}
			return
		}
		if !utf8.ValidString(one) || !utf8.ValidString(two) {
			return // such a path cannot be configured
		}
		for _, p := range []string{one, two} {
			value = refRemove(value, append([]string{"event"}, strings.Split(p, ".")...))
		}
		left, ok := refParse(got)
		if !ok || refCanonical(left) != refCanonical(value) {
			t.Fatalf("%q less %q and %q: %q", element, one, two, got)
		}
	})
}
