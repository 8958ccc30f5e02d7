package admin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"deskbell/storage"
)

func TestWhyOfAnEvent(t *testing.T) {
	f := newFakeAgent()
	f.note = "the rules have been changed since"
	h := newTestServer(t, Config{}, f, testLog()).Handler(true)
	var why Why
	w := serve(h, "GET", "/api/why?sequence=2", "")
	if err := json.Unmarshal(w.Body.Bytes(), &why); err != nil || w.Code != 200 || why.Event.Sequence != 2 || why.Sound != nil || len(why.Decisions) != 5 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	var b strings.Builder
	if err := WriteWhy(&b, why, time.UTC); err != nil {
		t.Fatal(err)
	}
	head, got, _ := strings.Cut(b.String(), "\n")
	want := `the rules have been changed since

rules
  somebody waits  matched      while waiting > 0
  SLA  [2J        not matched  on sla_breached

outputs
  lamp    pulse  shown: somebody waits (simulated: pin busy); outranked by somebody waits: new conversation
  buzzer  off    quiet hours: a person is asked for

sounds since, while this guest waited
  (clock not set)  buzzer  double  still waiting
`
	if !strings.HasPrefix(head, "event 2  ") || got != want {
		t.Errorf("%s\n%s\nwant\n%s", head, got, want)
	}
}

func TestWhyWithoutASequence(t *testing.T) {
	f := newFakeAgent()
	log := testLog()
	h := newTestServer(t, Config{}, f, log).Handler(true)
	var why Why
	ask := func() {
		t.Helper()
		why = Why{}
		w := serve(h, "GET", "/api/why", "")
		if err := json.Unmarshal(w.Body.Bytes(), &why); err != nil || w.Code != 200 {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
	}
	if ask(); why.Event == nil || why.Event.Sequence != log.Stats().LastSequence {
		t.Errorf("not of the last event: %+v", why)
	}
	f.sound = Sound{Rule: "still waiting", Outputs: []string{"buzzer"}, Pattern: "double", Sequence: 3}
	if ask(); why.Sound != nil {
		t.Errorf("of a sound that is older than the last event: %+v", why)
	}
	f.sound.Elapsed = 1000 * time.Hour
	if ask(); why.Sound == nil || why.Event.Sequence != 3 || why.Decisions[1].Output != "buzzer" {
		t.Errorf("not of the sound that came after it: %+v", why)
	}
	var b strings.Builder
	if err := WriteWhy(&b, why, time.UTC); err != nil || !strings.HasPrefix(b.String(), "a sound of buzzer  (clock not set)\nfor the guest of event 3  ") ||
		!strings.Contains(b.String(), "\n  buzzer  double  shown: still waiting\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
	f.sound.Sequence = 99
	if ask(); why.Event != nil || why.Sound == nil {
		t.Errorf("of a sound whose guest is not kept: %+v", why)
	}
	f.sound = Sound{}
	h = newTestServer(t, Config{}, f, forgetfulLog{log}).Handler(true)
	if ask(); why.Event == nil || why.Event.Sequence != log.Stats().LastSequence-1 {
		t.Errorf("not of the last event that is there: %+v", why.Event)
	}
	empty := newTestServer(t, Config{}, f, newFakeLog()).Handler(false)
	if w := serve(empty, "GET", "/api/why", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "no event yet") {
		t.Errorf("of an empty store: %d %s", w.Code, w.Body)
	}
}

// forgetfulLog holds its last event no more, as after deskbell forget.
type forgetfulLog struct{ *fakeLog }

func (l forgetfulLog) Get(seq uint64) (storage.Record, error) {
	if seq == l.Stats().LastSequence {
		return storage.Record{}, storage.ErrNotFound
	}
	return l.fakeLog.Get(seq)
}

func TestAnEventHasItsDecisions(t *testing.T) {
	h := newTestServer(t, Config{}, newFakeAgent(), testLog()).Handler(true)
	w := serve(h, "GET", "/api/events/2", "")
	var detail EventDetail
	if err := json.Unmarshal(w.Body.Bytes(), &detail); err != nil || len(detail.Decisions) != 5 || detail.Decisions[2].Outcome != "shown" {
		t.Errorf("%s: %v", w.Body, err)
	}
	if w := serve(h, "GET", "/api/export", ""); strings.Contains(w.Body.String(), "decisions") {
		t.Errorf("an export has them: %s", w.Body)
	}
}
