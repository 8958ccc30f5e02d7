package agent

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plan of the house: which of our own packages a room may import,
// and which outside modules belong to it alone. Everything but the standard
// library and golang.org/x has to be listed.
var plan = map[string]struct{ ours, owns []string }{
	"cmd/deskbell": {
		ours: []string{"agent", "agent/admin", "agent/event", "storage", "gpio", "systemd"},
		owns: []string{"github.com/spf13/cobra", "github.com/kardianos/service", "github.com/rogpeppe/go-internal"},
	},
	"agent": {
		ours: []string{
			"agent/admin", "agent/broker", "agent/desk", "agent/event", "agent/forward", "agent/hub",
			"agent/indicator", "agent/mqtt", "agent/webhook", "gpio", "storage",
		},
		owns: []string{"github.com/pelletier/go-toml/v2"},
	},
	"agent/event":     {},
	"agent/webhook":   {ours: []string{"agent/event", "storage"}},
	"agent/mqtt":      {owns: []string{"github.com/eclipse/paho.mqtt.golang", "github.com/gorilla/websocket"}},
	"agent/forward":   {ours: []string{"agent/event", "agent/mqtt", "storage"}},
	"agent/hub":       {ours: []string{"agent/mqtt"}},
	"agent/desk":      {ours: []string{"agent/event"}},
	"agent/indicator": {ours: []string{"agent/event", "agent/desk", "storage", "gpio"}, owns: []string{"github.com/expr-lang/expr"}},
	"agent/broker":    {owns: []string{"github.com/mochi-mqtt/server/v2"}},
	"agent/admin":     {ours: []string{"agent/event", "storage"}, owns: []string{"github.com/prometheus/client_golang"}},
	"storage":         {owns: []string{"go.etcd.io/bbolt"}},
	"gpio":            {owns: []string{"periph.io/x/conn/v3", "github.com/warthog618/go-gpiocdev"}},
	"systemd":         {owns: []string{"github.com/coreos/go-systemd/v22"}},
}

// topLevel is what may stand at the root, beside files that begin with a dot.
var topLevel = []string{
	"go.mod", "go.sum", "cmd", "agent", "storage", "gpio", "packaging", "systemd", "Makefile", "README.md",
	"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
	"dist", // made by make, not kept
}

// TestHouse holds the imports of every file against the plan. It parses the
// files itself, as a test that asked the go command would be served from the
// test cache when only another package has changed.
func TestHouse(t *testing.T) {
	root := ".."
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
	docs := map[string]int{} // package comments by room
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "packaging" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			inspect(t, root, name, docs)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range plan {
		if docs[room] != 1 {
			t.Errorf("%s has %d package comments, want one", room, docs[room])
		}
	}
}

func inspect(t *testing.T, root, name string, docs map[string]int) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(root, filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	room, test := filepath.ToSlash(rel), strings.HasSuffix(name, "_test.go")
	allowed, ok := plan[room]
	helper := strings.HasSuffix(room, "test") // a room's parts for tests, such as net/http has httptest
	if helper {
		allowed, ok = plan[path.Dir(room)]
	}
	if !ok {
		t.Errorf("%s is in no room of the plan", name)
		return
	}
	if f.Doc != nil && !test {
		docs[room]++
	}
	for _, i := range f.Imports {
		target, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, isOurs := strings.CutPrefix(target, "deskbell/")
		switch first, _, _ := strings.Cut(target, "/"); {
		case isOurs && (slices.Contains(allowed.ours, ours) || ours == room):
		case isOurs && test: // a test may meet the real neighbour
		case isOurs && helper && ours == path.Dir(room):
		case isOurs:
			t.Errorf("%s may not import %s", name, target)
		case !strings.Contains(first, ".") || strings.HasPrefix(target, "golang.org/x/"):
		case slices.ContainsFunc(allowed.owns, func(m string) bool { return target == m || strings.HasPrefix(target, m+"/") }):
		default:
			t.Errorf("%s may not import %s: it belongs to another room, or to none", name, target)
		}
	}
}
