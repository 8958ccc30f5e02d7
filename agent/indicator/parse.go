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
	is     sort
	field  int     // of opName
	number float64 // of opNumber
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
	opJoin // two sides and an operator
	opCall
)

// parser reads an expression from its tokens, as the language's own does.
type parser struct {
	text   string
	tokens []lexer.Token
	parts  int
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
	case t.Is(lexer.Operator, "="):
		p.fail(t.From, "= cannot be used here: write == to compare")
	case t.Is(lexer.Operator) || t.Is(lexer.Bracket, "[", "{"):
		p.fail(t.From, "%s cannot be used here: compare fields with values, and join that with and, or, not", t.Value)
	}
	p.fail(t.From, "%q is not expected here", t.Value)
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
	"contains": 20, "startsWith": 20, "endsWith": 20,
}

const unaryBinding = 50

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
		if !known && t.Value != "," {
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
	return left
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
		return p.node(opNot, t, p.expression(unaryBinding))
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
		return p.postfix(p.node(opCall, t, p.list(")")...))
	}
	return p.postfix(p.node(opName, t))
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
