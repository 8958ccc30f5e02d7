package indicator

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestAllPointsAreShown: people who build such lights ask for sixteen things. Each is shown by a script, a test or a check of a lab, which
// says so: "point 7: …".
func TestAllPointsAreShown(t *testing.T) {
	point := regexp.MustCompile(`\bpoint ([0-9]+): `)
	shown := map[int]string{}
	for _, root := range []string{"../../agent", "../../gpio", "../../cmd", "../../packaging/lab"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Base(name) == "points_test.go" {
				return err
			}
			lab := strings.Contains(filepath.ToSlash(name), "/packaging/lab/")
			if !lab && !strings.HasSuffix(name, "_test.go") && filepath.Ext(name) != ".script" && filepath.Ext(name) != ".txtar" {
				return nil
			}
			data, err := os.ReadFile(name)
			for _, m := range point.FindAllStringSubmatch(string(data), -1) {
				n, _ := strconv.Atoi(m[1])
				shown[n] = name
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 16; n++ {
		if shown[n] == "" {
			t.Errorf("nothing shows point %d", n)
		}
		delete(shown, n)
	}
	if len(shown) > 0 {
		t.Errorf("there are no such points: %v", shown)
	}
}
