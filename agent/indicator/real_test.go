package indicator

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"deskbell/agent/event"
	"deskbell/gpio"
	"deskbell/storage"
)

// TestOnTheRealThing runs an indicator over a store on disk, the platform's decoder and a simulated board, twice.
func TestOnTheRealThing(t *testing.T) {
	dir := t.TempDir()
	samples := event.Samples()
	var elements [][]byte
	for _, s := range samples {
		body, err := event.ParseBody(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range body.Elements {
			elements = append(elements, e.Data)
		}
	}
	handover := []byte(`{"event":{"type":"conversation_assigned","payload":{"assignee":null}},` +
		`"conversation":{"key":"42bb83f00d8240e5bb41290a12eb44401693552452"},"timestamp":"2023-09-01 14:20:00.000000"}`)

	r := openReal(t, dir)
	r.append(elements...)
	r.until("the samples are at the desk", func(s Snapshot) bool {
		return s.Desk.Open == 2 && s.Desk.Waiting == 0 && s.Desk.Conversations[0].Title == "Visitor - A27187" && s.Desk.Conversations[0].LastMessage != ""
	})
	r.append(handover)
	r.until("somebody waits", func(s Snapshot) bool {
		return s.Desk.Waiting == 1 && s.Desk.Unassigned == 1 && s.Outputs[0].Pattern == "pulse"
	})
	r.append(elements...) // all repeats
	for _, err := range []error{r.i.Acknowledge(t.Context()), r.i.Mute(t.Context(), time.Hour)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r.until("it is acknowledged and muted", func(s Snapshot) bool {
		return s.Desk.Acknowledged == 1 && s.Outputs[0].Reason == "acknowledged (muted)" && s.Outputs[1].Reason == "muted"
	})
	select {
	case d := <-r.shown:
		if d < 0 {
			t.Errorf("shown after %v", d)
		}
	case <-time.After(20 * time.Second):
		t.Error("no event is said to have changed an output")
	}
	before := r.i.Snapshot().Desk
	r.close()

	r = openReal(t, dir)
	r.until("it is so after a restart", func(s Snapshot) bool {
		return s.Desk.Acknowledged == 1 && s.Outputs[0].Reason == "acknowledged (muted)" && s.Outputs[1].Reason == "muted"
	})
	after := r.i.Snapshot().Desk
	if len(before.Conversations) != 2 || len(after.Conversations) != 2 || before.Conversations[0].LastMessage != after.Conversations[0].LastMessage ||
		!before.Conversations[0].Since.Equal(*after.Conversations[0].Since) {
		t.Errorf("before the restart\n%+v\nafter it\n%+v", before, after)
	}
	r.close()
}

// real is an indicator on a store in a folder.
type real struct {
	t       *testing.T
	i       *Indicator
	log     *storage.Log
	board   *gpio.Board
	changed chan struct{}
	shown   chan time.Duration
	ends    []func()
}

func openReal(t *testing.T, dir string) *real {
	t.Helper()
	r := &real{t: t, changed: make(chan struct{}, 1), shown: make(chan time.Duration, 1000)}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	r.log, err = storage.Open(t.Context(), dir, storage.Options{
		MaxSize: 8 << 20, Keep: time.Hour, Log: quiet, Cursors: []storage.CursorSpec{{Name: "desk"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.board, err = gpio.Open(gpio.Config{Driver: gpio.DriverSimulated, Outputs: []gpio.OutputConfig{
		{Name: "lamp", Pin: "GPIO17", Kind: gpio.Light}, {Name: "buzzer", Pin: "GPIO18", Kind: gpio.Buzzer}}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	cur, err := r.log.Cursor("desk")
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewDecoder(event.Config{Types: map[string]string{"conversation_assigned": "assignee_change"}})
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig()
	c.Changed = func() {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	c.Shown = func(d time.Duration) { r.shown <- d }
	c.Log = quiet
	r.i, err = New(c, r.log, cur, decoder, r.board)
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range []func(context.Context) error{r.log.Run, r.board.Run, r.i.Run} {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
		r.ends = append(r.ends, func() { cancel(); wg.Wait() })
	}
	return r
}

func (r *real) append(elements ...[]byte) {
	r.t.Helper()
	var entries []storage.Entry
	for _, e := range elements {
		id, err := event.ID(e)
		if err != nil {
			r.t.Fatal(err)
		}
		entries = append(entries, storage.Entry{ID: id, Data: e})
	}
	if _, err := r.log.Append(r.t.Context(), entries); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for what a snapshot is to be.
func (r *real) until(what string, good func(Snapshot) bool) {
	r.t.Helper()
	end := time.After(20 * time.Second)
	for !good(r.i.Snapshot()) {
		select {
		case <-r.changed:
		case <-end:
			r.t.Fatalf("waited in vain until %s: %+v", what, r.i.Snapshot())
		}
	}
}

// close ends the indicator first, then the board, then the store.
func (r *real) close() {
	r.t.Helper()
	for n := len(r.ends) - 1; n >= 0; n-- {
		r.ends[n]()
	}
	for _, err := range []error{r.board.Close(), r.log.Close()} {
		if err != nil {
			r.t.Error(err)
		}
	}
}
