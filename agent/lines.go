package agent

import (
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keyLines tells on which line each key of a TOML document stands, by its
// dotted path; elements of an array of tables count from 0 ("forward.0.name").
// It expects a document that has been found well-formed.
func keyLines(doc []byte) map[string]int {
	lines := map[string]int{}
	tables := map[string]int{} // arrays of tables met so far
	var p unstable.Parser
	p.Reset(doc)
	prefix := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			prefix = tablePath(&p, e, tables, lines)
		case unstable.ArrayTable:
			path := tablePath(&p, e, tables, lines)
			n := tables[path]
			tables[path] = n + 1
			prefix = path + "." + strconv.Itoa(n)
			lines[prefix] = lines[path]
		case unstable.KeyValue:
			noteKey(&p, e, prefix, lines)
		}
	}
	return lines
}

// tablePath is the dotted path of a table's header; a part that names an array
// of tables means its last element.
func tablePath(p *unstable.Parser, e *unstable.Node, tables, lines map[string]int) string {
	path, line := "", 0
	for it := e.Key(); it.Next(); {
		if n := tables[path]; n > 0 {
			path += "." + strconv.Itoa(n-1)
		}
		path = join(path, string(it.Node().Data))
		if line == 0 {
			line = p.Shape(it.Node().Raw).Start.Line
		}
		if _, ok := lines[path]; !ok {
			lines[path] = line
		}
	}
	lines[path] = line
	return path
}

func noteKey(p *unstable.Parser, e *unstable.Node, prefix string, lines map[string]int) {
	path := prefix
	for it := e.Key(); it.Next(); {
		path = join(path, string(it.Node().Data))
		if _, ok := lines[path]; !ok {
			lines[path] = p.Shape(it.Node().Raw).Start.Line
		}
	}
	noteValue(p, e.Value(), path, lines)
}

func noteValue(p *unstable.Parser, v *unstable.Node, path string, lines map[string]int) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			noteKey(p, it.Node(), path, lines)
		}
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); i++ {
			at := path + "." + strconv.Itoa(i)
			lines[at] = lines[path]
			if raw := it.Node().Raw; raw.Length > 0 {
				lines[at] = p.Shape(raw).Start.Line
			}
			noteValue(p, it.Node(), at, lines)
		}
	}
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}
