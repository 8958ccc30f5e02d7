package event

import (
	"slices"
	"strconv"
)

// Element is one event of a body.
type Element struct {
	Data []byte   // the element as received: a slice of the body, not a copy
	ID   [16]byte // see ID
	Type []byte   // event.type decoded, for Decoder.KindOf; nil when absent; often a slice of the body

	at uint32 // its place in the parser's document
}

// Body is what a POST held.
type Body struct {
	Token    string // top-level token, when it is a string
	HasToken bool
	Elements []Element // of events, in the order sent
}

// ParseBody reads a whole body. An empty one, or one of white space, is a body without events. The result refers to
// body, which must not be changed while it is used. The error is a *SyntaxError. Safe for concurrent use; a caller
// with many bodies saves garbage with a Parser.
func ParseBody(body []byte) (Body, error) {
	var p Parser
	if err := p.Parse(body); err != nil {
		return Body{}, err
	}
	elements, err := p.Elements(nil)
	if err != nil {
		return Body{}, err
	}
	token, has := p.Token()
	return Body{Token: token, HasToken: has, Elements: elements}, nil
}

// ID returns the identity of an element: the first 16 bytes of SHA-256 over its canonical form, which is the same
// whatever white space, order of keys or escapes it was sent with. The error is a *SyntaxError.
func ID(element []byte) ([16]byte, error) {
	var d document
	if err := d.scan(element); err != nil {
		return [16]byte{}, err
	}
	var c canonical
	return c.identity(&d, root), nil
}

// Parser reads one body after the other with the same memory. The zero value is ready. It is not safe for concurrent
// use.
type Parser struct {
	doc       document
	canonical canonical
	empty     bool
}

// Parse reads body, whose bytes must not change until Forget or the next Parse. It checks everything but `events`:
// that body is empty or a JSON object, nested at most 1,000 deep, in valid UTF-8. The error is a *SyntaxError; after it
// the parser is as after an empty body.
func (p *Parser) Parse(body []byte) error {
	p.empty = true
	if len(body) == 0 || (&scanner{src: body}).space(0) == len(body) {
		return nil
	}
	if err := p.doc.scan(body); err != nil {
		return err
	}
	if !p.doc.isObject(root) {
		return newSyntaxError(body, int(p.doc.tape[root].start), "the body is not an object, which should begin")
	}
	p.empty = false
	return nil
}

// Token returns the top-level member `token` when it is a string.
func (p *Parser) Token() (string, bool) {
	if p.empty {
		return "", false
	}
	i, ok := p.doc.member(root, "token")
	if !ok || p.doc.tape[i].kind != tokenString {
		return "", false
	}
	return p.doc.textAt(i)
}

// Lookup returns the string, or the number as sent, that path leads to from the top.
func (p *Parser) Lookup(path ...string) (string, bool) {
	if p.empty {
		return "", false
	}
	i, ok := p.doc.lookup(root, path...)
	if !ok {
		return "", false
	}
	return p.doc.textAt(i)
}

// Keys returns the names of the top-level members in the order sent, each once, at most limit.
func (p *Parser) Keys(limit int) []string {
	if p.empty {
		return nil
	}
	var keys []string
	d := &p.doc
	for m, end := uint32(1), d.tape[root].next; m < end && len(keys) < limit; m = d.tape[m+1].next {
		if key, _ := d.textAt(m); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Sizes returns the names of the top-level members with the lengths of their values' text, at most limit of them.
func (p *Parser) Sizes(limit int) map[string]int {
	sizes := make(map[string]int)
	if p.empty {
		return sizes
	}
	d := &p.doc
	for m, end := uint32(1), d.tape[root].next; m < end && len(sizes) < limit; m = d.tape[m+1].next {
		name, _ := d.textAt(m)
		sizes[name] = len(d.raw(m + 1))
	}
	return sizes
}

// Elements appends the elements of `events` with their identities to dst. An `events` that is absent or null holds
// none. The error, a *SyntaxError, says that it is something else than a list, or which element is not an object.
func (p *Parser) Elements(dst []Element) ([]Element, error) {
	if p.empty {
		return dst, nil
	}
	d := &p.doc
	list, ok := d.member(root, "events")
	if !ok || d.tape[list].kind == tokenNull {
		return dst, nil
	}
	if d.tape[list].kind != tokenList {
		return dst, newSyntaxError(d.src, int(d.tape[list].start), "events is neither a list nor null, it begins")
	}
	n, end := 0, d.tape[list].next
	for e := list + 1; e < end; e = d.tape[e].next {
		if n++; !d.isObject(e) {
			return dst, newSyntaxError(d.src, int(d.tape[e].start),
				"element "+strconv.Itoa(n)+" of events is not an object, it begins")
		}
	}
	dst = slices.Grow(dst, n)
	for e := list + 1; e < end; e = d.tape[e].next {
		dst = append(dst, Element{Data: d.raw(e), ID: p.canonical.identity(d, e), Type: d.typeOf(e), at: e})
	}
	return dst, nil
}

// keepTokens and keepBytes bound what a parser holds on to between bodies.
const (
	keepTokens = 16 << 10
	keepBytes  = 256 << 10
)

// Forget drops every reference to the body, and memory beyond what usual bodies need.
func (p *Parser) Forget() {
	p.empty = true
	p.doc.forget(keepTokens)
	p.canonical.forget(keepBytes)
}

// typeOf returns event.type of the element at i, decoded; nil when it is not a string.
func (d *document) typeOf(i uint32) []byte {
	i, ok := d.lookup(i, "event", "type")
	if !ok || d.tape[i].kind != tokenString {
		return nil
	}
	if !d.tape[i].escaped {
		return d.inner(i)
	}
	return appendDecoded(nil, d.inner(i), false)
}
