package desk

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskbell/agent/event"
)

// start is the own time of an event said to happen "at 0s".
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// running is the store's clock then.
const running = 1000 * time.Hour

// told is one event of a test's story: what the platform says happened at a time, and when it arrived.
type told struct {
	event.Event
	arrives time.Duration // after the start; negative: at its own time
	name    string        // makes the id
}

type pass time.Duration // until then, the clock goes on

type press time.Duration // somebody acknowledges then

func tell(at time.Duration, kind event.Kind) told {
	return told{Event: event.Event{Kind: kind, Conversation: "guest", Time: start.Add(at)}, arrives: -1}
}

func created(at time.Duration, assignee string) told {
	e := tell(at, event.ConversationCreate)
	e.Status, e.Title = event.Open, "A guest"
	return e.to(assignee)
}

func passed(at time.Duration, assignee string) told {
	return tell(at, event.AssigneeChange).to(assignee)
}

func turned(at time.Duration, s event.Status) told {
	e := tell(at, event.StatusChange)
	e.Status = s
	return e
}

func visitor(at time.Duration, messageType ...string) told {
	e := tell(at, event.Message)
	e.Author, e.MessageType = event.Actor{Kind: event.ActorVisitor}, "text"
	if len(messageType) > 0 {
		e.MessageType = messageType[0]
	}
	return e
}

func user(at time.Duration, id string, messageType ...string) told {
	e := visitor(at, messageType...)
	e.Author = event.Actor{Kind: event.ActorUser, ID: id}
	return e
}

// to says whom it is assigned to: "user anna", "bot 8181", "none". Empty: it does not say.
func (e told) to(assignee string) told {
	if kind, id, _ := strings.Cut(assignee, " "); kind != "" {
		e.Assignee = &event.Actor{Kind: kind, ID: id}
	}
	return e
}

func (e told) late(at time.Duration) told { e.arrives = at; return e }
func (e told) of(key string) told         { e.Conversation = key; return e }
func (e told) id(name string) told        { e.name = name; return e }
func (e told) as(k event.Kind) told       { e.Kind = k; return e }

func (e told) receipt() time.Duration {
	if e.arrives >= 0 {
		return e.arrives
	}
	return max(0, e.Time.Sub(start))
}

// teller plays stories to a desk.
type teller struct {
	*Desk
	sequence uint64
	list     []Happening
}

func newTeller(c Config) *teller { return &teller{Desk: New(c)} }

func (d *teller) tell(steps ...any) {
	for _, s := range steps {
		switch s := s.(type) {
		case told:
			d.sequence++
			at := s.receipt()
			stamp := Stamp{At: running + at, Wall: start.Add(at), Sequence: d.sequence, Summary: func() string { return s.name }}
			sum := sha256.Sum256(fmt.Append(nil, s.name, s.Kind, s.Time, s.Assignee, s.Author, s.MessageType, s.Status))
			copy(stamp.ID[:], sum[:])
			if len(s.name) == 1 { // of ids given by hand the first letter counts
				stamp.ID[0] = s.name[0]
			}
			d.list = append(d.list, d.Apply(s.Event, stamp)...)
		case pass:
			d.list = append(d.list, d.Tick(running+time.Duration(s))...)
		case press:
			d.Acknowledge(running + time.Duration(s))
		}
	}
}

// facts says in words in which counts the conversations are.
func (d *teller) words() string {
	f := d.Facts()
	var words []string
	for _, n := range []struct {
		word string
		n    int
	}{{"open", f.Open}, {"waiting", f.Waiting}, {"acknowledged", f.Acknowledged}, {"unanswered", f.Unanswered}, {"unassigned", f.Unassigned}} {
		switch n.n {
		case 0:
		case 1:
			words = append(words, n.word)
		default:
			words = append(words, fmt.Sprintf("%d %s", n.n, n.word))
		}
	}
	return strings.Join(words, " ")
}

func (d *teller) happened() string {
	var words []string
	for _, h := range d.list {
		words = append(words, string(h.Moment))
	}
	return strings.Join(words, " ")
}

// check compares the counts with the conversations looked at one by one, and the heaps with what they should be.
func (d *teller) check(t *testing.T) {
	t.Helper()
	var n [classes]int
	kept := 0
	for _, c := range d.all {
		kept += len(c.items)
		for of := range classes {
			if c.state.in(of) {
				n[of]++
			}
		}
	}
	if n != d.n || kept != d.kept {
		t.Errorf("the counts are %v and %d items, the conversations say %v and %d", d.n, d.kept, n, kept)
	}
	for _, h := range d.heap {
		for i, c := range h.of {
			if int(c.pos[h.which]) != i+1 || i > 0 && h.key(i) < h.key((i-1)/2) {
				t.Errorf("heap %d is out of order at %d", h.which, i)
			}
		}
	}
	listed := 0
	for _, l := range []*list{&d.open, &d.closed} {
		var back *conversation
		for c := l.front; c != nil; c = c.next {
			if c.prev != back || c.list != l || (l == &d.open) != c.state.open {
				t.Errorf("a list is broken at %s", c.key)
			}
			back, listed = c, listed+1
		}
		if l.back != back {
			t.Errorf("a list ends elsewhere")
		}
	}
	if listed != len(d.all) {
		t.Errorf("the lists hold %d of %d conversations", listed, len(d.all))
	}
}

// reopened is the same desk after a restart.
func (d *teller) reopened(t *testing.T, kept map[string][]byte) *teller {
	t.Helper()
	for key, data := range d.Dirty() {
		if data == nil {
			delete(kept, key)
		} else {
			kept[key] = data
		}
	}
	again := &teller{Desk: New(d.config), sequence: d.sequence, list: d.list}
	if err := again.Restore(kept); err != nil {
		t.Fatal(err)
	}
	again.check(t)
	return again
}

// permutations calls f with every order of list.
func permutations[T any](list []T, f func([]T)) {
	list = slices.Clone(list)
	var walk func(int)
	walk = func(n int) {
		if n == len(list) {
			f(list)
			return
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			walk(n + 1)
			list[n], list[i] = list[i], list[n]
		}
	}
	walk(0)
}
