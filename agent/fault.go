package agent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	Key  string // dotted path of the key, "" when the file as a whole is meant
	Line int    // line in the file, from 1; 0 when it cannot be known
	Text string // what is wrong and what to write instead

	cause error // where there is one; nil mostly
}

// String is the fault as `check` prints it.
func (f Fault) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// Faults is all that is wrong with a configuration. It is returned by Load as
// its error.
type Faults []Fault

// Error gives every fault, a line each.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Is says whether every fault has target as its cause, such as fs.ErrPermission
// where secrets may not be read and all else is well.
func (fs Faults) Is(target error) bool {
	for _, f := range fs {
		if !errors.Is(f.cause, target) {
			return false
		}
	}
	return len(fs) > 0
}

// collector gathers faults and knows where each key stands in the file.
type collector struct {
	faults Faults
	lines  map[string]int
}

func (c *collector) add(key, format string, args ...any) {
	c.faults = append(c.faults, Fault{Key: key, Line: c.line(key), Text: fmt.Sprintf(format, args...)})
}

// tell is add, where somebody wants to know.
func (c *collector) tell(key, format string, args ...any) {
	if c != nil {
		c.add(key, format, args...)
	}
}

// missing is add for a key that has to be there. One that is mistyped was told.
func (c *collector) missing(key, text string) {
	if !c.follows(key, c.faults) {
		c.add(key, "%s", text)
	}
}

// follows says whether a fault at key may only follow from one of those known:
// of the same key, of one within it, or of a key beside it where key itself is
// not in the file, because it is mistyped.
func (c *collector) follows(key string, known Faults) bool {
	table := key
	if c.lines[key] == 0 {
		table = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
	return slices.ContainsFunc(known, func(f Fault) bool {
		return f.Key == key || table != "" && strings.HasPrefix(f.Key, table+".")
	})
}

// line is the line of the key, or of the nearest table around it.
func (c *collector) line(key string) int {
	for key != "" {
		if n := c.lines[key]; n > 0 {
			return n
		}
		cut := strings.LastIndexByte(key, '.')
		if cut < 0 {
			return 0
		}
		key = key[:cut]
	}
	return 0
}

// err is the faults in the order of the file, or nil.
func (c *collector) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return c.faults
}
