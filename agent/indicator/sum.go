package indicator

import (
	"math"
	"strconv"
	"strings"
)

// Numbers are reckoned in floats, which are exact below maxExact if they are whole. What may become larger is refused, so that
// nothing overflows and the answers are those of the whole language, which reckons in ints.
const (
	maxExact    = 1 << 53
	mostOfField = 1 << 24 // no desk has as many conversations, and no field as many letters
)

func (w *walk) number(n *node) sort {
	digits := strings.ToLower(strings.ReplaceAll(n.value, "_", ""))
	var whole int64
	var err error
	n.whole = true
	switch {
	case strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0b") || strings.HasPrefix(digits, "0o"):
		whole, err = strconv.ParseInt(digits, 0, 64)
		n.number, n.value = float64(whole), strconv.FormatInt(whole, 10)
	case strings.ContainsAny(digits, ".e"):
		n.whole = false
		n.number, err = strconv.ParseFloat(digits, 64)
	default:
		whole, err = strconv.ParseInt(digits, 10, 64)
		n.number, n.value = float64(whole), strconv.FormatInt(whole, 10)
	}
	if err != nil {
		return w.fault(n, "%s is not a number that can be used: write a long id as text", n.value)
	}
	n.most = n.number
	return aNumber
}

// sign is a number with + or - before it.
func (w *walk) sign(n *node) sort {
	side := n.sides[0]
	if !w.numbers(n) {
		return wrong
	}
	n.most, n.whole = side.most, side.whole
	if side.op == opNumber { // in a list, too, a number that is written out
		n.op, n.value, n.number = opNumber, n.value+side.value, side.number
		if n.value[0] == '-' {
			n.number = -n.number
		}
	}
	return aNumber
}

// sum is two numbers and what joins them.
func (w *walk) sum(n *node) sort {
	if !w.numbers(n) {
		return wrong
	}
	l, r := n.sides[0], n.sides[1]
	n.whole = l.whole && r.whole
	switch n.value {
	case "*":
		n.most = l.most * r.most
	case "%":
		n.most = r.most
		switch {
		case !n.whole:
			return w.fault(n, "%% is of whole numbers")
		case r.op != opNumber || r.number == 0:
			return w.fault(r, "what stands after %% has to be written out, and not 0: waiting %% 5 == 0")
		}
	default:
		n.most = l.most + r.most
	}
	if n.most >= maxExact {
		return w.fault(n, "this may become too large to be exact: use smaller numbers, and fewer of *")
	}
	return aNumber
}

// numbers wants numbers on each side of n.
func (w *walk) numbers(n *node) bool {
	good := true
	for _, side := range n.sides {
		switch is := w.node(side); is {
		case aNumber:
		case wrong:
			good = false
		case aTime:
			w.fault(side, `%s is of numbers, and this is a time: compare it as it is, such as oldest_waiting > "2m"`, n.value)
			return false
		default:
			w.fault(side, "%s is of numbers, and this is %s", n.value, is)
			good = false
		}
	}
	return good
}

// sum is what two numbers become.
func (n *node) sum(w *world) float64 {
	l, r := n.sides[0].count(w), n.sides[1].count(w)
	switch n.value {
	case "+":
		return l + r
	case "-":
		return l - r
	case "*":
		return l * r
	}
	return math.Mod(l, r)
}
