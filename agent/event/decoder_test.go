package event

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func newDecoder(t testing.TB, c Config) *Decoder {
	t.Helper()
	d, err := NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecodeTheDocumentedPayloads(t *testing.T) {
	d := newDecoder(t, Config{})
	decode := func(n int) Event {
		b, err := ParseBody(Samples()[n].Data)
		if err != nil {
			t.Fatal(err)
		}
		return d.Decode(b.Elements[0].Data)
	}
	created := Event{Kind: ConversationCreate, Type: "conversation_create", Conversation: "42bb83f00d8240e5bb41290a12eb44401693552452",
		Visitor: "a569015fa03d41a283ed4c66c4601966", Account: "476", Bot: "8861", Title: "Visitor - A27187", Channel: "WEB",
		Time:     time.Date(2023, 9, 1, 14, 13, 32, 141788000, time.UTC),
		Assignee: &Actor{Kind: ActorBot, ID: "8181", Email: "[email\u00a0protected]"}, Status: Open}
	if got := decode(0); !reflect.DeepEqual(got, created) {
		t.Errorf("conversation_create: %+v", got)
	}
	text := Event{Kind: Message, Type: "message", Conversation: created.Conversation, Visitor: created.Visitor, Account: "476", Bot: "8861",
		Time: time.Date(2023, 9, 1, 14, 13, 45, 503552000, time.UTC), MessageType: "text", Author: Actor{Kind: ActorVisitor}}
	if got := decode(1); !reflect.DeepEqual(got, text) {
		t.Errorf("text: %+v", got)
	}
	types := strings.Fields(`text image form file_upload calendar audio calendly.response video list javascript button document carousel
		javascript.response slider.response slider appointment_booking.response button.response form.response file_upload.response
		appointment_booking`)
	for n, typ := range types {
		e := decode(n + 1)
		visitor := n == 0 || strings.HasSuffix(typ, ".response")
		if e.Kind != Message || e.MessageType != typ || (e.Author.Kind == ActorVisitor) != visitor ||
			(e.Author == Actor{Kind: ActorUser, ID: "8292", Email: "[email\u00a0protected]"}) == visitor || e.Assignee != nil || e.Status != "" {
			t.Errorf("%s: %+v", typ, e)
		}
	}
}

func TestWrongTypesCountAsMissing(t *testing.T) {
	d := newDecoder(t, Config{})
	zero := Event{Kind: Other}
	for _, s := range awkward() {
		e := d.Decode([]byte(s))
		e.Assignee, e.Status = nil, ""
		if !strings.Contains(s, `"x"`) && !strings.Contains(s, "variables") && !reflect.DeepEqual(e, zero) {
			t.Errorf("%q: %+v", s, e)
		}
	}
	for _, wrong := range []string{`null`, `[]`, `{}`, `true`, `[{"type":"x"}]`, `{"a":{"b":[]}}`} {
		for _, pattern := range []string{
			`{"event":%s,"conversation":%[1]s,"account":%[1]s,"visitor":%[1]s,"timestamp":%[1]s}`,
			`{"event":{"type":%s,"payload":%[1]s},"conversation":{"key":%[1]s},"account":{"id":%[1]s,"bot":%[1]s},"visitor":{"key":%[1]s}}`,
			`{"event":{"payload":{"title":%s,"channel":%[1]s,"bot_id":%[1]s,"variables":%[1]s,"message":%[1]s}},"account":{"bot":{"id":%[1]s}}}`,
			`{"event":{"payload":{"team":%s,"assigned_team":%[1]s}}}`,
			`{"event":{"payload":{"channel":{"name":%s},"message":{"type":%[1]s},"variables":[%[1]s,{"name":%[1]s,"value":1}]}}}`,
		} {
			if e := d.Decode(fmt.Appendf(nil, pattern, wrong)); !reflect.DeepEqual(e, zero) {
				t.Errorf("%s in %s: %+v", wrong, pattern, e)
			}
		}
	}
}

func TestIDsAreText(t *testing.T) {
	e := newDecoder(t, Config{}).Decode([]byte(`{"account":{"id":476.0,"bot":{"id":"8861"}},"conversation":{"key":12345678901234567890},
		"visitor":{"key":"\u00e9\ud800"},"event":{"payload":{"message_by":{"type":"USER","id":1e3,"email":7}}}}`))
	want := Event{Kind: Other, Account: "476.0", Bot: "8861", Conversation: "12345678901234567890", Visitor: "é\ufffd",
		Author: Actor{Kind: ActorUser, ID: "1e3", Email: "7"}}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("%+v", e)
	}
}

func TestChannelIsTheVariableOrElseTheName(t *testing.T) {
	d := newDecoder(t, Config{})
	for payload, want := range map[string]string{
		`{"channel":{"name":1}}`:          "1",
		`{"channel":{"name":"whatsapp"}}`: "whatsapp",
		`{"channel":{"name":1},"variables":[{"name":"global_channel_name","value":"WEB"}]}`:                                     "WEB",
		`{"channel":{"name":1},"variables":[{"name":"global_channel_name","value":null}]}`:                                      "1",
		`{"variables":[7,{"name":"global_channel_name"},{"value":"a"},{"name":"global_channel_n\u0061me","value":"FACEBOOK"}]}`: "FACEBOOK",
		`{"variables":[{"name":"global_channel_names","value":"x"},{"name":"global_channel_nam\ud800","value":"x"}]}`:           "",
	} {
		if e := d.Decode([]byte(`{"event":{"payload":` + payload + `}}`)); e.Channel != want {
			t.Errorf("%s: %q", payload, e.Channel)
		}
	}
}

func TestAssignee(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		want    *Actor
	}{
		"not mentioned":                     {`{}`, nil},
		"null is nobody":                    {`{"assigned_to_user":null}`, &Actor{Kind: ActorNone}},
		"a person":                          {`{"assigned_to_user":{"type":"user","id":8292,"email":"a@b"}}`, &Actor{Kind: ActorUser, ID: "8292", Email: "a@b"}},
		"a team":                            {`{"assignee":{"type":"team","id":"5"}}`, &Actor{Kind: ActorTeam, ID: "5"}},
		"a type in capitals":                {`{"assignee":{"type":"Bot"}}`, &Actor{Kind: ActorBot}},
		"another type is unknown":           {`{"assignee":{"type":"queue","id":"5"}}`, &Actor{Kind: ActorUnknown, ID: "5"}},
		"a visitor is no assignee":          {`{"assignee":{"type":"visitor"}}`, &Actor{Kind: ActorUnknown}},
		"no type is unknown":                {`{"assignee":{"id":"5"}}`, &Actor{Kind: ActorUnknown, ID: "5"}},
		"a wrong type of type is unknown":   {`{"assignee":{"type":["bot"],"email":"a@b"}}`, &Actor{Kind: ActorUnknown, Email: "a@b"}},
		"an empty object says nothing":      {`{"assignee":{}}`, nil},
		"a name alone says nothing":         {`{"assignee":{"type":null,"id":null,"email":null,"name":"Anna"}}`, nil},
		"and is looked over":                {`{"assigned_to_user":{"type":["user"]},"assignee":{"type":"bot"}}`, &Actor{Kind: ActorBot}},
		"a person's name":                   {`{"assignee":{"type":"user","id":1,"name":"Anna"}}`, &Actor{Kind: ActorUser, ID: "1", Name: "Anna"}},
		"a team's name":                     {`{"assignee":{"type":"team","id":5,"name":"Front desk"}}`, &Actor{Kind: ActorTeam, ID: "5", Name: "Front desk"}},
		"the first path wins":               {`{"assignee":{"type":"bot"},"assigned_to_user":{"type":"user"}}`, &Actor{Kind: ActorUser}},
		"null on the first path wins":       {`{"assignee":{"type":"bot"},"assigned_to_user":null}`, &Actor{Kind: ActorNone}},
		"a wrong type is looked over":       {`{"assignee":{"type":"bot"},"assigned_to_user":"8181"}`, &Actor{Kind: ActorBot}},
		"a wrong type alone is not there":   {`{"assigned_to_user":[null]}`, nil},
		"of a name given twice, the last":   {`{"assignee":null,"assignee":{"type":"bot"}}`, &Actor{Kind: ActorBot}},
		"a path through a list leads aside": {`[{"assignee":null}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"message", "assignee_change", "label", "x"} {
				e := newDecoder(t, Config{}).Decode([]byte(`{"event":{"type":"` + kind + `","payload":` + c.payload + `}}`))
				if !reflect.DeepEqual(e.Assignee, c.want) {
					t.Errorf("%s: %+v", kind, e.Assignee)
				}
			}
		})
	}
}

func TestStatus(t *testing.T) {
	d := newDecoder(t, Config{})
	for payload, want := range map[string]Status{
		`{"status":"open"}`: Open, `{"status":"Closed"}`: Closed, `{"status":"OPEN"}`: Open, `{"status":0}`: Open, `{"status":1}`: Closed,
		`{"is_closed":true}`: Closed, `{"is_closed":false}`: Open, `{"is_closed":"1"}`: Closed, `{"is_closed":"0"}`: Open,
		`{"status":"pending","is_closed":1}`: Closed, `{"status":null,"is_closed":0}`: Open, `{"status":{},"is_closed":[]}`: "",
		`{"status":2}`: "", `{"status":""}`: "", `{"status":"closed "}`: "", `{"status":"open","is_closed":1}`: Open, `{"status":1.0}`: "",
	} {
		if e := d.Decode([]byte(`{"event":{"type":"note","payload":` + payload + `}}`)); e.Status != want {
			t.Errorf("%s: %q", payload, e.Status)
		}
	}
}

func TestConfiguredPathsAndTypes(t *testing.T) {
	d := newDecoder(t, Config{
		Types:  map[string]string{"Weird Type.X": "assignee_change", "message": "note", "label": "other"},
		Fields: Fields{Assignee: []string{"who", "payload.a.b"}, Status: []string{}},
	})
	e := d.Decode([]byte(`{"event":{"type":"Weird Type.X","payload":{"a":{"b":null},"is_closed":1,"assignee":{"type":"bot"}}}}`))
	if e.Kind != AssigneeChange || !reflect.DeepEqual(e.Assignee, &Actor{Kind: ActorNone}) || e.Status != "" {
		t.Errorf("%+v", e)
	}
	for typ, want := range map[string]Kind{"message": Note, "label": Other, "note": Note, "weird_type_x": Other} {
		if got := d.KindOf([]byte(typ)); got != want {
			t.Errorf("%s is %s", typ, got)
		}
	}
}

func TestFaultsOfAConfigurationAreAllNamed(t *testing.T) {
	_, err := NewDecoder(Config{
		Types:      map[string]string{"a": "messages", "": "note", "b": "note"},
		Fields:     Fields{Assignee: []string{"ok", "a..b"}, Status: []string{""}},
		Timestamps: "Mars/Olympus",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, key := range []string{`types."": `, `types.a: `, `fields.assignee[1]: `, `fields.status[0]: `, `timestamps: `} {
		if len(lines) != 5 || !strings.HasPrefix(lines[i], key) {
			t.Fatalf("%q", lines)
		}
	}
}

func TestKindsOfTypeStrings(t *testing.T) {
	d := newDecoder(t, Config{})
	for want, types := range map[Kind]string{
		ConversationCreate: "conversation_create conversation_created new_conversation ConversationCreated conversation.created",
		Message:            "message message_created MESSAGE new_message message.sent",
		StatusChange: "status_change status_changed conversation_closed conversation_close conversation_resolved conversation_opened " +
			"conversation_reopen conversation_reopened conversation_status_change status statusChange chat_closed conversation-closed",
		AssigneeChange: "assignee_change assignee_changed assignee_exchange conversation_assign conversation_assigned " +
			"conversation_assignment agent_assigned conversation_transfer conversation_transferred bot_handover unassigned",
		Variable:      "variable variable_create variable_created variable_update variable_updated variable_creation visitor_variable_set",
		Label:         "label label_created label_attached label_add conversation_label_added tag_added",
		Note:          "note note_added note_create conversation_note_added",
		SLABreached:   "sla_breach sla_breached SLA_breached sla conversation_sla_breached",
		MessageStatus: "message_status message_delivered message_read message_seen message.status message_failed",
		Other:         "unknown x conversation messages_ _message " + strings.Repeat("a", 70),
	} {
		for typ := range strings.FieldsSeq(types) {
			if got := d.KindOf([]byte(typ)); got != want {
				t.Errorf("%s is %s, not %s", typ, got, want)
			}
		}
	}
	if d.KindOf([]byte("SLA breached")) != SLABreached || d.KindOf([]byte("Message Status")) != MessageStatus || d.KindOf(nil) != Other {
		t.Error("words with blanks")
	}
	for typ := range builtinTypes() {
		if typ != plainType(typ) {
			t.Errorf("%s in the table can never be found", typ)
		}
	}
}

func TestTimestamps(t *testing.T) {
	berlin := newDecoder(t, Config{Timestamps: "Europe/Berlin"})
	for text, want := range map[string]string{
		`"2023-09-01 14:13:32.141788"`: "2023-09-01T12:13:32.141788Z", `"2023-09-01T14:13:32"`: "2023-09-01T12:13:32Z",
		`"2023-12-01 14:13:32"`: "2023-12-01T13:13:32Z", `"2023-08-29T04:27:48.183000+00:00"`: "2023-08-29T04:27:48.183Z",
		`"2023-08-29 04:27:48Z"`: "2023-08-29T04:27:48Z", `"2023-08-29 04:27:48 +0530"`: "2023-08-28T22:57:48Z",
		`"2023-08-29 04:27:48 UTC"`: "2023-08-29T04:27:48Z", `"2023-08-29T04:27:48.5+05"`: "2023-08-28T23:27:48.5Z",
		`1693577612`: "2023-09-01T14:13:32Z", `1693577612.141788`: "2023-09-01T14:13:32.141788Z",
		`1693577612141`: "2023-09-01T14:13:32.141Z", `"1693577612"`: "2023-09-01T14:13:32Z",
		`0`: "", `-5`: "", `1e9`: "", `"now"`: "", `""`: "", `null`: "", `{}`: "", `99999999999999999999`: "", `9223372036854775807`: "",
		`"2023-13-01 00:00:00"`: "", `"2023-02-30 00:00:00"`: "", `"14:13:32"`: "", `"9999-12-31T23:59:59-14:00"`: "", `"2023-09-01"`: "",
		`"0000-01-01T00:00:00Z"`: "",
	} {
		e := berlin.Decode([]byte(`{"timestamp":` + text + `}`))
		got := ""
		if !e.Time.IsZero() {
			got = e.Time.Format(time.RFC3339Nano)
		}
		if got != want || e.Time.Location() != time.UTC {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
	newDecoder(t, Config{Timestamps: "local"})
}
