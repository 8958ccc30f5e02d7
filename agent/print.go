package agent

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"deskbell/agent/indicator"
)

const masked = "********"

// Print writes the configuration in force, with every rule, as TOML that can be
// read again, but for its secrets, which are masked.
func (c Config) Print(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# The configuration in force. Of the rules an earlier one wins an output.\n")
	printTable(&b, c.effective(), "")
	b.WriteString("\n# Below all rules, whatever they are:\n")
	for _, r := range indicator.Health() {
		fmt.Fprintf(&b, "# %s\n", r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Masked is the configuration in force as a tree fit for JSON, without its
// secrets.
func (c Config) Masked() map[string]any {
	return maskedTree(c.effective())
}

// printTable writes the plain keys of a table first and its tables after them.
func printTable(b *strings.Builder, v reflect.Value, path string) {
	for i := range v.NumField() {
		f, key := v.Field(i), v.Type().Field(i).Tag.Get("toml")
		if isTable(v.Type().Field(i)) || leftOut(v, i) {
			continue
		}
		if v.Type().Field(i).Tag.Get("secret") != "" {
			f = mask(f)
		}
		fmt.Fprintf(b, "%s = %s\n", key, literal(f))
	}
	for i := range v.NumField() {
		f, at := v.Field(i), join(path, v.Type().Field(i).Tag.Get("toml"))
		switch {
		case !isTable(v.Type().Field(i)) || f.Kind() == reflect.Pointer && f.IsNil():
		case f.Kind() == reflect.Pointer:
			fmt.Fprintf(b, "\n[%s]\n", at)
			printTable(b, f.Elem(), at)
		case f.Kind() == reflect.Struct:
			fmt.Fprintf(b, "\n[%s]\n", at)
			printTable(b, f, at)
		case f.Kind() == reflect.Slice:
			for j := range f.Len() {
				fmt.Fprintf(b, "\n[[%s]]\n", at)
				printTable(b, f.Index(j), at)
			}
		default:
			printMap(b, f, at)
		}
	}
}

func printMap(b *strings.Builder, m reflect.Value, at string) {
	if m.Type().Elem().Kind() == reflect.String && m.Len() > 0 {
		fmt.Fprintf(b, "\n[%s]\n", at)
	}
	for _, key := range slices.Sorted(maps.Keys(stringKeys(m))) {
		v := m.MapIndex(reflect.ValueOf(key))
		if v.Kind() == reflect.String {
			fmt.Fprintf(b, "%s = %s\n", tomlKey(key), literal(v))
			continue
		}
		fmt.Fprintf(b, "\n[%s.%s]\n", at, tomlKey(key))
		printTable(b, v, join(at, key))
	}
}

func stringKeys(m reflect.Value) map[string]bool {
	keys := map[string]bool{}
	for _, k := range m.MapKeys() {
		keys[k.String()] = true
	}
	return keys
}

// isTable tells whether a field is written as a table of its own.
func isTable(f reflect.StructField) bool {
	if f.Tag.Get("print") == "short" {
		return false
	}
	switch t := f.Type; t.Kind() {
	case reflect.Struct, reflect.Map:
		return true
	case reflect.Slice, reflect.Pointer:
		return t.Elem().Kind() == reflect.Struct
	}
	return false
}

// leftOut tells whether a field is one that need not be there, and is not.
func leftOut(v reflect.Value, i int) bool {
	f := v.Field(i)
	return f.Kind() == reflect.Pointer && f.IsNil() || v.Type().Field(i).Tag.Get("print") == "short" && f.IsNil()
}

func mask(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.String {
		if v.Len() == 0 {
			return v
		}
		return reflect.ValueOf(masked)
	}
	hidden := make([]string, v.Len())
	for i := range hidden {
		hidden[i] = masked
	}
	return reflect.ValueOf(hidden)
}

func literal(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		return literal(v.Elem())
	case reflect.Map:
		var items []string
		for _, key := range slices.Sorted(maps.Keys(stringKeys(v))) {
			items = append(items, tomlKey(key)+" = "+literal(v.MapIndex(reflect.ValueOf(key))))
		}
		return inline(items)
	case reflect.Struct:
		var items []string
		for i := range v.NumField() {
			if !leftOut(v, i) {
				items = append(items, v.Type().Field(i).Tag.Get("toml")+" = "+literal(v.Field(i)))
			}
		}
		return inline(items)
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.String:
		return tomlString(v.String())
	case reflect.Int64: // Duration and Size
		return strconv.Quote(fmt.Sprint(v.Interface()))
	}
	return fmt.Sprint(v.Interface())
}

func inline(items []string) string {
	if len(items) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(items, ", ") + " }"
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func tomlKey(key string) string {
	if bareKey.MatchString(key) {
		return key
	}
	return tomlString(key)
}

// tomlString writes s as TOML does: without escapes where it can be, so that an
// expression stays readable.
func tomlString(s string) string {
	if strings.Contains(s, `"`) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || unicode.IsControl(r) }) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func maskedTree(v reflect.Value) map[string]any {
	tree := map[string]any{}
	for i := range v.NumField() {
		f, key := v.Field(i), v.Type().Field(i).Tag.Get("toml")
		if leftOut(v, i) && !isTable(v.Type().Field(i)) {
			continue
		}
		if v.Type().Field(i).Tag.Get("secret") != "" {
			f = mask(f)
		}
		tree[key] = maskedValue(f)
	}
	return tree
}

func maskedValue(f reflect.Value) any {
	if f.Kind() == reflect.Int64 {
		return fmt.Sprint(f.Interface())
	}
	switch f.Kind() {
	case reflect.Pointer:
		if f.IsNil() {
			return nil
		}
		return maskedValue(f.Elem())
	case reflect.Struct:
		return maskedTree(f)
	case reflect.Slice:
		list := make([]any, f.Len())
		for i := range list {
			list[i] = maskedValue(f.Index(i))
		}
		return list
	case reflect.Map:
		tree := map[string]any{}
		for _, k := range f.MapKeys() {
			tree[k.String()] = maskedValue(f.MapIndex(k))
		}
		return tree
	}
	return f.Interface()
}
