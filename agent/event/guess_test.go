package event

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	many := strings.Repeat(`"x",`, 1000)
	for name, c := range map[string]struct {
		payload string
		want    []string
	}{
		"not mentioned":                 {`{}`, nil},
		"null says nothing":             {`{"labels":null}`, nil},
		"an empty list: there are none": {`{"labels":[]}`, []string{}},
		"strings":                       {`{"labels":["VIP","late \u00e9"]}`, []string{"VIP", "late é"}},
		"objects with a name":           {`{"labels":[{"id":1,"name":"VIP"},{"title":"late"},{"label":7}]}`, []string{"VIP", "late", "7"}},
		"what is none is left out":      {`{"labels":["VIP",null,[],{},"",true,{"name":[]}]}`, []string{"VIP"}},
		"nothing that is one":           {`{"labels":[null,{}]}`, nil},
		"an object is no list":          {`{"labels":{"name":"VIP"}}`, nil},
		"one that came or went":         {`{"label":{"name":"VIP"},"labels":"VIP"}`, nil},
		"no more than so many":          {`{"labels":[` + many + `"y"]}`, strings.Split(strings.Repeat(",x", maxLabels)[1:], ",")},
	} {
		if e := newDecoder(t, Config{}).Decode([]byte(`{"event":{"type":"label","payload":` + c.payload + `}}`)); !reflect.DeepEqual(e.Labels, c.want) {
			t.Errorf("%s: %q", name, e.Labels)
		}
	}
}

func TestTeam(t *testing.T) {
	for payload, want := range map[string]Team{
		`{}`:                                     {},
		`{"team":null}`:                          {},
		`{"team":"Front desk"}`:                  {Name: "Front desk"},
		`{"team":7}`:                             {ID: "7"},
		`{"team":{"id":7,"name":"Front desk"}}`:  {ID: "7", Name: "Front desk"},
		`{"team":{},"assigned_team":{"id":"7"}}`: {ID: "7"},
		`{"team":[7]}`:                           {},
		`{"assigned_to_user":{"type":"team","id":7,"name":"Front desk"}}`: {}, // that is an assignee
	} {
		if e := newDecoder(t, Config{}).Decode(fmt.Appendf(nil, `{"event":{"payload":%s}}`, payload)); e.Team != want {
			t.Errorf("%s: %+v", payload, e.Team)
		}
	}
}
