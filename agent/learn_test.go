package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"deskbell/agent/event"
)

func learn(t testing.TB, doc string, elements ...string) Learned {
	t.Helper()
	c, err := Load([]byte(doc), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLearner(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		l.Add([]byte(e))
	}
	return l.Learned()
}

func words(t testing.TB, all Learned) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteLearned(&b, all, "deskbell.toml"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	agentJoined = `{"event":{"type":"agent_joined_chat","payload":{"joined_agent":{"type":"user","id":7,"email":"anna@x"},"at":[1.5,"s"],"final":true}},"conversation":{"key":"k"}}`
	moonPhase   = `{"event":{"type":"moon_phase","payload":{"by":{"anna@hotel.example":"x","ben":null},"Anna Schmidt":1,"u4711":2}}}`
)

func TestLearnInWords(t *testing.T) {
	all := learn(t, "", agentJoined, agentJoined, moonPhase, `{"event":{"type":"Anna Schmidt, 12 Main St"}}`, `{"event":{}}`, `nonsense`,
		`{"event":{"type":"assignee_change","payload":{"new_owner":null,"changed_by":{"type":"user"}}}}`,
		`{"event":{"type":"status_change","payload":{"chat_state":"away","state_before":null}}}`,
		`{"event":{"type":"conversation_create","payload":{"assigned_to_user":{"type":"user","id":1}}}}`)
	const want = `9 events, 1 conversation, 1 hand-over

2 events of no type: not understood

1 event of types that are no names: not understood

2 events of type agent_joined_chat: not understood
    payload                                  object
    payload.at                               list
    payload.at[]                             number
    payload.final                            true or false
    payload.joined_agent                     object
    payload.joined_agent.email               string
    payload.joined_agent.id                  number
    payload.joined_agent.type                string

1 event of type moon_phase: not understood
    payload                                  object
    payload.*                                number
    payload.by                               object
    payload.by.*                             string

1 event of kind assignee_change: no assignee found
    payload                                  object
    payload.changed_by                       object
    payload.changed_by.type                  string
    payload.new_owner                        null

1 event of kind status_change: no status found
    payload                                  object
    payload.chat_state                       string
    payload.state_before                     null

These lines in deskbell.toml would make them count; look whether they mean what their names say:

[webhook.types]
"agent_joined_chat" = "assignee_change" # 2 events
#"moon_phase" = "" # 1 event; one of conversation_create, message, status_change, assignee_change, variable, label, note, sla_breached, message_status, other
[webhook.fields]
assignee = ["payload.assigned_to_user", "payload.assignee", "payload.new_owner", "payload.joined_agent"]
status = ["payload.status", "payload.is_closed", "payload.chat_state"]
`
	if got := words(t, all); got != want {
		t.Errorf("got\n%s", got)
	}
	// With those lines it counts, and nothing is left to learn of it.
	then := learn(t, all.Lines, agentJoined, `{"event":{"type":"assignee_change","payload":{"new_owner":null}}}`)
	if then.HandOvers != 2 || len(then.Types)+len(then.Missing) != 0 || then.Lines != "" || !strings.Contains(words(t, then), "Everything is understood.") {
		t.Errorf("with those lines: %+v", then)
	}
	var guests []string
	for range silentConversations {
		guests = append(guests, `{"event":{"type":"conversation_create"}}`)
	}
	if got := words(t, learn(t, "", guests...)); !strings.Contains(got, "are all events chosen in the platform?") {
		t.Errorf("guests alone: got\n%s", got)
	}
	// A type that is meant to be of kind other is understood.
	if all := learn(t, "webhook.types = { moon_phase = 'other' }", moonPhase); len(all.Types) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestTheSamplesAreUnderstood(t *testing.T) {
	var elements []string
	for _, s := range event.Samples() {
		b, err := event.ParseBody(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Elements {
			elements = append(elements, string(e.Data))
		}
	}
	if all := learn(t, "", elements...); len(all.Types)+len(all.Missing) != 0 || all.Events != len(elements) {
		t.Errorf("%+v", all)
	}
}

func TestGuessedKinds(t *testing.T) {
	for name, want := range map[string]event.Kind{
		"slaBreached": event.SLABreached, "message.delivered": event.MessageStatus, "tags_set": event.Label, "private-note": event.Note,
		"custom_field_edited": event.Variable, "handoff": event.AssigneeChange, "new_reply": event.Message, "chat_begun_new": event.ConversationCreate,
		"ticket_archived": event.StatusChange, "moon": "", "island": "", "backend": "",
	} {
		if got := guessKind(name); got != string(want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// What is learned has a bound, whatever comes.
func TestLearnIsBounded(t *testing.T) {
	var elements []string
	for n := range 300 {
		var members []string
		for m := range 39 {
			members = append(members, fmt.Sprintf(`"%s%c%c":[{"x":%d}]`, strings.Repeat("p", m), 'a'+n%26, 'a'+n/26, m))
		}
		elements = append(elements, fmt.Sprintf(`{"event":{"type":"t%c%c","payload":{%s}}}`, 'a'+n%26, 'a'+n/26, strings.Join(members, ",")),
			fmt.Sprintf(`{"event":{"type":"same","payload":{%s}}}`, strings.Join(members, ",")))
	}
	all := learn(t, "", elements...)
	if len(all.Types) != censusTypes {
		t.Errorf("%d types", len(all.Types))
	}
	for _, u := range all.Types {
		if len(u.Shape) > learnPaths {
			t.Errorf("%d places of %s", len(u.Shape), u.Type)
		}
	}
	deep := learn(t, "", `{"event":{"type":"deep","payload":`+strings.Repeat(`{"a":[`, 400)+strings.Repeat(`]}`, 400)+`}}`)
	for _, s := range deep.Types[0].Shape {
		if strings.Count(s.Path, "a")+strings.Count(s.Path, "[]") > 2*learnDepth {
			t.Errorf("place %s", s.Path)
		}
	}
}

// FuzzLearn: no value ever comes out. Every string and number of what was fuzzed
// is replaced by a mark, which then must not be found in what was learned.
func FuzzLearn(f *testing.F) {
	for _, s := range event.Samples() {
		if b, err := event.ParseBody(s.Data); err == nil {
			f.Add(string(b.Elements[0].Data), "agent left")
		}
	}
	f.Add(agentJoined, "x@y")
	f.Add(moonPhase, "moon")
	f.Fuzz(func(t *testing.T, element, typ string) {
		var doc any
		d := json.NewDecoder(strings.NewReader(element))
		d.UseNumber()
		if d.Decode(&doc) != nil {
			return
		}
		const text, number = "qZ7-mark@x.example", "918273645"
		doc = marked(doc, text, json.Number(number))
		tree, ok := doc.(map[string]any)
		if !ok {
			return
		}
		for _, kind := range []string{typ, "moon_phase", "assignee_change", "status_change", text + number} {
			e, _ := tree["event"].(map[string]any)
			if e == nil {
				e = map[string]any{"payload": doc}
				tree = map[string]any{"event": e}
			}
			e["type"] = kind
			one, err := json.Marshal(tree)
			if err != nil {
				return
			}
			all := learn(t, "", string(one))
			asJSON, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range []string{words(t, all), string(asJSON)} {
				if strings.Contains(out, "qZ7-mark") || strings.Contains(out, number) {
					t.Fatalf("a value of %s comes out:\n%s", one, out)
				}
			}
			if _, err := parseTree([]byte(all.Lines)); err != nil {
				t.Fatalf("%v in the lines\n%s", err, all.Lines)
			}
		}
	})
}

// marked is v with every value replaced; of names, those that look like values:
// with a character that no name has, or many digits.
func marked(v any, text string, number json.Number) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, one := range v {
			if !memberName.MatchString(key) {
				key = text + fmt.Sprint(len(out)) + number.String()
			}
			out[key] = marked(one, text, number)
		}
		return out
	case []any:
		for i := range v {
			v[i] = marked(v[i], text, number)
		}
	case string:
		return text
	case json.Number:
		return number
	}
	return v
}

func TestLearnedIsTheDocument(t *testing.T) {
	got, err := json.Marshal(learn(t, ""))
	if want := `{"events":0,"conversations":0,"hand_overs":0,"types":[],"missing":[],"lines":""}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	var back Learned
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back.Types, []Unknown{}) {
		t.Errorf("%+v, %v", back, err)
	}
}

// What people are filed under is not shown, wherever it is but for the outermost.
func TestLearnShowsNoNamesBesideAddresses(t *testing.T) {
	all := learn(t, "", `{"event":{"type":"moon_phase","by":{"anna@hotel.example":1,"Karl":2},"payload":{"x":{"+49170123":1,"Karl":2}}}}`)
	if said := words(t, all); strings.Contains(said, "Karl") || !strings.Contains(said, "by.*") {
		t.Error(said)
	}
}
