package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"deskbell/agent/event"
)

// Learner gathers what is not understood of events: their types, and the shapes
// of their payloads, of which it keeps names and JSON types and no value. Its
// size is bounded, whatever it is shown.
type Learner struct {
	config  Config
	decoder *event.Decoder
	learned Learned
	types   map[string]*Unknown
	missing map[string]*Unknown // by kind: what ought to tell an assignee or a status, and does not
}

// Learned is what a Learner knows.
type Learned struct {
	Events        int       `json:"events"` // that were looked at
	Conversations int       `json:"conversations"`
	HandOvers     int       `json:"hand_overs"` // events that told an assignee other than a bot
	Types         []Unknown `json:"types"`      // that are not understood
	Missing       []Unknown `json:"missing"`    // kinds that ought to tell an assignee or a status, where none was found
	Lines         string    `json:"lines"`      // of the configuration, which would make them count; empty: none
}

// Unknown is events of one type, or of one kind.
type Unknown struct {
	Type   string  `json:"type"` // as sent, or of Missing the kind; empty: they had none
	Hidden bool    `json:"hidden,omitempty"`
	Count  int     `json:"count"`
	Kind   string  `json:"kind"` // what the type's name says; empty: nothing
	Shape  []Shape `json:"shape"`

	shapes map[string]*Shape
}

// Shape is one place of a payload.
type Shape struct {
	Path  string   `json:"path"`  // dotted, from `event`; [] is an element of a list, * a name that may be a value
	Types []string `json:"types"` // JSON types that were there
	Count int      `json:"count"`
}

const (
	learnPaths = 200 // places of one type
	learnDepth = 8
	learnNames = 40 // members of an object that are taken for names; of a larger one they may be values
)

// NewLearner returns a learner for events as c understands them.
func NewLearner(c Config) (*Learner, error) {
	d, err := event.NewDecoder(c.Events())
	if err != nil {
		return nil, err
	}
	return &Learner{config: c, decoder: d, types: map[string]*Unknown{}, missing: map[string]*Unknown{}}, nil
}

// Add looks at one element, as it was received.
func (l *Learner) Add(element []byte) {
	e := l.decoder.Decode(element)
	l.learned.Events++
	if e.Kind == event.ConversationCreate {
		l.learned.Conversations++
	}
	if handsOver(e) {
		l.learned.HandOvers++
	}
	if _, meant := l.config.Webhook.Types[e.Type]; e.Kind == event.Other && !meant {
		note(l.types, e.Type, element, censusTypes)
	}
	if e.Kind == event.AssigneeChange && (e.Assignee == nil || e.Assignee.Kind == event.ActorUnknown) || e.Kind == event.StatusChange && e.Status == "" {
		note(l.missing, string(e.Kind), element, censusTypes)
	}
}

// handsOver says whether an event tells an assignee other than a bot.
func handsOver(e event.Event) bool {
	return e.Assignee != nil && e.Assignee.Kind != event.ActorBot && e.Assignee.Kind != event.ActorUnknown
}

func note(in map[string]*Unknown, name string, element []byte, most int) {
	shown, hidden := name, name != "" && !typeName.MatchString(name)
	if hidden {
		shown, name = "", "\x00"
	}
	u := in[name]
	if u == nil {
		if len(in) == most {
			return
		}
		u = &Unknown{Type: shown, Hidden: hidden, Kind: guessKind(shown), shapes: map[string]*Shape{}}
		in[name] = u
	}
	u.Count++
	var doc struct{ Event map[string]any }
	d := json.NewDecoder(bytes.NewReader(element))
	d.UseNumber()
	if d.Decode(&doc) == nil {
		delete(doc.Event, "type")
		u.see("", doc.Event, 0)
	}
}

// Names that are shown. What looks otherwise may be a value: an address, a
// person's name, the id that something is filed under.
var (
	typeName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:/-]{0,63}$`)
	memberName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}$`)
)

// see books what is at path.
func (u *Unknown) see(path string, v any, depth int) {
	if depth > learnDepth {
		return
	}
	kind := "null"
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		seen := map[string]bool{}
		odd := func(key string) bool { return !memberName.MatchString(key) }
		// Where one is no name the others may be values, too; but for the outermost,
		// which have names alone.
		filed := len(v) > learnNames || path != "" && path != "payload" && slices.ContainsFunc(slices.Collect(maps.Keys(v)), odd)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name := key
			if filed || odd(key) {
				name = "*"
			}
			if name == "*" && seen[name] {
				continue // the first stands for all
			}
			seen[name] = true
			u.see(join(path, name), v[key], depth+1)
		}
	case []any:
		kind = "list"
		if len(v) > 0 {
			u.see(path+"[]", v[0], depth+1)
		}
	case string:
		kind = "string"
	case json.Number:
		kind = "number"
	case bool:
		kind = "true or false"
	}
	if path == "" {
		return
	}
	s := u.shapes[path]
	if s == nil {
		if len(u.shapes) == learnPaths {
			return
		}
		s = &Shape{Path: path}
		u.shapes[path] = s
	}
	s.Count++
	if !slices.Contains(s.Types, kind) {
		s.Types = append(s.Types, kind)
		slices.Sort(s.Types)
	}
}

// Learned is what was learned until now.
func (l *Learner) Learned() Learned {
	all := l.learned
	all.Types, all.Missing = listedUnknown(l.types), listedUnknown(l.missing)
	all.Lines = l.lines(all)
	return all
}

func listedUnknown(in map[string]*Unknown) []Unknown {
	list := []Unknown{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		u := *in[name]
		u.Shape = []Shape{}
		for _, path := range slices.Sorted(maps.Keys(u.shapes)) {
			u.Shape = append(u.Shape, *u.shapes[path])
		}
		list = append(list, u)
	}
	return list
}

// lines are those of the configuration that would make all of it count.
func (l *Learner) lines(all Learned) string {
	var types, fields strings.Builder
	for _, u := range all.Types {
		switch {
		case u.Type == "":
		case u.Kind != "":
			fmt.Fprintf(&types, "%s = %q # %s\n", tomlString(u.Type), u.Kind, counted(u.Count, "event"))
		default:
			fmt.Fprintf(&types, "#%s = \"\" # %s; one of %s\n", tomlString(u.Type), counted(u.Count, "event"), kindList())
		}
	}
	for _, field := range []struct {
		name   string
		paths  []string
		fits   func(Shape) bool
		silent event.Kind
	}{
		{"assignee", l.config.Webhook.Fields.Assignee, isAssignee, event.AssigneeChange},
		{"status", l.config.Webhook.Fields.Status, isStatus, event.StatusChange},
	} {
		found := slices.Clone(field.paths)
		for _, u := range slices.Concat(all.Missing, all.Types) {
			if u.Kind != string(field.silent) && u.Type != string(field.silent) {
				continue
			}
			for _, s := range u.Shape {
				if field.fits(s) && !slices.Contains(found, s.Path) {
					found = append(found, s.Path)
				}
			}
		}
		if len(found) > len(field.paths) {
			fmt.Fprintf(&fields, "%s = %s\n", field.name, plain(anyList(found)))
		}
	}
	var b strings.Builder
	if types.Len() > 0 {
		b.WriteString("[webhook.types]\n" + types.String())
	}
	if fields.Len() > 0 {
		b.WriteString("[webhook.fields]\n" + fields.String())
	}
	return b.String()
}

func anyList(of []string) []any {
	var list []any
	for _, s := range of {
		list = append(list, s)
	}
	return list
}

func kindList() string {
	var all []string
	for _, k := range event.Kinds() {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// isAssignee says whether a place may hold who a conversation is assigned to:
// by its name, and as an object or null, which is how an assignee is read.
func isAssignee(s Shape) bool {
	return usable(s) && lastHas(s.Path, "assign", "agent", "owner", "operator", "handled_by") &&
		!slices.ContainsFunc(s.Types, func(t string) bool { return t != "object" && t != "null" })
}

// isStatus says whether a place may hold whether a conversation is open.
func isStatus(s Shape) bool {
	return usable(s) && lastHas(s.Path, "status", "state", "closed") &&
		!slices.ContainsFunc(s.Types, func(t string) bool { return t == "object" || t == "list" || t == "null" })
}

// usable says whether [webhook.fields] can name a place.
func usable(s Shape) bool { return !strings.ContainsAny(s.Path, "*[") }

func lastHas(path string, words ...string) bool {
	last := strings.ToLower(path[strings.LastIndexByte(path, '.')+1:])
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(last, w) })
}

// kindWords are what names of types say, the first that is right.
var kindWords = []struct {
	kind event.Kind
	is   *regexp.Regexp
}{
	{event.SLABreached, regexp.MustCompile(`(^|[^a-z])sla([^a-z]|$)|breach`)},
	{event.MessageStatus, regexp.MustCompile(`(message|msg).*(status|deliver|read|seen|fail|ack)`)},
	{event.Label, regexp.MustCompile(`label|(^|[^a-z])tag`)},
	{event.Note, regexp.MustCompile(`(^|[^a-z])note|comment`)},
	{event.Variable, regexp.MustCompile(`variable|attribute|propert|custom_?field`)},
	{event.AssigneeChange, regexp.MustCompile(`assign|transfer|hand_?o|take_?over|agent|owner|operator`)},
	{event.Message, regexp.MustCompile(`message|(^|[^a-z])(msg|repl)`)},
	{event.ConversationCreate, regexp.MustCompile(`(conversation|chat|session|ticket).*(creat|start|new|begin)|(creat|start|new|begin).*(conversation|chat|session|ticket)`)},
	{event.StatusChange, regexp.MustCompile(`status|state|clos|open|resolv|(^|[^a-z])end|archiv|expire`)},
}

// guessKind is the kind that a type's name speaks of; empty: it says nothing.
func guessKind(name string) string {
	name = strings.ToLower(name)
	for _, k := range kindWords {
		if k.is.MatchString(name) {
			return string(k.kind)
		}
	}
	return ""
}

// WriteLearned writes it in words.
func WriteLearned(w io.Writer, all Learned, file string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %s, %s\n", counted(all.Events, "event"), counted(all.Conversations, "conversation"), counted(all.HandOvers, "hand-over"))
	for _, u := range all.Types {
		name := "type " + u.Type
		switch {
		case u.Hidden:
			name = "types that are no names"
		case u.Type == "":
			name = "no type"
		}
		writeUnknown(&b, fmt.Sprintf("%s of %s: not understood", counted(u.Count, "event"), name), u)
	}
	for _, u := range all.Missing {
		what := "assignee"
		if u.Type == string(event.StatusChange) {
			what = "status"
		}
		writeUnknown(&b, fmt.Sprintf("%s of kind %s: no %s found", counted(u.Count, "event"), u.Type, what), u)
	}
	switch {
	case len(all.Types)+len(all.Missing) == 0 && all.Conversations >= silentConversations && all.HandOvers == 0:
		b.WriteString("Every type is understood, but nothing told that a guest was handed over: are all events chosen in the platform?\n")
	case len(all.Types)+len(all.Missing) == 0:
		b.WriteString("Everything is understood.\n")
	case all.Lines != "":
		fmt.Fprintf(&b, "\nThese lines in %s would make them count; look whether they mean what their names say:\n\n%s", file, all.Lines)
	default:
		b.WriteString("\nNo name in it says what it may mean.\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeUnknown(b *bytes.Buffer, head string, u Unknown) {
	fmt.Fprintf(b, "\n%s\n", head)
	for _, s := range u.Shape {
		fmt.Fprintf(b, "    %-40s %s\n", s.Path, strings.Join(s.Types, ", "))
	}
}
