package indicator

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// node is a part of an expression.
type node struct {
	op    op
	at    int    // where it stands, in runes
	value string // a text, the digits of a number, a name, an operator, a function
	part  string // of somebody: what of him
	sides []*node

	// What walk finds out.
	seen   bool // a chain of comparisons has one part twice
	is     sort
	field  int     // of opName
	number float64 // of opNumber
	most   float64 // of a number: how far from 0 it may be
	whole  bool    // of a number: it has no fraction
	age    int64   // of opTime, in nanoseconds
	match  matcher // of matches
}

type matcher interface{ MatchString(s string) bool }

type op uint8

const (
	opText op = iota
	opNumber
	opTruth
	opNil
	opTime // made by walk
	opName
	opPart // assignee.kind
	opList
	opNot
	opSign   // + or - before a number
	opJoin   // two sides and an operator
	opChoice // a ? b : c
	opCall
	opLabel // # within any, all and none: the label looked at
)

// parser reads an expression from its tokens, as the language's own does.
type parser struct {
	text   string
	tokens []lexer.Token
	parts  int
	inEach bool // within the condition of any, all or none
}

// parse returns the first fault.
func parse(text string) (root *node, err error) {
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return nil, inWords(err)
	}
	p := &parser{text: text, tokens: tokens}
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case exprFault:
			root, err = nil, fault
		default:
			panic(fault)
		}
	}()
	root = p.expression(0)
	if p.now().Kind != lexer.EOF {
		p.unexpected()
	}
	return root, nil
}

// fail ends parse.
func (p *parser) fail(at int, format string, args ...any) {
	line, column := position(p.text, at)
	panic(exprFault{line, column, fmt.Sprintf(format, args...)})
}

func (p *parser) unexpected() {
	t := p.now()
	switch {
	case t.Kind == lexer.EOF:
		p.fail(utf8.RuneCountInString(p.text), "something is missing at the end")
	case t.Is(lexer.Operator) || t.Is(lexer.Bracket, "[", "{"):
		write, ok := instead[t.Value]
		if !ok {
			write = "compare fields with values, and join that with and, or, not"
		}
		p.fail(t.From, "%s cannot be used here: %s", t.Value, write)
	}
	p.fail(t.From, "%q is not expected here", t.Value)
}

// instead says what can be written for what expressions do not have.
var instead = map[string]string{
	"=": "write == to compare",
	"/": "it gives fractions; write waiting * 100 > open * 30 for waiting / open > 0.3",
	"^": "numbers are joined by + - * %", "**": "numbers are joined by + - * %",
	"..": "write waiting in [1, 2, 3] or 1 <= waiting <= 3",
	"|":  "write lower(title) for title | lower()",
	"if": "write a ? b : c, all three true or false",
	"#":  `# is a label in the condition of any, all or none: any(labels, # == "vip")`,
	"[":  `write "a" in labels or any(labels, # == "a"), and title startsWith "a"`,
}

func (p *parser) now() lexer.Token { return p.tokens[0] }

func (p *parser) next() lexer.Token {
	t := p.tokens[0]
	if t.Kind != lexer.EOF {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) expect(bracket string) {
	if !p.now().Is(lexer.Bracket, bracket) {
		p.unexpected()
	}
	p.next()
}

func (p *parser) node(o op, at lexer.Token, sides ...*node) *node {
	if p.parts++; p.parts > maxParts {
		panic(exprFault{text: fmt.Sprintf("it has more than %d parts: make two rules of it", maxParts)})
	}
	return &node{op: o, at: at.From, value: at.Value, sides: sides}
}

// binding says how close an operator binds.
var binding = map[string]int{
	"or": 10, "||": 10, "and": 15, "&&": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20, "in": 20, "matches": 20,
	"contains": 20, "startsWith": 20, "endsWith": 20, "+": 30, "-": 30, "*": 60, "%": 60,
}

const (
	notBinding  = 50
	signBinding = 90
)

var ordering = []string{"<", ">", "<=", ">="}

// expression reads what binds at least so close.
func (p *parser) expression(least int) *node {
	left := p.primary()
	for p.now().Is(lexer.Operator) {
		t, negated := p.now(), p.now()
		not := t.Value == "not"
		if not {
			t = p.tokens[1]
			if !t.Is(lexer.Operator, "in", "matches", "contains", "startsWith", "endsWith") {
				p.unexpected()
			}
		}
		close, known := binding[t.Value]
		if ends := slices.Contains([]string{",", "?", ":"}, t.Value); !known && !ends {
			p.unexpected()
		}
		if !known || close < least {
			break
		}
		if p.next(); not {
			p.next()
		}
		if slices.Contains(ordering, t.Value) {
			left = p.chain(left, t, close)
			continue
		}
		left = p.node(opJoin, t, left, p.expression(close+1))
		if not {
			left = p.node(opNot, negated, left)
		}
	}
	if least == 0 {
		return p.choice(left)
	}
	return left
}

// choice reads what may follow a condition: ? one : other.
func (p *parser) choice(is *node) *node {
	for p.now().Is(lexer.Operator, "?") {
		t := p.next()
		one := p.expression(0)
		if !p.now().Is(lexer.Operator, ":") {
			p.fail(t.From, "write a ? b : c, all three true or false")
		}
		p.next()
		is = p.node(opChoice, t, is, one, p.expression(0))
	}
	return is
}

// chain reads a < b < c as a < b and b < c.
func (p *parser) chain(left *node, t lexer.Token, close int) *node {
	var all *node
	for {
		right := p.expression(close + 1)
		one := p.node(opJoin, t, left, right)
		if all == nil {
			all = one
		} else {
			t.Value = "and"
			all = p.node(opJoin, t, all, one)
		}
		if t, left = p.now(), right; !t.Is(lexer.Operator, ordering...) {
			return all
		}
		p.next()
	}
}

func (p *parser) primary() *node {
	t := p.now()
	switch {
	case t.Is(lexer.Operator, "not", "!"):
		p.next()
		return p.node(opNot, t, p.expression(notBinding))
	case t.Is(lexer.Operator, "-", "+"):
		p.next()
		return p.node(opSign, t, p.expression(signBinding))
	case t.Is(lexer.Operator, "#") && p.inEach:
		p.next()
		return p.postfix(p.node(opLabel, t))
	case t.Is(lexer.Bracket, "("):
		p.next()
		n := p.expression(0)
		p.expect(")")
		return p.postfix(n)
	case t.Is(lexer.Bracket, "["):
		p.next()
		return p.postfix(p.node(opList, t, p.list("]")...))
	case t.Kind == lexer.String:
		p.next()
		return p.postfix(p.node(opText, t))
	case t.Kind == lexer.Number:
		p.next()
		return p.node(opNumber, t)
	case t.Kind != lexer.Identifier:
		p.unexpected()
	}
	p.next()
	switch {
	case t.Value == "true" || t.Value == "false":
		return p.node(opTruth, t)
	case t.Value == "nil":
		return p.node(opNil, t)
	case p.now().Is(lexer.Bracket, "("):
		p.next()
		if slices.Contains(each, t.Value) {
			return p.postfix(p.each(t))
		}
		return p.postfix(p.node(opCall, t, p.list(")")...))
	}
	return p.postfix(p.node(opName, t))
}

// each reads what stands in the brackets of any, all and none. It cannot stand in itself, or a few words would look through
// all labels for each label for each label.
func (p *parser) each(t lexer.Token) *node {
	if p.inEach {
		p.fail(t.From, "%s( ) cannot stand within another: join them by and, or, not", t.Value)
	}
	list := p.expression(0)
	if !p.now().Is(lexer.Operator, ",") {
		p.fail(t.From, "%s( ) takes labels and a condition: %[1]s(labels, # == \"vip\")", t.Value)
	}
	p.next()
	braces := p.now().Is(lexer.Bracket, "{")
	if braces {
		p.next()
	}
	p.inEach = true
	condition := p.expression(0)
	p.inEach = false
	if braces {
		p.expect("}")
	}
	if p.now().Is(lexer.Operator, ",") {
		p.next()
	}
	p.expect(")")
	return p.node(opCall, t, list, condition)
}

// list reads what is parted by commas, up to a bracket.
func (p *parser) list(end string) (list []*node) {
	for !p.now().Is(lexer.Bracket, end) {
		list = append(list, p.expression(0))
		if p.now().Is(lexer.Operator, ",") {
			p.next()
		} else if !p.now().Is(lexer.Bracket, end) {
			p.unexpected()
		}
	}
	p.next()
	return list
}

// postfix reads the part of somebody: there is nothing else that has parts.
func (p *parser) postfix(n *node) *node {
	dot := p.now()
	switch {
	case dot.Is(lexer.Bracket, "["):
		p.unexpected()
	case !dot.Is(lexer.Operator, "."):
		return n
	}
	p.next()
	part := p.now()
	if part.Kind != lexer.Identifier {
		p.unexpected()
	}
	p.next()
	if n.op != opName || p.now().Is(lexer.Bracket, "(") {
		p.fail(dot.From, "only assignee, previous and author have parts, kind, id and email")
	}
	n.op, n.part = opPart, part.Value
	if p.now().Is(lexer.Operator, ".") {
		p.fail(p.now().From, "%s.%s has no parts", n.value, n.part)
	}
	return p.postfix(n)
}
