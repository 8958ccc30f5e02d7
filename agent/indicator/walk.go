package indicator

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
)

// sort is what a part of an expression is.
type sort uint8

const (
	wrong  sort = iota // a fault that was told
	aTruth             // true or false
	aNumber
	aTime // a time
	aText
	theLabels
	someTexts   // a list that is written out, of text
	someNumbers // the same of numbers
)

func (k sort) String() string {
	return [...]string{"wrong", "true or false", "a number", "a time", "text", "a list of texts", "a list of texts", "a list of numbers"}[k]
}

// walk looks at each part of an expression, says what is not to be there, and makes texts of ids and times of what is compared
// with a time. Only comparisons of names with values get through, and what joins them.
type walk struct {
	scope  scope
	text   string
	people []string
	uses   uint32
	limits []limit
	faults []error

	steps, letters int  // of patterns
	inEach         bool // within the condition of any, all or none
}

// node looks at one part and those below it.
func (w *walk) node(n *node) sort {
	if !n.seen {
		n.seen, n.is = true, w.sort(n)
	}
	return n.is
}

func (w *walk) sort(n *node) sort {
	switch n.op {
	case opTruth:
		return aTruth
	case opNumber:
		return w.number(n)
	case opText, opLabel:
		return aText
	case opName:
		return w.name(n)
	case opPart:
		return w.part(n)
	case opList:
		return w.list(n)
	case opNot:
		return w.truths(n.value, n.sides[0])
	case opSign:
		return w.sign(n)
	case opChoice:
		return w.truths(n.value, n.sides...)
	case opCall:
		return w.call(n)
	case opNil:
		return w.fault(n, `nothing is nil here: write == "" or assignee.kind == "none"`)
	}
	switch n.value {
	case "and", "&&", "or", "||":
		return w.truths(n.value, n.sides...)
	case "in":
		return w.in(n)
	case "+", "-", "*", "%":
		return w.sum(n)
	case "contains", "startsWith", "endsWith", "matches":
		return w.search(n)
	}
	return w.compare(n)
}

func (w *walk) name(n *node) sort {
	if somebody, ok := actors[n.value]; ok && somebody.in&w.scope != 0 {
		return w.fault(n, "write %s.kind, %[1]s.id or %[1]s.email", n.value)
	}
	known, ok := terms[n.value]
	if !ok || known.in&w.scope == 0 {
		return w.unknown(n)
	}
	if n.field = known.field; known.in == ofDesk {
		w.uses |= 1 << known.field
	}
	n.most, n.whole = mostOfField, known.is == aNumber
	return known.is
}

// unknown says where a name would be known.
func (w *walk) unknown(n *node) sort {
	in := terms[n.value].in | actors[n.value].in
	switch {
	case in == ofEvent && w.scope == ofConversation:
		return w.fault(n, "%s is of an event, and this is about a conversation: use when", n.value)
	case in&about != 0:
		return w.fault(n, "%s is of a conversation, and this is about the desk: use of", n.value)
	case in == ofDesk:
		return w.fault(n, "%s is of the desk: use while", n.value)
	}
	var all []string
	for _, list := range []map[string]term{terms, actors} {
		for name, known := range list {
			if known.in&w.scope != 0 {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return w.fault(n, "there is no %s: there are %s", n.value, strings.Join(all, " "))
}

func (w *walk) part(n *node) sort {
	somebody, ok := actors[n.value]
	part := slices.Index(actorParts[:], n.part)
	switch {
	case !ok && terms[n.value].in&w.scope != 0:
		return w.fault(n, "%s has no parts", n.value)
	case !ok || somebody.in&w.scope == 0:
		return w.unknown(n)
	case part < 0:
		return w.fault(n, "there is no %s.%s: there are kind, id and email", n.value, n.part)
	}
	n.field = somebody.field + part
	return aText
}

func (w *walk) list(n *node) sort {
	is := someTexts
	for i, s := range n.sides {
		switch {
		case w.node(s) == wrong:
			return wrong
		case s.op == opText && is == someTexts:
		case s.op == opNumber && (i == 0 || is == someNumbers):
			is = someNumbers
		case s.op == opText || s.op == opNumber:
			return w.fault(s, "a list is of texts or of numbers")
		default:
			return w.fault(s, "a list may hold texts and numbers only, written out")
		}
	}
	return is
}

// truths wants conditions on each side of what joins them.
func (w *walk) truths(operator string, sides ...*node) sort {
	good := aTruth
	for _, side := range sides {
		if is := w.node(side); is == wrong {
			good = wrong
		} else if is != aTruth {
			good = w.fault(side, "%s joins conditions, and this is %s", operator, is)
		}
	}
	return good
}

func (w *walk) compare(n *node) sort {
	left, right := n.sides[0], n.sides[1]
	l, r := w.node(left), w.node(right)
	if l == wrong || r == wrong {
		return wrong
	}
	if l == aTime || r == aTime {
		return w.time(n)
	}
	if l == aText && r == aNumber {
		r = w.id(left, right)
	} else if l == aNumber && r == aText {
		l = w.id(right, left)
	}
	switch {
	case l == wrong || r == wrong:
		return wrong
	case l != r:
		return w.fault(n, "%s cannot be compared with %s", l, r)
	case l == theLabels || l == someTexts || l == someNumbers:
		return w.fault(n, "a list cannot be compared: write \"x\" in labels")
	case n.value != "==" && n.value != "!=" && l != aNumber:
		return w.fault(n, "%s has no order: compare it by == or !=", l)
	}
	if l == aText && !(w.words(left, right) && w.words(right, left)) {
		return wrong
	}
	return aTruth
}

// time compares a field's age with one that is written.
func (w *walk) time(n *node) sort {
	field, value, operator := n.sides[0], n.sides[1], n.value
	if field.is != aTime || field.op == opTime {
		field, value = value, field
		operator = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[operator]
	}
	switch {
	case field.op != opName:
		return w.fault(n, `compare a time with one that is written, such as oldest_waiting > "2m"`)
	case value.op == opNumber:
		return w.fault(value, `a time has a unit: write "2m"`)
	case value.op == opText && !w.duration(value, value):
		return wrong
	case value.op != opTime:
		return w.fault(n, `compare a time with one that is written, such as %s > "2m"`, field.value)
	}
	age := time.Duration(value.age)
	switch operator {
	case ">", "<=":
		age++ // it holds a moment later
	case ">=", "<":
	default:
		return w.fault(n, "a time is never just so long: compare it by > or <")
	}
	w.limits = append(w.limits, limit{stateField(field.field), age})
	return aTruth
}

// duration makes of n the time that a text says.
func (w *walk) duration(n, text *node) bool {
	d, err := time.ParseDuration(text.value)
	switch {
	case err != nil:
		w.fault(text, `%q is not a time: write "90s", "2m" or "1h30m"`, text.value)
		return false
	case d < 0 || d > MaxDuration:
		w.fault(text, "%q is not between 0 and %s", text.value, short(MaxDuration))
		return false
	}
	n.op, n.is, n.age = opTime, aTime, int64(d)
	return true
}

// id makes a text of a number beside an id.
func (w *walk) id(beside, n *node) sort {
	switch {
	case !isID(beside) || n.op != opNumber:
		return aNumber // not to be compared
	case strings.ContainsAny(n.value, ".eE+-"):
		return w.fault(n, "write an id as text, such as \"8861\"")
	}
	n.op, n.is = opText, aText
	return aText
}

func isID(n *node) bool {
	return n.op == opName && (n.value == "account" || n.value == "bot") || n.op == opPart && n.part == "id"
}

func (w *walk) in(n *node) sort {
	left, list := n.sides[0], n.sides[1]
	l, r := w.node(left), w.node(list)
	if l == aText && r == someNumbers && isID(left) {
		for _, value := range list.sides {
			if w.id(left, value) == wrong {
				return wrong
			}
		}
		r = someTexts
	}
	switch {
	case l == wrong || r == wrong:
		return wrong
	case l == aText && r == theLabels, l == aNumber && r == someNumbers:
		return aTruth
	case l == aText && r == someTexts:
		good := aTruth
		for _, value := range list.sides {
			if !w.words(left, value) {
				good = wrong
			}
		}
		return good
	}
	return w.fault(n, "in looks for text in labels or in a list such as [\"a\", \"b\"]: %s is not to be found in %s", l, r)
}

// Bounds of what the patterns of one expression become: instructions, for each letter may take as many steps, and the letters
// that those name, of which a machine keeps several copies: `^\pL{900}$` takes 7 MB.
const (
	maxSteps   = 1000
	maxLetters = 20_000
	eachSteps  = 5 // all labels are that much longer than any other text
)

func (w *walk) search(n *node) sort {
	l, r := w.node(n.sides[0]), w.node(n.sides[1])
	pattern := n.sides[1]
	switch {
	case l == wrong || r == wrong:
		return wrong
	case l == theLabels && n.value == "contains":
		return w.fault(n, "write \"x\" in labels")
	case l == theLabels:
		return w.fault(n, "write any(labels, # %s \"x\")", n.value)
	case l != aText || r != aText:
		return w.fault(n, "%s looks for text in text, not for %s in %s", n.value, r, l)
	case n.value != "matches":
		return aTruth
	case pattern.op != opText:
		return w.fault(pattern, "what it matches has to be written out: \"^VIP\"")
	}
	re, err := syntax.Parse(pattern.value, syntax.Perl)
	if err != nil {
		return w.fault(pattern, "%v", err)
	}
	code, err := syntax.Compile(re.Simplify())
	if err == nil {
		steps := len(code.Inst)
		if w.inEach {
			steps *= eachSteps
		}
		w.steps += steps
		for _, step := range code.Inst {
			w.letters += len(step.Rune)
		}
	}
	if err != nil || w.steps > maxSteps || w.letters > maxLetters {
		return w.fault(pattern, "patterns of this size are too slow here: make them shorter")
	}
	n.match = regexp.MustCompile(pattern.value)
	return aTruth
}
