package admin

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatusInWords(t *testing.T) {
	calm := sampleStatus()
	calm.Problems, calm.Forward, calm.Inputs = nil, calm.Forward[:1], nil
	calm.Desk = DeskStatus{}
	calm.Outputs = calm.Outputs[:1]
	calm.Outputs[0].On, calm.Outputs[0].Pattern, calm.Outputs[0].Reason = false, "", ""

	bad := sampleStatus()
	bad.Ready, bad.Storage.Full, bad.Storage.Dropped, bad.UptimeSeconds = false, true, 3, 8.4
	bad.Forward[1].SetAside = 2
	bad.Desk.Conversations = nil
	for range maxConversations + 5 {
		bad.Desk.Conversations = append(bad.Desk.Conversations, Conversation{Title: "somebody", Open: true,
			Assignee: Actor{Kind: "team", ID: "reception"}})
	}

	hostile := Status{Device: "d\x1b[2J", Version: "1.0.0", Problems: []string{"a\nb\u202ec"},
		Forward: []ForwardStatus{{Name: "\x07hub", Broker: "mqtt://x", LastError: "said \x1b]0;t\x07"}},
		Desk: DeskStatus{Conversations: []Conversation{{Key: "k", Title: "\x1b[31mred\r\n\u009b1m" + strings.Repeat("ä", 99),
			Open: true, Assignee: Actor{Kind: "user", Email: "\u2066@x"}}}}}

	berlin := time.FixedZone("CET", 3600)
	for name, s := range map[string]Status{"a day": sampleStatus(), "calm": calm, "bad": bad, "hostile": hostile, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteStatus(&b, s, berlin); err != nil {
				t.Fatal(err)
			}
			golden(t, "status-"+strings.ReplaceAll(name, " ", "-")+".txt", b.Bytes())
			plain(t, b.String())
		})
	}
}

// plain fails where text could steer a terminal.
func plain(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && steers(r) {
			t.Errorf("%U is in %q", r, text)
			return
		}
	}
}

func TestEventsInWords(t *testing.T) {
	page, err := EventsDocument(t.Context(), testLog(), newDecoder(t), 0, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	page.Events = append(page.Events, EventItem{Sequence: 1234567, Kind: "conversation_create", Summary: "x\x1b[2Jy\nz"})
	var b bytes.Buffer
	if err := WriteEvents(&b, page.Events[:2], time.UTC); err != nil {
		t.Fatal(err)
	}
	if err := WriteEvents(&b, page.Events[2:], time.UTC); err != nil {
		t.Fatal(err)
	}
	golden(t, "events.txt", b.Bytes())
	plain(t, b.String())
}

func TestOneEventInWords(t *testing.T) {
	detail, err := EventDocument(newFakeLog(message("hi\u009b2J\u202e\U000e0041 there")), newDecoder(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteEvent(&b, detail, time.UTC); err != nil {
		t.Fatal(err)
	}
	golden(t, "event.txt", b.Bytes())
	plain(t, b.String())
	_, data, _ := strings.Cut(b.String(), "  data\n")
	if !json.Valid([]byte(data)) {
		t.Errorf("what is shown as data is no JSON: %s", data)
	}
}

func TestSpansAndSizes(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", time.Hour: "1 h",
		3*time.Hour + 12*time.Minute: "3 h 12 min", 47*time.Hour + time.Minute: "47 h 1 min", 48 * time.Hour: "2 days", 75 * time.Hour: "3 days 3 h"} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 65536: "64 KiB", 1 << 20: "1 MiB", 3 << 19: "1.5 MiB", 64 << 20: "64 MiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("plain", 3)
	f.Add("\x1b[31m\u202e\xff\u2028", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := printable(s)
		plain(t, got)
		plain(t, escaped(s))
		if n > 0 && utf8.RuneCountInString(shorten(got, n)) > n {
			t.Errorf("%q is longer than %d", shorten(got, n), n)
		}
	})
}

// TestARelayIsOn: whatever pattern it was asked for, as it never blinks.
func TestARelayIsOn(t *testing.T) {
	for pattern, want := range map[string]string{"pulse": "on", "double": "on", "off": "off"} {
		if got := outputRows([]OutputStatus{{Name: "sign", Kind: "relay", Pattern: pattern}})[0][2]; got != want {
			t.Errorf("%s is told as %s", pattern, got)
		}
	}
}
