package forward

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"deskbell/agent/event"
	"deskbell/agent/mqtt/mqtttest"
	"deskbell/storage"
)

func TestCloudEvents(t *testing.T) {
	const data = `{ "event" : {"n":1.50, "big":12345678901234567890,"a":1,"a":2, "s":"\u00e9\/"} }`
	received := time.Date(2026, 11, 23, 9, 30, 15, 120_000_000, time.FixedZone("CET", 3600))
	base := map[string]any{
		"specversion": "1.0", "id": "000102030405060708090a0b0c0d0e0f", "source": "/account/7/bot/8861", "type": "message",
		"subject": "key-1", "time": "2026-11-23T08:00:00Z", "kind": "message", "device": "front-desk", "logsequence": "42",
		"receivedtime": "2026-11-23T08:30:15.12Z", "delayed": false, "datacontenttype": "application/json",
	}
	for _, tt := range []struct {
		name    string
		record  func(*storage.Record)
		event   func(*event.Event)
		data    string
		delayed bool
		want    map[string]any // nil: without it
	}{
		{name: "all is known", data: data},
		{name: "the clock was not set", data: data, record: func(r *storage.Record) { r.Received = time.Time{} },
			want: map[string]any{"receivedtime": nil}},
		{name: "no conversation", data: data, event: func(e *event.Event) { e.Conversation = "" },
			want: map[string]any{"subject": nil}},
		{name: "no time of its own", data: data, event: func(e *event.Event) { e.Time = time.Time{} },
			want: map[string]any{"time": nil}},
		{name: "a time that the format does not know", data: data,
			event: func(e *event.Event) { e.Time = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }, want: map[string]any{"time": nil}},
		{name: "no type", data: data, event: func(e *event.Event) { e.Type, e.Kind = "", event.Other },
			want: map[string]any{"type": "unknown", "kind": "other"}},
		{name: "ids that are no numbers", data: data, event: func(e *event.Event) { e.Account, e.Bot = "", `a/"b c` },
			want: map[string]any{"source": "/account/unknown/bot/a%2F%22b%20c"}},
		{name: "strings that need care", data: data, event: func(e *event.Event) { e.Type, e.Conversation = "a\"\\\n\x01é", "\u2028\xff" },
			want: map[string]any{"type": "a\"\\\n\x01é", "subject": "\u2028\ufffd"}},
		{name: "a sequence beyond what a double holds", data: data, record: func(r *storage.Record) { r.Sequence = 1<<64 - 1 },
			want: map[string]any{"logsequence": "18446744073709551615"}},
		{name: "delayed", data: data, delayed: true, want: map[string]any{"delayed": true}},
		{name: "no data", want: map[string]any{"datacontenttype": nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := storage.Record{Sequence: 42, Received: received}
			for i := range r.ID {
				r.ID[i] = byte(i)
			}
			e := event.Event{Kind: event.Message, Type: "message", Conversation: "key-1", Account: "7", Bot: "8861",
				Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
			if tt.record != nil {
				tt.record(&r)
			}
			if tt.event != nil {
				tt.event(&e)
			}
			var sent []byte
			if tt.data != "" {
				sent = []byte(tt.data)
			}
			b := cloudEvent(nil, "front-desk", r, e, sent, tt.delayed)
			if tt.data != "" && !bytes.Contains(b, []byte(`"data":`+tt.data)) {
				t.Errorf("the data is not byte for byte in %s", b)
			}
			var got map[string]any
			decoder := json.NewDecoder(bytes.NewReader(b))
			decoder.UseNumber()
			if err := decoder.Decode(&got); err != nil {
				t.Fatalf("%v in %s", err, b)
			}
			if _, there := got["data"]; there != (tt.data != "") {
				t.Errorf("data there: %v", there)
			}
			delete(got, "data")
			if n, ok := got["logsequence"].(json.Number); ok {
				got["logsequence"] = n.String()
			}
			want := map[string]any{}
			for k, v := range base {
				want[k] = v
			}
			for k, v := range tt.want {
				want[k] = v
				if v == nil {
					delete(want, k)
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestHowMuchIsSent(t *testing.T) {
	const data = `{"event":{"type":"message","payload":{"message":"secret","x":1.0}}}`
	for _, tt := range []struct{ name, format, data, want string }{
		{"all as it came", Raw, Full, data},
		{"without what is secret", Raw, Redacted, `{"event":{"type":"message","payload":{"x":1.0}}}`},
		{"nothing", Raw, None, `{}`},
		{"all in a CloudEvent", CloudEvents, Full, `"data":` + data + `}`},
		{"a CloudEvent without what is secret", CloudEvents, Redacted, `"data":{"event":{"type":"message","payload":{"x":1.0}}}}`},
		{"a CloudEvent alone", CloudEvents, None, `"delayed":false}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := forwarder(t, Config{Format: tt.format, Data: tt.data, Redact: []string{"payload.message"}}, newMemory())
			m, wanted, err := f.message(storage.Record{Sequence: 1, Data: []byte(data)}, new(buffer))
			if err != nil || !wanted || m.Topic != "deskbell/desk/event/message" || m.QoS != 1 || m.Retained {
				t.Errorf("message %+v, wanted %v, error %v", m, wanted, err)
			}
			if got := string(m.Payload); !strings.HasSuffix(got, tt.want) || tt.format == Raw && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDelayedEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		age  time.Duration
		from uint64 // the last sequence from before this start
		want bool
	}{
		{"it leaves at once", 0, 0, false},
		{"after half a minute", 30 * time.Second, 0, false},
		{"later", 30*time.Second + time.Millisecond, 0, true},
		{"it is from before this start", 0, 5, true},
		{"the one before is", 0, 4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.start = tt.from
				f := forwarder(t, Config{}, m)
				time.Sleep(tt.age)
				if got := f.delayed(storage.Record{Sequence: 5}); got != tt.want {
					t.Errorf("delayed %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// FuzzStrings holds every string that gets into a CloudEvent against
// encoding/json.
func FuzzStrings(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1f\"\\/", "é\u2028\U0001f600", "\xff\xc0", "\ud7ff\ufffe"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, typ, conversation string) {
		b := cloudEvent(nil, conversation, storage.Record{}, event.Event{Type: typ, Conversation: conversation, Account: typ}, []byte(`{}`), false)
		if !json.Valid(b) || !utf8.Valid(b) {
			t.Fatalf("not JSON: %q", b)
		}
		var got struct{ Type, Subject, Device string }
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(conversation, "\ufffd"); got.Subject != want || got.Device != want {
			t.Errorf("got %q and %q, want %q", got.Subject, got.Device, want)
		}
		if want := strings.ToValidUTF8(typ, "\ufffd"); typ != "" && got.Type != want {
			t.Errorf("got %q, want %q", got.Type, want)
		}
	})
}

// TestWhatIsNotJSONMakesAPayloadThatIs has what only a store of other origin can
// hold.
func TestWhatIsNotJSONMakesAPayloadThatIs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		data   string
		want   string // members at the end; of a raw payload all of it
	}{
		{"not JSON", Config{}, `{"event":{"type":"message"`, `,"datacontenttype":"application/octet-stream","data_base64":"eyJldmVudCI6eyJ0eXBlIjoibWVzc2FnZSI="}`},
		{"nothing at all", Config{}, "", `,"datacontenttype":"application/octet-stream","data_base64":""}`},
		{"two values", Config{}, `{}{}`, `"data_base64":"e317fQ=="}`},
		{"JSON but for its encoding", Config{}, "{\"event\":{\"type\":\"a\xff\"}}", `"data_base64":"eyJldmVudCI6eyJ0eXBlIjoiYf8ifX0="}`},
		{"JSON that is no object", Config{}, `[1]`, `,"datacontenttype":"application/json","data":[1]}`},
		{"JSON without a type", Config{}, `{"event":{}}`, `,"datacontenttype":"application/json","data":{"event":{}}}`},
		{"not JSON, redacted", Config{Data: Redacted, Redact: []string{"payload"}}, `{`, `,"datacontenttype":"application/json","data":{}}`},
		{"not JSON, without data", Config{Data: None}, `{`, `,"delayed":false}`},
		{"not JSON, raw", Config{Format: Raw}, `{`, `{`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.add("message")
				m.records[0].Data = []byte(tt.data)
				fake := &mqtttest.Fake{}
				_, stop := connect(fake, forwarder(t, tt.config, m))
				synctest.Wait()
				stop()
				all := fake.Publishes()
				if len(all) != 1 || !strings.HasSuffix(all[0].Payload, tt.want) {
					t.Fatalf("sent %+v", all)
				}
				if p := all[0].Payload; tt.config.Format != Raw && (!json.Valid([]byte(p)) || !utf8.ValidString(p)) {
					t.Errorf("not JSON: %s", p)
				}
			})
		})
	}
}
