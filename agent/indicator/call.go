package indicator

import (
	"strings"
)

// functions are all of them, and how many values they take.
var functions = map[string]int{
	"all": 2, "any": 2, "duration": 1, "hasPrefix": 2, "hasSuffix": 2, "len": 1, "lower": 1, "none": 2, "trim": 1, "upper": 1,
}

// each are those that look through labels.
var each = []string{"all", "any", "none"}

func (w *walk) call(n *node) sort {
	switch takes := functions[n.value]; {
	case takes == 0:
		return w.fault(n, "%s( ) is no function here: there are all, any, duration, hasPrefix, hasSuffix, len, lower, none, trim, upper", n.value)
	case takes == 1 && len(n.sides) != 1:
		return w.fault(n, "%s( ) takes one value", n.value)
	case len(n.sides) != takes:
		return w.fault(n, "%s( ) takes two values", n.value)
	}
	switch n.value {
	case "all", "any", "none":
		return w.each(n)
	case "hasPrefix", "hasSuffix":
		return w.fix(n)
	}
	value := n.sides[0]
	if n.value == "duration" {
		if value.op != opText {
			return w.fault(n, `duration( ) takes a time that is written out: "2m"`)
		}
		if !w.duration(n, value) {
			return wrong
		}
		return aTime
	}
	switch is := w.node(value); {
	case is == wrong:
		return wrong
	case n.value == "len" && (is == aText || is == theLabels):
		n.most, n.whole = mostOfField, true
		return aNumber
	case n.value != "len" && is == aText:
		return aText
	case n.value != "len" && is == theLabels:
		return w.fault(n, "%s( ) is of one text: write any(labels, %[1]s(#) == \"x\")", n.value)
	default:
		return w.fault(n, "%s( ) of %s is nothing", n.value, is)
	}
}

// each looks at labels and a condition on one of them.
func (w *walk) each(n *node) sort {
	list, condition := n.sides[0], n.sides[1]
	l := w.node(list)
	w.inEach = true
	is := w.node(condition)
	w.inEach = false
	switch {
	case l == wrong || is == wrong:
		return wrong
	case l != theLabels:
		return w.fault(list, "%s( ) looks through labels, and this is %s: write %[1]s(labels, # == \"vip\")", n.value, l)
	case is != aTruth:
		return w.fault(condition, "%s( ) takes a condition, and this is %s: write %[1]s(labels, # == \"vip\")", n.value, is)
	}
	return aTruth
}

// fix looks at hasPrefix and hasSuffix.
func (w *walk) fix(n *node) sort {
	l, r := w.node(n.sides[0]), w.node(n.sides[1])
	switch {
	case l == wrong || r == wrong:
		return wrong
	case l == theLabels && r == aText:
		return w.fault(n, "%s( ) is of one text: write any(labels, %[1]s(#, \"x\"))", n.value)
	case l != aText || r != aText:
		return w.fault(n, "%s( ) looks for text in text, not for %s in %s", n.value, r, l)
	}
	return aTruth
}

// answer is what a function that is true or false says.
func (n *node) answer(w *world) bool {
	l, r := n.sides[0], n.sides[1]
	switch n.value {
	case "hasPrefix":
		return strings.HasPrefix(l.text(w), r.text(w))
	case "hasSuffix":
		return strings.HasSuffix(l.text(w), r.text(w))
	}
	decides := n.value != "all" // what one label has to say for the others not to count
	for _, w.label = range w.about.labels {
		if r.truth(w) == decides {
			return n.value == "any"
		}
	}
	return n.value != "any"
}

// made is the text that a function makes of another.
func (n *node) made(w *world) string {
	text := n.sides[0].text(w)
	switch n.value {
	case "lower":
		return strings.ToLower(text)
	case "upper":
		return strings.ToUpper(text)
	}
	return strings.TrimSpace(text)
}
