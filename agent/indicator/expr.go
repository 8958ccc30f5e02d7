package indicator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr/file"
)

// Conditions are written in the language of github.com/expr-lang/expr, of which rules need the comparisons, what joins them, and
// a little reckoning.
// Its lexer is used as it is. Its parser and machine are not: they have loops over lists of any length and no bound of time, and
// they need methods found by name at run time, by which the linker keeps every method of the whole program: 2.9 MB on ARMv6. A
// test holds the answers against the whole language.

// Bounds of an expression. Nothing in it repeats but looks through labels, of which there are few, and any, all and none do not
// stand within each other: so it takes no more steps than it has parts, times the labels twice.
const (
	maxText  = 1024 // bytes
	maxParts = 100
)

// program is an expression that was found good. It cannot fail when it runs.
type program struct {
	text   string
	root   *node
	uses   uint32  // of `while`: the fields it looks at, a bit each
	limits []limit // of `while`: the times it compares
}

// limit is a time that a field is compared with: at what age the comparison becomes another.
type limit struct {
	field stateField
	age   time.Duration
}

// scope is where an expression stands, and so which names it knows.
type scope uint8

const (
	ofEvent        scope = 1 << iota // `when`
	ofConversation                   // `of` and `only`
	ofDesk                           // `while`
)

// exprFault is something wrong with an expression, and where.
type exprFault struct {
	line, column int // from 1; 0: the whole of it
	text         string
}

func (f exprFault) Error() string {
	switch {
	case f.line > 1:
		return fmt.Sprintf("%s, line %d, column %d", f.text, f.line, f.column)
	case f.line == 1:
		return fmt.Sprintf("%s, column %d", f.text, f.column)
	}
	return f.text
}

// compile makes a program of a text, or says everything that is wrong with it. people are the names in [people].
func compile(text string, in scope, people []string) (*program, []error) {
	if len(text) > maxText {
		return nil, []error{exprFault{text: fmt.Sprintf("it is longer than %d bytes", maxText)}}
	}
	if strings.TrimSpace(text) == "" {
		return nil, []error{exprFault{text: "it is empty"}}
	}
	root, err := parse(text)
	if err != nil {
		return nil, []error{err}
	}
	w := walk{scope: in, text: text, people: people}
	if got := w.node(root); got != aTruth && got != wrong {
		w.fault(root, "it is %s, not a condition that is true or false", got)
	}
	if len(w.faults) > 0 {
		return nil, w.faults
	}
	return &program{text: text, root: root, uses: w.uses, limits: w.limits}, nil
}

// inWords is a fault of the lexer in one line.
func inWords(err error) error {
	var e *file.Error
	if !errors.As(err, &e) {
		return exprFault{text: err.Error()}
	}
	return exprFault{max(e.Line, 1), e.Column + 1, e.Message}
}

// position is where a rune stands in the text, from 1.
func position(text string, at int) (line, column int) {
	line, column = 1, 1
	for _, r := range text {
		if at == 0 {
			break
		}
		at--
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}

// fault notes what is wrong at a node.
func (w *walk) fault(n *node, format string, args ...any) sort {
	line, column := position(w.text, n.at)
	w.faults = append(w.faults, exprFault{line, column, fmt.Sprintf(format, args...)})
	return wrong
}
