package event

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// canonical writes the one form that all ways to send the same element share: keys sorted by the UTF-8 bytes of what
// they stand for, the last of a repeated name, no white space, strings as RFC 8785 escapes them, numbers as sent, a
// lone surrogate as \udxxx. It is never longer than the text it is made from.
type canonical struct {
	out     []byte
	keys    []byte   // decoded names that held escapes
	members []member // of the objects that are being written, innermost last
}

type member struct {
	key   []byte
	token uint32 // of the name
}

// identity is the first half of SHA-256 over the canonical form of the value at i.
func (c *canonical) identity(d *document, i uint32) (id [16]byte) {
	c.out, c.keys = c.out[:0], c.keys[:0]
	c.value(d, i)
	sum := sha256.Sum256(c.out)
	copy(id[:], sum[:])
	return id
}

// value appends the value at i. It recurses, at most maxDepth deep.
func (c *canonical) value(d *document, i uint32) {
	switch t := &d.tape[i]; t.kind {
	case tokenObject:
		c.object(d, i)
	case tokenList:
		separator := byte('[')
		for e := i + 1; e < t.next; e = d.tape[e].next {
			c.out = append(c.out, separator)
			separator = ','
			c.value(d, e)
		}
		if separator == '[' {
			c.out = append(c.out, '[')
		}
		c.out = append(c.out, ']')
	case tokenString:
		c.text(d, i)
	default:
		c.out = append(c.out, d.raw(i)...)
	}
}

func (c *canonical) text(d *document, i uint32) {
	if !d.tape[i].escaped {
		c.out = append(c.out, d.raw(i)...) // nothing in it can need an escape
		return
	}
	c.out = append(c.out, '"')
	for raw := d.inner(i); len(raw) > 0; {
		plain := bytes.IndexByte(raw, '\\')
		if plain < 0 {
			c.out = append(c.out, raw...)
			break
		}
		c.out, raw = append(c.out, raw[:plain]...), raw[plain:]
		r, n := nextRune(raw)
		raw = raw[n:]
		c.out = appendEscaped(c.out, r)
	}
	c.out = append(c.out, '"')
}

func (c *canonical) object(d *document, i uint32) {
	base := len(c.members)
	for m, end := i+1, d.tape[i].next; m < end; m = d.tape[m+1].next {
		key := d.inner(m)
		if d.tape[m].escaped {
			from := len(c.keys)
			c.keys = appendDecoded(c.keys, key, true)
			key = c.keys[from:]
		}
		c.members = append(c.members, member{key: key, token: m})
	}
	sortMembers(c.members[base:])
	c.out = append(c.out, '{')
	begin := len(c.out)
	for n, count := base, len(c.members); n < count; n++ {
		m := c.members[n]
		if n+1 < count && bytes.Equal(m.key, c.members[n+1].key) {
			continue // given again later: that one counts
		}
		if len(c.out) > begin {
			c.out = append(c.out, ',')
		}
		c.text(d, m.token)
		c.out = append(c.out, ':')
		c.value(d, m.token+1)
	}
	c.members = c.members[:base]
	c.out = append(c.out, '}')
}

// sortMembers sorts by key, equal ones in the order sent.
func sortMembers(ms []member) {
	if len(ms) > 16 {
		slices.SortFunc(ms, func(a, b member) int {
			if c := bytes.Compare(a.key, b.key); c != 0 {
				return c
			}
			return int(a.token) - int(b.token)
		})
		return
	}
	for i := 1; i < len(ms); i++ {
		m, j := ms[i], i
		for ; j > 0 && bytes.Compare(m.key, ms[j-1].key) < 0; j-- {
			ms[j] = ms[j-1]
		}
		ms[j] = m
	}
}

// forget drops references to the text, and buffers that one large text has grown.
func (c *canonical) forget(maxBytes int) {
	clear(c.members[:cap(c.members)])
	c.members = c.members[:0]
	if cap(c.out) > maxBytes {
		c.out = nil
	}
	if cap(c.keys) > maxBytes {
		c.keys = nil
	}
	if cap(c.members)*32 > maxBytes {
		c.members = nil
	}
}
