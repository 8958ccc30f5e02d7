package event

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says how undocumented payloads are to be understood. The zero value is the built-in way.
type Config struct {
	Types      map[string]string `toml:"types"`      // platform event type → kind, on top of the built-in table
	Fields     Fields            `toml:"fields"`     // where payloads keep assignee and status
	Timestamps string            `toml:"timestamps"` // zone of timestamps that carry none; empty: UTC; also "local"
}

// Fields holds dotted paths from `event`; the first that holds a usable value wins. A nil list stands for the built-in
// one of DefaultFields, an empty one for none.
type Fields struct {
	Assignee []string `toml:"assignee"`
	Status   []string `toml:"status"`
}

// DefaultFields returns the built-in lists; they are the caller's own.
func DefaultFields() Fields {
	return Fields{
		Assignee: []string{"payload.assigned_to_user", "payload.assignee"},
		Status:   []string{"payload.status", "payload.is_closed"},
	}
}

// Decoder turns elements into events. It is safe for concurrent use.
type Decoder struct {
	types            map[string]Kind // exact type strings
	plain            map[string]Kind // in the form of plainType
	assignee, status [][]string
	zone             *time.Location
	documents        sync.Pool // of *document
	known            knowledge
}

// NewDecoder checks c and returns a decoder. The error joins one error for each fault, each beginning with the key's
// path within c, such as `types.closed: `.
func NewDecoder(c Config) (*Decoder, error) {
	d := &Decoder{types: make(map[string]Kind), plain: builtinTypes()}
	d.documents.New = func() any { return new(document) }
	maps.Copy(d.types, d.plain) // found without being changed first
	var faults []error
	for _, typ := range slices.Sorted(maps.Keys(c.Types)) {
		kind := Kind(c.Types[typ])
		switch {
		case typ == "":
			faults = append(faults, errors.New(`types."": an event type cannot be empty`))
		case !kind.Valid():
			faults = append(faults, fmt.Errorf("types.%s: unknown kind %q: one of %s", typ, kind, kindNames()))
		}
		d.types[typ] = kind
	}
	paths := func(key string, given, usual []string) (split [][]string) {
		if given == nil {
			given = usual
		}
		for i, p := range given {
			path := strings.Split(p, ".")
			if slices.Contains(path, "") {
				faults = append(faults, fmt.Errorf("fields.%s[%d]: %q is not a path: names joined by dots, such as %s",
					key, i, p, usual[0]))
			}
			split = append(split, path)
		}
		return split
	}
	usual := DefaultFields()
	d.assignee = paths("assignee", c.Fields.Assignee, usual.Assignee)
	d.status = paths("status", c.Fields.Status, usual.Status)
	name := c.Timestamps
	if strings.EqualFold(name, "local") {
		name = "Local"
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		faults = append(faults, fmt.Errorf("timestamps: unknown zone %q: a name such as UTC, Europe/Berlin or local", name))
	}
	d.zone = zone
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return d, nil
}

func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// KindOf returns the kind of a type string of the platform.
func (d *Decoder) KindOf(typ []byte) Kind {
	if k, ok := d.types[string(typ)]; ok {
		return k
	}
	if len(typ) > 64 { // longer than any in the table
		return Other
	}
	if k, ok := d.plain[plainType(string(typ))]; ok {
		return k
	}
	return Other
}

// Kind is Decode for those who need the kind alone; it is cheaper.
func (d *Decoder) Kind(element []byte) Kind {
	kind := Other
	d.read(element, func(doc *document) { kind = d.KindOf(doc.typeOf(root)) })
	return kind
}

// Decode never fails: a member of a wrong type counts as missing, bytes that are not a JSON object give an event of
// kind Other. Nothing in the result refers to element.
func (d *Decoder) Decode(element []byte) Event {
	e := Event{Kind: Other}
	d.read(element, func(doc *document) { e = d.decode(doc, root) })
	return e
}

// read calls use with the scanned element, unless it is not JSON.
func (d *Decoder) read(element []byte, use func(*document)) {
	doc := d.documents.Get().(*document)
	if doc.scan(element) == nil {
		use(doc)
	}
	doc.forget(keepTokens)
	d.documents.Put(doc)
}

// decode reads the element at i.
func (d *Decoder) decode(doc *document, i uint32) Event {
	e := Event{
		Type:         doc.string(i, "event", "type"),
		Conversation: doc.text(i, "conversation", "key"),
		Visitor:      doc.text(i, "visitor", "key"),
		Account:      doc.text(i, "account", "id"),
		Bot:          doc.text(i, "account", "bot", "id"),
	}
	e.Kind = d.KindOf([]byte(e.Type))
	if at, ok := doc.member(i, "timestamp"); ok {
		if text, ok := doc.textAt(at); ok {
			e.Time = parseTime(text, d.zone)
		}
	}
	ev, ok := doc.member(i, "event")
	if !ok {
		return e
	}
	for _, path := range d.assignee {
		if at, ok := doc.lookup(ev, path...); ok {
			if a, ok := doc.assigneeAt(at); ok {
				e.Assignee = &a
				break
			}
		}
	}
	for _, path := range d.status {
		if at, ok := doc.lookup(ev, path...); ok {
			if e.Status = doc.statusAt(at); e.Status != "" {
				break
			}
		}
	}
	payload, ok := doc.member(ev, "payload")
	if !ok {
		return e
	}
	if e.Bot == "" {
		e.Bot = doc.text(payload, "bot_id")
	}
	e.Title = doc.string(payload, "title")
	e.Channel = doc.variable(payload, "global_channel_name")
	if e.Channel == "" {
		e.Channel = doc.text(payload, "channel", "name")
	}
	e.MessageType = doc.string(payload, "message", "type")
	e.Team = doc.teamAt(payload)
	e.Labels = doc.labelsAt(payload)
	if by, ok := doc.member(payload, "message_by"); ok && doc.isObject(by) {
		e.Author = doc.actorAt(by, ActorBot, ActorUser, ActorTeam, ActorVisitor)
	}
	return e
}

// variable returns the value of the last of `variables` that has that name, when it is a string or number.
func (d *document) variable(i uint32, name string) (value string) {
	list, ok := d.member(i, "variables")
	if !ok || d.tape[list].kind != tokenList {
		return ""
	}
	for v := list + 1; v < d.tape[list].next; v = d.tape[v].next {
		if n, ok := d.member(v, "name"); ok && d.tape[n].kind == tokenString && d.nameIs(n, name) {
			value = d.text(v, "value")
		}
	}
	return value
}

// actorAt reads an object as an actor; a type that is not one of kinds is unknown.
func (d *document) actorAt(i uint32, kinds ...string) Actor {
	a := Actor{Kind: strings.ToLower(d.string(i, "type")), ID: d.text(i, "id"), Email: d.text(i, "email"), Name: d.text(i, "name")}
	if !slices.Contains(kinds, a.Kind) {
		a.Kind = ActorUnknown
	}
	return a
}

// assigneeAt reads null as nobody. An object with neither a type nor an id nor an e-mail says nothing: it must not take a
// conversation away from whom it is known to be with.
func (d *document) assigneeAt(i uint32) (Actor, bool) {
	switch d.tape[i].kind {
	case tokenNull:
		return Actor{Kind: ActorNone}, true
	case tokenObject:
		a := d.actorAt(i, ActorBot, ActorUser, ActorTeam)
		return a, a.ID != "" || a.Email != "" || d.string(i, "type") != ""
	}
	return Actor{}, false
}

func (d *document) statusAt(i uint32) Status {
	switch d.tape[i].kind {
	case tokenTrue:
		return Closed
	case tokenFalse:
		return Open
	}
	switch text, _ := d.textAt(i); strings.ToLower(text) {
	case "closed", "1":
		return Closed
	case "open", "0":
		return Open
	}
	return ""
}
