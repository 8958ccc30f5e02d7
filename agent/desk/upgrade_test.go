package desk

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// TestEntriesOfFormat1 reads what the program wrote before it had format 2, and compares it with what that program showed.
func TestEntriesOfFormat1(t *testing.T) {
	text, err := os.ReadFile("testdata/format1")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/format1.json")
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		data, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if entries[name], err = hex.DecodeString(data); err != nil || entries[name][0] != 1 {
			t.Fatalf("%s: %v", name, err)
		}
	}
	d := &teller{Desk: New(contract)}
	if err := d.Restore(entries); err != nil {
		t.Fatal(err)
	}
	d.check(t)
	if got, _ := json.MarshalIndent(d.Snapshot(), "", "  "); !bytes.Equal(append(got, '\n'), want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	list := d.Tick(running + 10*min1 + 10*sec)
	if len(list) != 0 || d.Facts().Waiting != 3 {
		t.Errorf("the acknowledgement ends with %v, and %d wait", list, d.Facts().Waiting)
	}
	later := user(time.Hour, "8292").of("waits")
	list = d.Apply(later.Event, Stamp{At: running + time.Hour, Wall: start.Add(time.Hour), Sequence: 1000})
	if len(list) != 1 || list[0].Moment != WaitEnded || list[0].Sequence != 0 {
		t.Errorf("a reply to an old wait gives %+v", list)
	}
	for name, data := range d.Dirty() {
		if data[0] != format {
			t.Errorf("%s is written as format %d", name, data[0])
		}
	}
}
