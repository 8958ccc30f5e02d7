package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSummary is the length of a summary in runes.
const maxSummary = 120

// line collects text for a person: no controls, no format characters (among them those that change the direction of
// writing), one blank for any white space. It takes one rune more than a summary may have, to know of the rest.
type line struct {
	b     strings.Builder
	runes int
	blank bool // one is due before the next character
}

func (l *line) full() bool { return l.runes > maxSummary }

func (l *line) rune(r rune) {
	switch {
	case unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Zs):
		l.blank = l.runes > 0
		return
	case unicode.Is(unicode.Cf, r):
		return
	}
	if l.blank && !l.full() {
		l.blank = false
		l.b.WriteByte(' ')
		l.runes++
	}
	if !l.full() {
		l.b.WriteRune(r) // a surrogate becomes U+FFFD
		l.runes++
	}
}

// oneLine returns s as a line, cut to maxSummary runes.
func oneLine(s string) string {
	var l line
	for _, r := range s {
		if l.rune(r); l.full() {
			break
		}
	}
	s = l.b.String()
	if !l.full() {
		return s
	}
	for range 2 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimRight(s, " ") + "…"
}

// phraseDepth is how deep phrase looks into lists and objects.
const phraseDepth = 3

// phrase returns what path leads to from i as words: a string or number, yes or no, the elements of a list joined by
// commas, the first telling member of an object. It is empty when there is nothing to say.
func (d *document) phrase(i uint32, path ...string) string {
	i, ok := d.lookup(i, path...)
	if !ok {
		return ""
	}
	var l line
	d.say(&l, i, phraseDepth)
	return l.b.String()
}

func (d *document) say(l *line, i uint32, depth int) {
	if depth == 0 {
		return
	}
	switch t := &d.tape[i]; t.kind {
	case tokenString:
		for raw := d.inner(i); len(raw) > 0 && !l.full(); {
			r, n := nextRune(raw)
			l.rune(r)
			raw = raw[n:]
		}
	case tokenNumber:
		l.words(string(d.raw(i)))
	case tokenTrue:
		l.words("yes")
	case tokenFalse:
		l.words("no")
	case tokenList:
		for e := i + 1; e < t.next && !l.full(); e = d.tape[e].next {
			before := l.runes
			if before == 0 {
				d.say(l, e, depth-1)
				continue
			}
			var one line
			if d.say(&one, e, depth-1); one.runes > 0 {
				l.words(", " + one.b.String())
			}
		}
	case tokenObject:
		for _, name := range [...]string{"title", "name", "label", "text", "value", "email", "id"} {
			if m, ok := d.member(i, name); ok && d.tape[m].kind < tokenList {
				before := l.runes
				if d.say(l, m, depth-1); l.runes > before {
					return
				}
			}
		}
	}
}

func (l *line) words(s string) {
	for _, r := range s {
		l.rune(r)
	}
}
