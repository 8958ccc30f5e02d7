package admin

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// document is the example of the contract, which others parse.
const document = `{"device":"front-desk","version":"1.0.0","uptime_seconds":12.5,"ready":true,"problems":[],
 "webhook":{"accepted":22,"duplicates":0,"rejected":0},
 "storage":{"first_sequence":1,"last_sequence":22,"records":22,"bytes":65536,"max_bytes":67108864,"full":false,"dropped":0},
 "forward":[{"name":"hub","broker":"mqtt://127.0.0.1:1883","connected":true,"acked_sequence":22,"pending":0,"set_aside":0,"last_error":""}],
 "desk":{"open":1,"waiting":0,"acknowledged":0,"unanswered":0,"unassigned":0,"muted_until":null,
         "conversations":[{"key":"k","title":"t","assignee":{"kind":"bot","id":"8181","email":"e"},"open":true,"waiting":false,"since":"2026-03-06T14:03:00Z","last_message":"visitor: Hiiiii"}]},
 "outputs":[{"name":"lamp","pin":"GPIO17","kind":"light","driver":"simulated","on":true,"pattern":"blink","reason":"new conversation"}],
 "inputs":[{"name":"ack","pin":"GPIO27","driver":"chip","pressed":false,"locked":false}]}`

func TestStatusIsTheDocumentOfTheContract(t *testing.T) {
	status := Status{
		Device: "front-desk", Version: "1.0.0", UptimeSeconds: 12.5, Ready: true,
		Webhook: WebhookStatus{Accepted: 22},
		Storage: StorageStatus{FirstSequence: 1, LastSequence: 22, Records: 22, Bytes: 65536, MaxBytes: 67108864},
		Forward: []ForwardStatus{{Name: "hub", Broker: "mqtt://127.0.0.1:1883", Connected: true, AckedSequence: 22}},
		Desk: DeskStatus{Open: 1, Conversations: []Conversation{{Key: "k", Title: "t",
			Assignee: Actor{Kind: "bot", ID: "8181", Email: "e"}, Open: true,
			Since: At(time.Date(2026, 3, 6, 15, 3, 0, 0, time.FixedZone("", 3600))), LastMessage: "visitor: Hiiiii"}}},
		Outputs: []OutputStatus{{Name: "lamp", Pin: "GPIO17", Kind: "light", Driver: "simulated", On: true,
			Pattern: "blink", Reason: "new conversation"}},
		Inputs: []InputStatus{{Name: "ack", Pin: "GPIO27", Driver: "chip"}},
	}
	got, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, []byte(document)); err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want.String())
	}
	var back Status
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	status.Problems = []string{}
	if !reflect.DeepEqual(back, status) {
		t.Errorf("read back: %+v, want %+v", back, status)
	}
}

func TestEmptyStatusHasListsAndNoNulls(t *testing.T) {
	got, err := json.Marshal(Status{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"problems":[]`, `"forward":[]`, `"conversations":[]`, `"outputs":[]`, `"inputs":[]`} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if n := bytes.Count(got, []byte("null")); n != 1 { // muted_until
		t.Errorf("%d nulls in %s, want 1", n, got)
	}
}
