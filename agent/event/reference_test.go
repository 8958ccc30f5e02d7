package event

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The slow twin of the scanner and the canonical form: maps, runes and recursion. It takes its word for what is JSON
// from encoding/json, and shares no code with what it checks.

type refNumber string

type refParser struct {
	rest string
}

// refParse returns nil, bool, refNumber, string (of refText's making), []any or map[string]any.
func refParse(src []byte) (any, bool) {
	if !json.Valid(src) || !utf8.Valid(src) || refDepth(src) > 1000 {
		return nil, false
	}
	p := refParser{rest: string(src)}
	return p.value(), true
}

func refDepth(src []byte) (deepest int) {
	depth, inText := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

func (p *refParser) trim() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *refParser) take(prefix string) bool {
	p.trim()
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *refParser) value() any {
	switch {
	case p.take("null"):
		return nil
	case p.take("true"):
		return true
	case p.take("false"):
		return false
	case p.take("["):
		list := []any{}
		for !p.take("]") {
			list = append(list, p.value())
			p.take(",")
		}
		return list
	case p.take("{"):
		object := map[string]any{}
		for !p.take("}") {
			p.trim()
			name := p.text()
			p.take(":")
			object[name] = p.value()
			p.take(",")
		}
		return object
	case p.rest[0] == '"':
		return p.text()
	}
	n := len(p.rest) - len(strings.TrimLeft(p.rest, "+-.eE0123456789"))
	number := p.rest[:n]
	p.rest = p.rest[n:]
	return refNumber(number)
}

// text reads a string into its UTF-16 units, joins the pairs, and returns code points as comma-ended decimals: a form
// that can tell lone surrogates apart.
func (p *refParser) text() string {
	var units []uint16
	p.rest = p.rest[1:]
	for p.rest[0] != '"' {
		if p.rest[0] != '\\' {
			r, n := utf8.DecodeRuneInString(p.rest)
			units = utf16.AppendRune(units, r)
			p.rest = p.rest[n:]
			continue
		}
		if p.rest[1] == 'u' {
			n, err := strconv.ParseUint(p.rest[2:6], 16, 16)
			if err != nil {
				panic(err)
			}
			units = append(units, uint16(n))
			p.rest = p.rest[6:]
			continue
		}
		units = append(units, map[byte]uint16{'b': 8, 't': 9, 'n': 10, 'f': 12, 'r': 13, '"': '"', '\\': '\\', '/': '/'}[p.rest[1]])
		p.rest = p.rest[2:]
	}
	p.rest = p.rest[1:]
	var points strings.Builder
	for i := 0; i < len(units); i++ {
		point := rune(units[i])
		if i+1 < len(units) {
			if pair := utf16.DecodeRune(point, rune(units[i+1])); pair != utf8.RuneError {
				point = pair
				i++
			}
		}
		fmt.Fprintf(&points, "%d,", point)
	}
	return points.String()
}

func refPoints(text string) []rune {
	var points []rune
	for field := range strings.SplitSeq(strings.TrimSuffix(text, ","), ",") {
		if field != "" {
			n, err := strconv.Atoi(field)
			if err != nil {
				panic(err)
			}
			points = append(points, rune(n))
		}
	}
	return points
}

// refText makes the key under which refParse keeps a plain string.
func refText(s string) string {
	var points strings.Builder
	for _, r := range s {
		fmt.Fprintf(&points, "%d,", r)
	}
	return points.String()
}

func refCanonical(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case refNumber:
		return string(v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, refCanonical(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		// The order of UTF-8 bytes is the order of code points.
		slices.SortFunc(names, func(a, b string) int { return slices.Compare(refPoints(a), refPoints(b)) })
		var parts []string
		for _, name := range names {
			parts = append(parts, refCanonical(name)+":"+refCanonical(v[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case string:
		out := `"`
		for _, r := range refPoints(v) {
			short := map[rune]string{8: `\b`, 9: `\t`, 10: `\n`, 12: `\f`, 13: `\r`, '"': `\"`, '\\': `\\`}[r]
			switch {
			case short != "":
				out += short
			case r < 0x20 || r >= 0xd800 && r <= 0xdfff:
				out += fmt.Sprintf(`\u%04x`, r)
			default:
				out += string(r)
			}
		}
		return out + `"`
	}
	panic(fmt.Sprintf("no JSON value: %T", v))
}

func refID(v any) string {
	sum := sha256.Sum256([]byte(refCanonical(v)))
	return fmt.Sprintf("%x", sum[:16])
}

// refRemove takes away what path leads to.
func refRemove(v any, path []string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = refRemove(v[i], path)
		}
	case map[string]any:
		name := refText(path[0])
		if len(path) == 1 {
			delete(v, name)
		} else if inner, ok := v[name]; ok {
			v[name] = refRemove(inner, path[1:])
		}
	}
	return v
}
