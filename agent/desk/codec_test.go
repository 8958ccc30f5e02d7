package desk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
)

func TestDirty(t *testing.T) {
	d := newTeller(contract)
	if got := d.Dirty(); got != nil {
		t.Errorf("a new desk has entries: %v", got)
	}
	d.tell(created(0, anna), created(0, bot).of("other"))
	if got := d.Dirty(); len(got) != 2 || got["c/guest"] == nil || got["c/other"] == nil {
		t.Errorf("two conversations give %d entries", len(got))
	}
	d.tell(visitor(5 * sec))
	if got := d.Dirty(); len(got) != 1 || got["c/guest"] == nil {
		t.Errorf("one changed conversation gives %d entries", len(got))
	}
	d.tell(pass(10 * sec))
	if got := d.Dirty(); got != nil {
		t.Errorf("without a change there are %d entries", len(got))
	}
	d.tell(press(20 * sec))
	if got := d.Dirty(); len(got) != 1 || got["c/guest"] == nil {
		t.Errorf("an acknowledgement gives %d entries", len(got))
	}
	d.tell(pass(25 * hour))
	if got := d.Dirty(); len(got) != 2 || got["c/guest"] != nil || got["c/other"] != nil {
		t.Errorf("forgotten conversations are not deleted: %v", got)
	}
	d.tell(pass(26 * hour))
	if got := d.Dirty(); got != nil {
		t.Errorf("they are deleted twice: %v", got)
	}
}

func TestForgottenAndBackAtOnce(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, anna))
	d.Dirty()
	d.tell(visitor(25 * hour))
	if got := d.Dirty(); len(got) != 1 || got["c/guest"] == nil {
		t.Errorf("entries are %v", got)
	}
}

func TestRestoreLeavesOthersAlone(t *testing.T) {
	d := New(contract)
	if err := d.Restore(map[string][]byte{"mute": []byte("x"), "cc/x": nil}); err != nil || len(d.all) > 0 {
		t.Errorf("got %v and %d conversations", err, len(d.all))
	}
}

func TestRestoreWithoutWhatIsDamaged(t *testing.T) {
	d := newTeller(contract)
	d.tell(created(0, anna), created(0, ben).of("other"), created(0, ben).of("third"))
	entries := d.Dirty()
	entries["c/other"] = entries["c/other"][:20]
	entries["c/third"] = []byte("{}")
	again := &teller{Desk: New(contract)}
	if err := again.Restore(entries); err == nil || !strings.Contains(err.Error(), "2 conversations") {
		t.Errorf("the error is %v", err)
	}
	again.check(t)
	if got := again.words(); got != "open waiting" {
		t.Errorf("the desk is %q", got)
	}
}

// TestEntry compares random conversations with what is read back.
func TestEntry(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 3))
	longest := 0
	for range 300 {
		d := newTeller(contract)
		for i := range 1 + r.IntN(60) {
			d.tell(anything(r, time.Duration(i)*time.Second))
		}
		d.Acknowledge(running + time.Hour)
		want := d.all["guest"]
		data := want.encode()
		longest = max(longest, len(data))
		got, err := decode("guest", data)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(got.state, want.state) || !reflect.DeepEqual(got.items, want.items) || !reflect.DeepEqual(got.base, want.base) ||
			got.newest != want.newest || got.lastAt != want.lastAt || !reflect.DeepEqual(got.fields, want.fields) || got.lastLine() != want.lastLine() {
			t.Fatalf("seed %d: read\n%+v, written\n%+v", seed, got, want)
		}
		if !bytes.Equal(got.encode(), data) {
			t.Fatalf("seed %d: written again it differs", seed)
		}
	}
	if longest > 2048 {
		t.Errorf("an entry takes %d bytes", longest)
	}
}

func FuzzRestore(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 4))
	for range 5 {
		d := newTeller(contract)
		for i := range 30 {
			d.tell(anything(r, time.Duration(i)*time.Second))
		}
		d.Acknowledge(running + time.Minute)
		f.Add("guest", d.all["guest"].encode())
	}
	f.Add("", []byte{format})
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		r := rand.New(rand.NewPCG(1, 5))
		d := &teller{Desk: New(contract)}
		err := d.Restore(map[string][]byte{entryPrefix + key: data})
		d.check(t)
		if (err == nil) != (len(d.all) == 1) {
			t.Fatalf("error %v, %d conversations", err, len(d.all))
		}
		d.Facts()
		d.Snapshot()
		for i := range 20 {
			e := anything(r, time.Duration(i)*time.Second)
			e.Conversation = key
			d.tell(e)
		}
		d.tell(press(hour), pass(30*hour))
		d.Snapshot()
		d.check(t)
		for name, entry := range d.Dirty() {
			if entry != nil {
				if _, err := decode(strings.TrimPrefix(name, entryPrefix), entry); err != nil {
					t.Fatalf("what was written cannot be read: %v", err)
				}
			}
		}
	})
}

func TestTextFromOutside(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"is kept", "Änne & Söhne", "Änne & Söhne"},
		{"loses what moves a cursor", "a\x1b[2J\nb", "a [2J b"},
		{"loses what turns a line round", "a\u202eb", "a b"},
		{"is cut on a rune", strings.Repeat("ü", 200), strings.Repeat("ü", maxText-1) + "…"},
		{"is kept when it just fits", strings.Repeat("ü", maxText), strings.Repeat("ü", maxText)},
		{"is made valid", "a\xffb", "a�b"},
	} {
		if got := clean(c.in, maxText); got != c.want {
			t.Errorf("a text %s: %q", c.name, got)
		}
	}
	d := newTeller(contract)
	long := strings.Repeat("k", 1<<20)
	d.tell(created(0, anna).of(long), passed(sec, bot).of(long), created(0, anna).of("a\nb"))
	s := d.Snapshot()
	if len(s.Conversations) != 2 {
		t.Fatalf("there are %d conversations", len(s.Conversations))
	}
	for name := range d.Dirty() {
		if len(name) > 2+maxName || strings.ContainsAny(name, "\n") {
			t.Errorf("an entry's name is %d bytes", len(name))
		}
	}
	huge := created(0, "user "+long)
	huge.Title, huge.Assignee.Email = long, long
	d.tell(huge.of("huge"))
	if n := len(d.all["huge"].encode()); n > 2000 {
		t.Errorf("a hostile event takes %d bytes", n)
	}
}

// busy is a desk with n conversations in all states.
func busy(n int) *teller {
	d := newTeller(contract)
	for i := range n {
		key := fmt.Sprint("conversation ", i)
		at := time.Duration(i) * time.Millisecond
		d.tell(created(at, bot).of(key), visitor(at+sec).of(key).late(at))
		if i%3 == 0 {
			d.tell(passed(at+2*sec, anna).of(key).late(at))
		}
		if i%30 == 0 {
			d.tell(turned(at+3*sec, event.Closed).of(key).late(at))
		}
	}
	return d
}

func BenchmarkApply(b *testing.B) {
	d := busy(10_000)
	e := event.Event{Kind: event.Message, MessageType: "text", Author: event.Actor{Kind: event.ActorVisitor}}
	s := Stamp{At: running + time.Minute, Wall: start}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		e.Conversation = fmt.Sprint("conversation ", i%10_000)
		e.Time = start.Add(time.Minute + time.Duration(i)*time.Millisecond)
		d.Apply(e, s)
		d.Facts()
	}
}

func BenchmarkDirty(b *testing.B) {
	d := busy(10_000)
	d.Dirty()
	b.ReportAllocs()
	for b.Loop() {
		d.touch(d.all["conversation 30"])
		d.Dirty()
	}
}

func BenchmarkSnapshot(b *testing.B) {
	d := busy(10_000)
	b.ReportAllocs()
	for b.Loop() {
		d.Snapshot()
	}
}
