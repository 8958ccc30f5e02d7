package indicator

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// world is what a program looks at: one of the two.
type world struct {
	about *subject      // `when`, `of`, `only`
	state *state        // `while`
	now   time.Duration // of state
	label string        // within any, all and none: the one looked at
}

// holds evaluates a program.
func (p *program) holds(w world) bool { return p.root.truth(&w) }

// truth is what a node that is true or false is.
func (n *node) truth(w *world) bool {
	switch n.op {
	case opTruth:
		return n.value == "true"
	case opName:
		if w.state != nil {
			return w.state[n.field] != 0
		}
		return w.about.delayed
	case opNot:
		return !n.sides[0].truth(w)
	case opChoice:
		if n.sides[0].truth(w) {
			return n.sides[1].truth(w)
		}
		return n.sides[2].truth(w)
	case opCall:
		return n.answer(w)
	}
	l, r := n.sides[0], n.sides[1]
	switch n.value {
	case "and", "&&":
		return l.truth(w) && r.truth(w)
	case "or", "||":
		return l.truth(w) || r.truth(w)
	case "in":
		return l.in(r, w)
	case "contains":
		return strings.Contains(l.text(w), r.text(w))
	case "startsWith":
		return strings.HasPrefix(l.text(w), r.text(w))
	case "endsWith":
		return strings.HasSuffix(l.text(w), r.text(w))
	case "matches":
		return n.match.MatchString(l.text(w))
	}
	return n.compare(l, r, w)
}

func (n *node) compare(l, r *node, w *world) bool {
	switch {
	case l.is == aText:
		return (l.says(r.text(w), w) || r.says(l.text(w), w)) == (n.value == "==")
	case l.is == aTruth:
		return (l.truth(w) == r.truth(w)) == (n.value == "==")
	case l.is == aTime:
		return ordered(n.value, l.time(w), r.time(w))
	}
	return ordered(n.value, l.count(w), r.count(w))
}

func ordered[T int64 | float64](operator string, a, b T) bool {
	switch operator {
	case "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

// in reports whether n is in the list r.
func (n *node) in(r *node, w *world) bool {
	switch {
	case r.op == opName:
		return slices.Contains(w.about.labels, n.text(w))
	case n.is == aText:
		return slices.ContainsFunc(r.sides, func(s *node) bool { return n.says(s.value, w) })
	}
	count := n.count(w)
	return slices.ContainsFunc(r.sides, func(s *node) bool { return s.number == count })
}

// says reports whether a node that is text says so. A team is called by its name or its id.
func (n *node) says(text string, w *world) bool {
	if n.op == opName && n.field == textTeam && text != "" && w.about.texts[textTeamID] == text {
		return true
	}
	return n.text(w) == text
}

// text is what a node that is text says.
func (n *node) text(w *world) string {
	switch n.op {
	case opName, opPart:
		return w.about.texts[n.field]
	case opLabel:
		return w.label
	case opCall:
		return n.made(w)
	}
	return n.value
}

// count is what a node that is a number says.
func (n *node) count(w *world) float64 {
	switch {
	case n.op == opName:
		return float64(w.state[n.field])
	case n.op == opNumber:
		return n.number
	case n.op == opJoin:
		return n.sum(w)
	case n.op == opSign && n.value == "-":
		return -n.sides[0].count(w)
	case n.op == opSign:
		return n.sides[0].count(w)
	case n.sides[0].is == theLabels:
		return float64(len(w.about.labels))
	}
	return float64(utf8.RuneCountInString(n.sides[0].text(w)))
}

// time is what a node that is a time says, in nanoseconds.
func (n *node) time(w *world) int64 {
	if n.op == opTime {
		return n.age
	}
	return int64(w.state.age(stateField(n.field), w.now))
}
