package agent

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
)

// binder fills configuration structs from a decoded TOML tree. It goes on
// after a fault, so that all faults are told at once.
type binder struct {
	*collector
	env  func(string) (string, bool)
	from Loader
}

// table fills the struct dst from the TOML table src. A key that no field has
// is a fault. Credentials, `x_file` keys and ${ENV} are looked up on the way.
func (b *binder) table(dst reflect.Value, src map[string]any, path, credential string) {
	known := map[string]reflect.Value{}
	for i := range dst.NumField() {
		f := dst.Type().Field(i)
		name := f.Tag.Get("toml")
		known[name] = dst.Field(i)
		if form := f.Tag.Get("secret"); form != "" {
			b.secret(dst.Field(i), form, name, src, path, join(credential, name))
			delete(known, name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(src)) {
		field, ok := known[key]
		if ok {
			b.value(field, src[key], join(path, key), join(credential, key))
		} else if !b.isSecret(dst.Type(), key) {
			b.unknown(dst.Type(), key, join(path, key))
		}
	}
}

func (b *binder) unknown(t reflect.Type, key, path string) {
	if path != key && hasField(reflect.TypeFor[Config](), key) {
		b.add(path, "%s is a top-level key: write it above the first [table]", key)
		return
	}
	if near := nearest(key, fieldNames(t)); near != "" {
		b.add(path, "unknown key; did you mean %s?", near)
		return
	}
	b.add(path, "unknown key")
}

// value fills one field of any kind that the configuration has.
func (b *binder) value(dst reflect.Value, src any, path, credential string) {
	if t, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if n, ok := src.(int64); ok && n == 0 {
			src = "0"
		}
		text, ok := b.text(src, path, "a string such as \""+fmt.Sprint(dst.Interface())+"\"")
		if ok {
			if err := t.UnmarshalText([]byte(text)); err != nil {
				b.add(path, "%v", err)
			}
		}
		return
	}
	switch dst.Kind() {
	case reflect.String:
		if text, ok := b.text(src, path, "a string"); ok {
			dst.SetString(text)
		}
	case reflect.Bool:
		if v, ok := src.(bool); ok {
			dst.SetBool(v)
		} else {
			b.add(path, "must be true or false, not %s", describe(src))
		}
	case reflect.Int:
		if v, ok := src.(int64); ok && v >= 0 && v <= 1<<31-1 {
			dst.SetInt(v)
		} else {
			b.add(path, "must be a whole number from 0 up, not %s", describe(src))
		}
	case reflect.Struct:
		if t, ok := src.(map[string]any); ok {
			b.table(dst, t, path, credential)
		} else {
			b.add(path, "must be a table, not %s", describe(src))
		}
	case reflect.Pointer: // a table that has defaults once it is written, or a value that may be left out
		v := reflect.New(dst.Type().Elem())
		v.Elem().Set(defaultOf(v.Elem().Type()))
		dst.Set(v)
		b.value(v.Elem(), src, path, credential)
	case reflect.Map:
		b.named(dst, src, path, credential)
	case reflect.Slice:
		b.list(dst, src, path, credential)
	default:
		panic("agent: no binding for " + dst.Type().String())
	}
}

// named fills a map of strings or of tables.
func (b *binder) named(dst reflect.Value, src any, path, credential string) {
	t, ok := src.(map[string]any)
	if !ok {
		b.add(path, "must be a table, not %s", describe(src))
		return
	}
	dst.Set(reflect.MakeMap(dst.Type()))
	for _, key := range slices.Sorted(maps.Keys(t)) {
		v := reflect.New(dst.Type().Elem()).Elem()
		v.Set(defaultOf(v.Type()))
		b.value(v, t[key], join(path, key), join(credential, key))
		dst.SetMapIndex(reflect.ValueOf(key), v)
	}
}

// list fills a list of strings or of tables; it replaces the default.
func (b *binder) list(dst reflect.Value, src any, path, credential string) {
	items, ok := src.([]any)
	if !ok {
		b.add(path, "must be a list, not %s", describe(src))
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(items), len(items)))
	for i, item := range items {
		at := credential // a credential is named by the element's own name
		if t, ok := item.(map[string]any); ok {
			if name, ok := t["name"].(string); ok {
				at = join(credential, name)
			}
		}
		dst.Index(i).Set(defaultOf(dst.Type().Elem()))
		b.value(dst.Index(i), item, path+"."+strconv.Itoa(i), at)
	}
}

var envReference = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// text is a string value with its ${ENV} replaced.
func (b *binder) text(src any, path, want string) (string, bool) {
	s, ok := src.(string)
	if !ok {
		b.add(path, "must be %s, not %s", want, describe(src))
		return "", false
	}
	return envReference.ReplaceAllStringFunc(s, func(ref string) string {
		name := ref[2 : len(ref)-1]
		v, ok := b.env(name)
		if !ok {
			b.add(path, "the environment variable %s is not set", name)
		}
		return v
	}), true
}

func (b *binder) isSecret(t reflect.Type, key string) bool {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("secret") != "" && (key == f.Tag.Get("toml") || key == f.Tag.Get("toml")+"_file") {
			return true
		}
	}
	return false
}

// defaultOf is the value that a table written without any key has.
func defaultOf(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[ForwardConfig]():
		return reflect.ValueOf(defaultForward())
	case reflect.TypeFor[BrokerConfig]():
		return reflect.ValueOf(defaultBroker())
	case reflect.TypeFor[Output]():
		return reflect.ValueOf(defaultOutput())
	case reflect.TypeFor[Input]():
		return reflect.ValueOf(defaultInput())
	case reflect.TypeFor[QuietConfig]():
		return reflect.ValueOf(defaultQuiet())
	}
	return reflect.Zero(t)
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("toml"))
	}
	return names
}

func hasField(t reflect.Type, key string) bool { return slices.Contains(fieldNames(t), key) }

func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		return "a table"
	case []any:
		return "a list"
	}
	return "that"
}
