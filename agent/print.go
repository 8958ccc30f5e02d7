package agent

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"deskbell/agent/indicator"
)

const masked = "********"

// Print writes the configuration in force as TOML that can be read again, but
// for its secrets, which are masked, and then the rules in force as comments.
func (c Config) Print(w io.Writer) error {
	var b strings.Builder
	printTable(&b, reflect.ValueOf(c), "")
	b.WriteString("\n# The rules in force; an earlier one wins an output.\n")
	for _, r := range c.rules() {
		fmt.Fprintf(&b, "# %s\n", r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Masked is the configuration in force as a tree fit for JSON, without its
// secrets.
func (c Config) Masked() map[string]any {
	return maskedTree(reflect.ValueOf(c))
}

func (c Config) rules() []indicator.Rule {
	if !c.DefaultRules {
		return nil
	}
	return indicator.Builtin()
}

// printTable writes the plain keys of a table first and its tables after them.
func printTable(b *strings.Builder, v reflect.Value, path string) {
	for i := range v.NumField() {
		f, key := v.Field(i), v.Type().Field(i).Tag.Get("toml")
		if isTable(f.Type()) {
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
		case !isTable(f.Type()) || f.Kind() == reflect.Pointer && f.IsNil():
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
			fmt.Fprintf(b, "%s = %s\n", strconv.Quote(key), literal(v))
			continue
		}
		fmt.Fprintf(b, "\n[%s]\n", join(at, key))
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
func isTable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Struct
	}
	return false
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
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Int64: // Duration and Size
		return strconv.Quote(fmt.Sprint(v.Interface()))
	}
	return fmt.Sprint(v.Interface())
}

func maskedTree(v reflect.Value) map[string]any {
	tree := map[string]any{}
	for i := range v.NumField() {
		f, key := v.Field(i), v.Type().Field(i).Tag.Get("toml")
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
		return maskedTree(f.Elem())
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
