package indicator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	no, yes, none, hour, text := false, true, time.Duration(0), time.Hour, ""
	where := func(rules []Rule, name string) int {
		return slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	}
	for _, c := range []struct {
		name    string
		written []Override
		builtin bool
		want    func(rules []Rule) bool
	}{
		{"nothing written leaves the built-in rules", nil, true, func(r []Rule) bool { return len(r) == len(Builtin()) }},
		{"nothing at all is no rule", nil, false, func(r []Rule) bool { return len(r) == 0 }},
		{"a rule of its own comes before the built-in ones", []Override{{Name: "a", Show: show(Lights, "on")}, {Name: "b"}}, true, func(r []Rule) bool {
			return r[0].Name == "a" && r[0].Written == 1 && r[1].Name == "b" && r[1].Written == 2 && r[2].Name == "somebody waits"
		}},
		{"a built-in rule's name changes the keys given, in its place", []Override{{Name: "x"}, {Name: "still waiting", Every: &hour}}, true, func(r []Rule) bool {
			at := where(r, "still waiting")
			return at == 3 && r[at].Every == time.Hour && r[at].While == Builtin()[2].While && r[at].Show[Sounds] == "double" && r[at].Written == 2
		}},
		{"a key given as nothing is given", []Override{{Name: "SLA breached", For: &none, When: &text, Critical: &yes}}, true, func(r []Rule) bool {
			at := where(r, "SLA breached")
			return r[at].For == 0 && r[at].Critical && len(r) == len(Builtin())
		}},
		{"show is one key", []Override{{Name: "SLA breached", Show: show("lamp", "on")}}, true, func(r []Rule) bool {
			return len(r[where(r, "SLA breached")].Show) == 1
		}},
		{"one that is not enabled is dropped", []Override{{Name: "still waiting", Enabled: &no}, {Name: "own", Enabled: &no}}, true, func(r []Rule) bool {
			return len(r) == len(Builtin())-1 && where(r, "still waiting") < 0 && where(r, "own") < 0
		}},
		{"without the built-in ones their names are like any other", []Override{{Name: "still waiting"}}, false, func(r []Rule) bool {
			return len(r) == 1 && r[0].While == ""
		}},
		{"two of one name are both there, for Validate to see", []Override{{Name: "still waiting"}, {Name: "still waiting"}}, true, func(r []Rule) bool {
			return len(r) == len(Builtin())+1
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rules := Merge(c.written, c.builtin); !c.want(rules) {
				var list []string
				for _, r := range rules {
					list = append(list, r.String())
				}
				t.Errorf("the rules are\n%s", strings.Join(list, "\n"))
			}
		})
	}
}
