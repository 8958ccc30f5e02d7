package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Setup is what `deskbell setup` decides of a configuration. Where a field is
// nil or empty it leaves what there is as it is.
type Setup struct {
	Listen     string
	PublicURL  *string // "": none
	TokensFile string  // takes the place of tokens, too
	Broker     *Broker
	Pins       map[string]string // of PinLamp, PinBuzzer and PinButton; not nil: one that is left out is taken away
}

// Broker is the one broker that setup asks for.
type Broker struct {
	URL          string // "" or Embedded: none, the built-in one serves
	Username     string
	PasswordFile string // "": what there is of a password stays
}

// The names that setup gives to what hangs on the pins.
const (
	PinLamp   = "lamp"
	PinBuzzer = "buzzer"
	PinButton = "button"
)

// Found is what setup finds in a configuration.
type Found struct {
	Listen    string // "": not written
	PublicURL string
	Tokens    bool   // some are written into the configuration itself
	TokenFile string // "": not written
	Forward   string // name of the forward that setup would change
	Forwards  int    // in all
	Broker    Broker // of that forward
	Password  bool   // that has one, wherever
	Pins      map[string]string
	Others    bool // there are other outputs or inputs
	Foreign   bool // neither the package nor setup has written it
}

// setupMark begins every configuration that Compose has written.
const setupMark = "# Written by deskbell setup"

// ownForward is the name of the forward that setup makes.
const ownForward = "hub"

// Find looks at the file of a configuration, which may be empty. The error says
// that it is not TOML.
func Find(doc []byte) (Found, error) {
	var f Found
	tree, err := parseTree(doc)
	if err != nil {
		return f, err
	}
	w := tableOf(tree, "webhook")
	f.Listen, _ = w["listen"].(string)
	f.PublicURL, _ = w["public_url"].(string)
	f.TokenFile, _ = w["tokens_file"].(string)
	given, _ := w["tokens"].([]any)
	f.Tokens = len(given) > 0
	all, _ := tree["forward"].([]any)
	f.Forwards = len(all)
	if fw := theForward(all); fw != nil {
		f.Forward, _ = fw["name"].(string)
		f.Broker.URL, _ = fw["broker"].(string)
		f.Broker.Username, _ = fw["username"].(string)
		f.Broker.PasswordFile, _ = fw["password_file"].(string)
		f.Password = fw["password"] != nil || f.Broker.PasswordFile != ""
	}
	f.Pins = map[string]string{}
	outputs, inputs := tableOf(tree, "output"), tableOf(tree, "input")
	for name, at := range ownPins(outputs, inputs) {
		if pin, ok := at["pin"].(string); ok {
			f.Pins[name] = pin
		}
	}
	f.Others = len(outputs)+len(inputs) > len(f.Pins)
	// The shipped file says no more than that this machine alone may post.
	delete(w, "listen")
	shipped := len(w) == 0 && len(tree) == 0 || len(w) == 0 && len(tree) == 1 && tree["webhook"] != nil
	f.Foreign = !shipped && !bytes.HasPrefix(doc, []byte(setupMark))
	return f, nil
}

// Compose returns doc as s wants it: everything else in it stays, but for
// comments and the order. The error says that doc is not TOML.
func Compose(doc []byte, s Setup) ([]byte, error) {
	tree, err := parseTree(doc)
	if err != nil {
		return nil, err
	}
	w := intoTable(tree, "webhook")
	if s.Listen != "" {
		w["listen"] = s.Listen
	}
	if s.PublicURL != nil {
		w["public_url"] = *s.PublicURL
		if *s.PublicURL == "" {
			delete(w, "public_url")
		}
	}
	if s.TokensFile != "" {
		w["tokens_file"] = s.TokensFile
		delete(w, "tokens")
	}
	if s.Broker != nil {
		composeBroker(tree, *s.Broker)
	}
	if s.Pins != nil {
		composePins(tree, s.Pins)
	}
	return render(tree)
}

func composeBroker(tree map[string]any, b Broker) {
	all, _ := tree["forward"].([]any)
	fw := theForward(all)
	if b.URL == "" || b.URL == Embedded {
		all = slices.DeleteFunc(all, func(one any) bool { return fw != nil && reflect.DeepEqual(one, any(fw)) })
		if tree["forward"] = all; len(all) == 0 {
			delete(tree, "forward")
		}
		return
	}
	if fw == nil {
		fw = map[string]any{"name": ownForward}
		tree["forward"] = append(all, fw)
	}
	if fw["broker"] != b.URL || cmp.Or(fw["username"], any("")) != any(b.Username) { // a login is for one broker
		for _, key := range []string{"username", "password", "password_file"} {
			delete(fw, key)
		}
	}
	fw["broker"] = b.URL
	if b.Username != "" {
		fw["username"] = b.Username
	}
	if b.PasswordFile != "" {
		fw["password_file"] = b.PasswordFile
		delete(fw, "password")
	}
}

func composePins(tree map[string]any, pins map[string]string) {
	outputs, inputs := intoTable(tree, "output"), intoTable(tree, "input")
	known := ownPins(outputs, inputs)
	set := func(in map[string]any, key, name string, fresh map[string]any) {
		at := known[name]
		if at == nil {
			at = fresh
		}
		if in[key] = at; pins[name] == "" {
			delete(in, key)
		} else {
			at["pin"] = pins[name]
		}
	}
	set(outputs, PinLamp, PinLamp, map[string]any{})
	set(outputs, PinBuzzer, PinBuzzer, map[string]any{"kind": "buzzer"})
	set(inputs, "ack", PinButton, map[string]any{})
	for key, table := range map[string]map[string]any{"output": outputs, "input": inputs} {
		if len(table) == 0 {
			delete(tree, key)
		}
	}
	if g := tableOf(tree, "gpio"); len(pins) > 0 && g["driver"] == "simulated" {
		if delete(g, "driver"); len(g) == 0 {
			delete(tree, "gpio")
		}
	}
}

// ownPins are the tables of those outputs and inputs that setup knows.
func ownPins(outputs, inputs map[string]any) map[string]map[string]any {
	own := map[string]map[string]any{}
	for name, at := range map[string]any{PinLamp: outputs[PinLamp], PinBuzzer: outputs[PinBuzzer], PinButton: inputs["ack"]} {
		if t, ok := at.(map[string]any); ok {
			own[name] = t
		}
	}
	return own
}

// theForward is the one that setup changes: its own, else the only one.
func theForward(all []any) map[string]any {
	for _, one := range all {
		if t, ok := one.(map[string]any); ok && (t["name"] == ownForward || len(all) == 1) {
			return t
		}
	}
	return nil
}

func parseTree(doc []byte) (map[string]any, error) {
	tree := map[string]any{}
	if err := toml.Unmarshal(doc, &tree); err != nil {
		return nil, fmt.Errorf("not TOML: %w", err)
	}
	return tree, nil
}

// tableOf is the table of a key; nil where it is none.
func tableOf(tree map[string]any, key string) map[string]any {
	t, _ := tree[key].(map[string]any)
	return t
}

// intoTable is the table of a key, which is made where there is none.
func intoTable(tree map[string]any, key string) map[string]any {
	if tableOf(tree, key) == nil {
		tree[key] = map[string]any{}
	}
	return tableOf(tree, key)
}

// first is the order in which people look for tables.
var first = []string{"webhook", "forward", "output", "input"}

// render writes a tree as a person would, and makes sure that it reads back the
// same.
func render(tree map[string]any) ([]byte, error) {
	var b strings.Builder
	b.WriteString(setupMark + ", which keeps what else is written here, but not comments.\n" +
		"# All keys: /usr/share/doc/deskbell/deskbell.toml. After a change: deskbell check && systemctl restart deskbell\n")
	keys := slices.SortedFunc(maps.Keys(tree), func(a, b string) int {
		at := func(key string) int {
			if i := slices.Index(first, key); i >= 0 {
				return i
			}
			return len(first)
		}
		return cmp.Or(cmp.Compare(at(a), at(b)), strings.Compare(a, b))
	})
	for _, tables := range []bool{false, true} {
		for _, key := range keys {
			if (tablesIn(tree[key]) != nil) != tables {
				continue
			}
			if !tables {
				line(&b, key, tree[key])
				continue
			}
			for _, t := range tablesIn(tree[key]) {
				renderTable(&b, key, t)
			}
		}
	}
	back, err := parseTree([]byte(b.String()))
	if err == nil && !reflect.DeepEqual(back, tree) {
		err = fmt.Errorf("it does not read back the same")
	}
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return []byte(b.String()), nil
}

// headed is a table with the line that begins it.
type headed struct {
	head func(key string) string
	body map[string]any
}

// tablesIn are the tables that a value is written as; nil for a plain value.
func tablesIn(v any) []headed {
	var all []headed
	switch v := v.(type) {
	case map[string]any:
		named := len(v) > 0
		for _, one := range v {
			_, is := one.(map[string]any)
			named = named && is
		}
		if !named {
			return []headed{{func(key string) string { return "[" + key + "]" }, v}}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, headed{func(key string) string { return "[" + key + "." + tomlKey(name) + "]" }, v[name].(map[string]any)})
		}
	case []any:
		for _, one := range v {
			t, is := one.(map[string]any)
			if !is {
				return nil
			}
			all = append(all, headed{func(key string) string { return "[[" + key + "]]" }, t})
		}
	}
	return all
}

func renderTable(b *strings.Builder, key string, t headed) {
	fmt.Fprintf(b, "\n%s\n", t.head(key))
	// The name of a table in a list says which it is.
	keys := slices.SortedFunc(maps.Keys(t.body), func(x, y string) int {
		return cmp.Or(-cmp.Compare(b2i(x == "name"), b2i(y == "name")), strings.Compare(x, y))
	})
	for _, k := range keys {
		line(b, k, t.body[k])
	}
}

func b2i(is bool) int {
	if is {
		return 1
	}
	return 0
}

// line writes one key with its value, tables within it in one line.
func line(b *strings.Builder, key string, v any) {
	fmt.Fprintf(b, "%s = %s\n", tomlKey(key), plain(v))
}

// plain is a value of a tree as TOML in one line. Of what nothing in a
// configuration can be, such as a date, it may not read back.
func plain(v any) string {
	var items []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, tomlKey(key)+" = "+plain(v[key]))
		}
		return inline(items)
	case []any:
		for _, one := range v {
			items = append(items, plain(one))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		return tomlString(v)
	}
	return fmt.Sprint(v)
}
