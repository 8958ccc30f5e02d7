package event

import (
	"bytes"
	"fmt"
	"math"
)

// maxDepth is how deep objects and lists may nest, the outermost one counted.
const maxDepth = 1000

// SyntaxError says what is wrong with bytes from outside, and where. Its text never repeats more than one character of
// them.
type SyntaxError struct {
	Offset       int64 // bytes before the fault
	Line, Column int   // both from 1; the column counts bytes
	Msg          string
}

// Error gives the message, the offset and, when there is more than one line, line and column.
func (e *SyntaxError) Error() string {
	if e.Line > 1 {
		return fmt.Sprintf("%s at byte %d (line %d, column %d)", e.Msg, e.Offset, e.Line, e.Column)
	}
	return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset)
}

func newSyntaxError(src []byte, at int, msg string) *SyntaxError {
	before := src[:at]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := at - bytes.LastIndexByte(before, '\n')
	return &SyntaxError{Offset: int64(at), Line: line, Column: column, Msg: msg}
}

type tokenKind uint8

const (
	tokenNull tokenKind = iota
	tokenFalse
	tokenTrue
	tokenNumber
	tokenString
	tokenList
	tokenObject
)

// token is one value, or one name in an object. The members of an object follow it as name, value, name, value; a
// value's `next` leads over everything inside it, so that siblings are found without reading what is between them.
type token struct {
	start, end uint32 // of its text; a string with its quotes
	next       uint32 // index of the token after it and all it holds
	kind       tokenKind
	escaped    bool // a string with at least one backslash
}

// document is the flat result of one pass over JSON text. It is reused: scan forgets what was there before.
type document struct {
	src   []byte
	tape  []token
	stack []uint32 // open objects and lists while scanning
}

// root is the index of the outermost value.
const root = 0

func (d *document) raw(i uint32) []byte { t := &d.tape[i]; return d.src[t.start:t.end] }

// inner is the text of a string without its quotes, escapes as sent.
func (d *document) inner(i uint32) []byte { t := &d.tape[i]; return d.src[t.start+1 : t.end-1] }

func (d *document) isObject(i uint32) bool { return d.tape[i].kind == tokenObject }

// nameIs says whether the name at index i, decoded, is name.
func (d *document) nameIs(i uint32, name string) bool {
	t := &d.tape[i]
	if !t.escaped {
		return string(d.src[t.start+1:t.end-1]) == name
	}
	raw := d.inner(i)
	for at := 0; at < len(raw); {
		r, n := nextRune(raw[at:])
		at += n
		if len(name) == 0 {
			return false
		}
		size := len(string(r)) // a lone surrogate becomes U+FFFD here …
		if isSurrogate(r) || len(name) < size || name[:size] != string(r) {
			return false // … and is never part of a name we look for
		}
		name = name[size:]
	}
	return name == ""
}

// member returns the value of the last member of that name; false when there is none or i is no object.
func (d *document) member(i uint32, name string) (uint32, bool) {
	if d.tape[i].kind != tokenObject {
		return 0, false
	}
	found := uint32(0)
	for m, end := i+1, d.tape[i].next; m < end; m = d.tape[m+1].next {
		if d.nameIs(m, name) {
			found = m + 1
		}
	}
	return found, found != 0
}

// lookup follows path from the value at i through objects.
func (d *document) lookup(i uint32, path ...string) (uint32, bool) {
	ok := true
	for _, name := range path {
		if i, ok = d.member(i, name); !ok {
			return 0, false
		}
	}
	return i, true
}

// textAt returns a string decoded, and a number as sent; false for any other type. A lone surrogate reads as U+FFFD.
func (d *document) textAt(i uint32) (string, bool) {
	switch t := &d.tape[i]; t.kind {
	case tokenString:
		if !t.escaped {
			return string(d.inner(i)), true
		}
		return string(appendDecoded(nil, d.inner(i), false)), true
	case tokenNumber:
		return string(d.raw(i)), true
	}
	return "", false
}

// text is textAt of what path leads to, and empty when it leads to nothing of the kind.
func (d *document) text(i uint32, path ...string) string {
	i, ok := d.lookup(i, path...)
	if !ok {
		return ""
	}
	s, _ := d.textAt(i)
	return s
}

// string is text for strings alone.
func (d *document) string(i uint32, path ...string) string {
	i, ok := d.lookup(i, path...)
	if !ok || d.tape[i].kind != tokenString {
		return ""
	}
	s, _ := d.textAt(i)
	return s
}

// scan reads src whole: one JSON value as RFC 8259 has it, in valid UTF-8, nested at most maxDepth deep.
func (d *document) scan(src []byte) *SyntaxError {
	d.src, d.tape, d.stack = src, d.tape[:0], d.stack[:0]
	if uint64(len(src)) > math.MaxInt32 {
		return &SyntaxError{Line: 1, Column: 1, Msg: "longer than 2 GiB"}
	}
	if d.tape == nil {
		d.tape = make([]token, 0, 16+len(src)/12) // about one token to 14 bytes in what the platform sends
	}
	s := scanner{src: src}
	end, fault := s.value(d, s.space(0))
	if fault == "" {
		if end = s.space(end); end < len(src) {
			fault = s.unexpected(end, "after the value")
		}
	}
	if fault != "" {
		d.tape = d.tape[:0]
		return newSyntaxError(src, s.faultAt, fault)
	}
	return nil
}

// forget drops references to the text, and buffers that one large text has grown.
func (d *document) forget(maxTokens int) {
	d.src = nil
	if cap(d.tape) > maxTokens {
		d.tape = nil
	}
}
