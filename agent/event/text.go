package event

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions of this file work on the inside of strings that a scanner has found to be right.

func isSurrogate(r rune) bool { return r >= 0xd800 && r < 0xe000 }

// nextRune decodes the first character of raw and says how many bytes it takes there. A surrogate without its other
// half comes back as itself.
func nextRune(raw []byte) (r rune, n int) {
	if raw[0] != '\\' {
		return utf8.DecodeRune(raw)
	}
	switch c := raw[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r = hex4(raw[2:])
		if r >= 0xd800 && r < 0xdc00 && len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(raw[8:])); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return r, 6
	default:
		return rune(c), 2
	}
}

func hex4(digits []byte) rune {
	return hexDigit(digits[0])<<12 | hexDigit(digits[1])<<8 | hexDigit(digits[2])<<4 | hexDigit(digits[3])
}

// appendDecoded appends what raw stands for. A lone surrogate becomes U+FFFD, or with distinct the three bytes that
// UTF-8 would have for it, so that different ones stay different and sort by value.
func appendDecoded(dst, raw []byte, distinct bool) []byte {
	for len(raw) > 0 {
		plain := bytes.IndexByte(raw, '\\')
		if plain < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:plain]...), raw[plain:]
		r, n := nextRune(raw)
		raw = raw[n:]
		if distinct && isSurrogate(r) {
			dst = append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
		} else {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

const lowerHex = "0123456789abcdef"

// appendEscaped appends one character as RFC 8785 (June 2020, section 3.2.2.2) has it in a string; a lone surrogate as
// \u and four lower-case digits.
func appendEscaped(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r >= 0x20 && !isSurrogate(r):
		return utf8.AppendRune(dst, r)
	}
	switch r {
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', lowerHex[r>>12&15], lowerHex[r>>8&15], lowerHex[r>>4&15], lowerHex[r&15])
}
