package event

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// scanner finds where JSON values begin and end. Its methods take the index to begin at and return the index after
// what they read, and a message if that was not possible; faultAt is then set.
type scanner struct {
	src     []byte
	faultAt int
}

func (s *scanner) fault(at int, msg string) (int, string) {
	s.faultAt = at
	return at, msg
}

func (s *scanner) unexpected(at int, where string) string {
	s.faultAt = at
	if at >= len(s.src) {
		return "unexpected end " + where
	}
	switch c := s.src[at]; {
	case c > ' ' && c < 0x7f:
		return "unexpected " + strconv.QuoteRune(rune(c)) + " " + where
	default:
		return "unexpected byte 0x" + strconv.FormatUint(uint64(c), 16) + " " + where
	}
}

func (s *scanner) space(i int) int {
	src := s.src
	for i < len(src) {
		switch src[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// value reads one value and everything in it onto d.tape, without recursion.
func (s *scanner) value(d *document, i int) (int, string) {
	src := s.src
	for {
		// Here a value begins at i.
		if i >= len(src) {
			return i, s.unexpected(i, "where a value should begin")
		}
		at, kind, escaped := i, tokenNull, false
		var fault string
		switch c := src[i]; c {
		case '"':
			kind = tokenString
			i, escaped, fault = s.text(i)
		case '{', '[':
			if len(d.stack) == maxDepth {
				return s.fault(i, "nested deeper than 1,000")
			}
			kind = tokenObject
			if c == '[' {
				kind = tokenList
			}
			d.stack = append(d.stack, uint32(len(d.tape)))
			d.tape = append(d.tape, token{start: uint32(at), kind: kind})
			i = s.space(i + 1)
			if i < len(src) && src[i] == c+2 { // ']' is '['+2, '}' is '{'+2
				break // the closing below takes it
			}
			if kind == tokenObject {
				if i, fault = s.name(d, i); fault != "" {
					return i, fault
				}
			}
			continue
		case 't':
			kind = tokenTrue
			i, fault = s.word(i, "true")
		case 'f':
			kind = tokenFalse
			i, fault = s.word(i, "false")
		case 'n':
			i, fault = s.word(i, "null")
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			kind = tokenNumber
			i, fault = s.number(i)
		default:
			return i, s.unexpected(i, "where a value should begin")
		}
		if fault != "" {
			return i, fault
		}
		if kind < tokenList {
			d.tape = append(d.tape, token{start: uint32(at), end: uint32(i), next: uint32(len(d.tape) + 1), kind: kind,
				escaped: escaped})
		}
		// Here a value has ended, or an empty object or list is about to.
		for {
			if len(d.stack) == 0 {
				return i, ""
			}
			open := &d.tape[d.stack[len(d.stack)-1]]
			i = s.space(i)
			closing, where := byte('}'), "where , or } should be"
			if open.kind == tokenList {
				closing, where = ']', "where , or ] should be"
			}
			if i < len(src) && src[i] == closing {
				i++
				open.end, open.next = uint32(i), uint32(len(d.tape))
				d.stack = d.stack[:len(d.stack)-1]
				continue
			}
			if i >= len(src) || src[i] != ',' {
				return i, s.unexpected(i, where)
			}
			i = s.space(i + 1)
			if closing == '}' {
				if i, fault = s.name(d, i); fault != "" {
					return i, fault
				}
			}
			break
		}
	}
}

// name reads a member's name and colon, and the space after it.
func (s *scanner) name(d *document, i int) (int, string) {
	if i >= len(s.src) || s.src[i] != '"' {
		return i, s.unexpected(i, "where a name in quotes should begin")
	}
	end, escaped, fault := s.text(i)
	if fault != "" {
		return end, fault
	}
	d.tape = append(d.tape, token{start: uint32(i), end: uint32(end), next: uint32(len(d.tape) + 1), kind: tokenString,
		escaped: escaped})
	i = s.space(end)
	if i >= len(s.src) || s.src[i] != ':' {
		return i, s.unexpected(i, "where : should be")
	}
	return s.space(i + 1), ""
}

func (s *scanner) word(i int, word string) (int, string) {
	for n := range len(word) {
		if i+n >= len(s.src) || s.src[i+n] != word[n] {
			return i + n, s.unexpected(i+n, "in "+word)
		}
	}
	return i + len(word), ""
}

func (s *scanner) digits(i int) int {
	for i < len(s.src) && s.src[i]-'0' <= 9 {
		i++
	}
	return i
}

func (s *scanner) number(i int) (int, string) {
	src := s.src
	if src[i] == '-' {
		i++
	}
	end := s.digits(i)
	switch {
	case end == i:
		return i, s.unexpected(i, "where a digit should be")
	case src[i] == '0':
		end = i + 1 // a digit after it is found to be out of place by whoever comes next
	}
	i = end
	if i < len(src) && src[i] == '.' {
		i++
		if end = s.digits(i); end == i {
			return i, s.unexpected(i, "where a digit should be")
		}
		i = end
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		if end = s.digits(i); end == i {
			return i, s.unexpected(i, "where a digit should be")
		}
		i = end
	}
	return i, ""
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special has the high bit of the first byte of w set that is a quote, a backslash, a control or not ASCII. Bits after
// the first may be wrong.
func special(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return (w | (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// text reads a string with its quotes.
func (s *scanner) text(i int) (end int, escaped bool, fault string) {
	src := s.src
	i++
	for {
		for i+8 <= len(src) {
			if m := special(binary.LittleEndian.Uint64(src[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(src) {
			return i, false, s.unexpected(len(src), "in a string")
		}
		switch c := src[i]; {
		case c == '"':
			return i + 1, escaped, ""
		case c == '\\':
			escaped = true
			if i, fault = s.escape(i); fault != "" {
				return i, false, fault
			}
		case c < 0x20:
			return i, false, s.unexpected(i, "in a string: controls must be escaped")
		case c < utf8.RuneSelf:
			i++
		default:
			for i < len(src) && src[i] >= utf8.RuneSelf {
				r, n := utf8.DecodeRune(src[i:])
				if r == utf8.RuneError && n == 1 {
					s.faultAt = i
					return i, false, "not valid UTF-8"
				}
				i += n
			}
		}
	}
}

func (s *scanner) escape(i int) (int, string) {
	i++
	if i >= len(s.src) {
		return i, s.unexpected(i, "in a string")
	}
	switch s.src[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, ""
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(s.src) || hexDigit(s.src[i+n]) < 0 {
				return i + n, s.unexpected(i+n, `in \u: four hexadecimal digits should follow`)
			}
		}
		return i + 5, ""
	}
	return i, s.unexpected(i, "after a backslash")
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}
