package agent

import (
	"reflect"
	"strconv"
	"strings"
)

// later lists the keys of the contract that this version does not have yet.
// Each may stand in a file with the value that means "not used"; nil means
// that the table or key may not be written at all. "*" stands for any element.
var later = []struct {
	key    string
	unused any
}{
	{"relay", nil},
	{"forward.*.home_assistant", false},
	{"forward.*.discovery_prefix", "homeassistant"},
	{"forward.*.birth_topic", "homeassistant/status"},
}

// refuseLater takes those keys out of the tree: silently where they are not
// used, with a fault where they are.
func refuseLater(tree map[string]any, c *collector) {
	for _, l := range later {
		refuse(tree, strings.Split(l.key, "."), "", l.unused, c)
	}
}

func refuse(at any, key []string, path string, unused any, c *collector) {
	if list, ok := at.([]any); ok && key[0] == "*" {
		for i, item := range list {
			refuse(item, key[1:], path+"."+strconv.Itoa(i), unused, c)
		}
		return
	}
	table, ok := at.(map[string]any)
	if !ok {
		return
	}
	v, ok := table[key[0]]
	if !ok {
		return
	}
	path = join(path, key[0])
	if len(key) > 1 {
		refuse(v, key[1:], path, unused, c)
		return
	}
	if unused == nil || !reflect.DeepEqual(v, unused) {
		c.add(path, "not in this version")
	}
	delete(table, key[0])
}
