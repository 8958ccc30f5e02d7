package event

import "strings"

// Summary says in one line what happened, for a person at a desk. It is never empty, has at most 120 runes, and holds
// no control, format or line-breaking character. It holds what people wrote: it is not for logs.
func (d *Decoder) Summary(element []byte) string {
	s := "an event that cannot be read"
	d.read(element, func(doc *document) {
		if doc.isObject(root) {
			s = doc.summary(d.decode(doc, root))
		}
	})
	return oneLine(s)
}

func (d *document) summary(e Event) string {
	payload, ok := d.lookup(root, "event", "payload")
	if !ok {
		payload = root // where none of the members below is
	}
	title := d.phrase(payload, "title")
	switch e.Kind {
	case ConversationCreate:
		s := "new conversation" + after(": ", title)
		if e.Assignee != nil {
			s += " (" + d.assigneeWords(e, "agent ") + ")"
		}
		return s
	case Message:
		return d.messageSummary(payload, e)
	case StatusChange:
		switch e.Status {
		case Open:
			return "conversation opened" + after(": ", title)
		case Closed:
			return "conversation closed" + after(": ", title)
		}
		return "conversation status changed" + after(": ", d.first(payload, "status", "state", "title"))
	case AssigneeChange:
		if e.Assignee == nil {
			return "assignee changed" + after(": ", title)
		}
		return "assigned to " + d.assigneeWords(e, "") + after(": ", title)
	case Variable:
		name, value := d.named(payload, "variable", "variables")
		if value != "" {
			return "variable " + name + ": " + value
		}
		return "variable changed" + after(": ", name)
	case Label:
		name, value := d.named(payload, "label", "labels", "tag", "tags")
		if name == "" {
			name = value
		}
		return "label" + or(after(": ", name), " changed")
	case Note:
		return "note" + or(after(": ", d.first(payload, "note", "text", "message", "body", "content")), " added")
	case SLABreached:
		return "SLA breached" + after(": ", d.first(payload, "sla", "sla_name", "name", "title"))
	case MessageStatus:
		return "message status" + after(": ", d.first(payload, "message_status", "status", "message.status", "state"))
	}
	return d.otherSummary(e)
}

// otherSummary says what little is known of an event that is not understood.
func (d *document) otherSummary(e Event) string {
	s := "event without a type"
	if typ := oneLine(e.Type); typ != "" {
		s = `event "` + typ + `"`
	}
	if e.Status != "" {
		s += ", " + string(e.Status)
	}
	if e.Assignee != nil {
		s += ", assigned to " + d.assigneeWords(e, "")
	}
	return s
}

// assigneeWords names an assignee; agent is put before a person's number.
func (d *document) assigneeWords(e Event, agent string) string {
	a := e.Assignee
	switch a.Kind {
	case ActorBot:
		return "bot"
	case ActorNone:
		if agent == "" {
			return "nobody"
		}
		return "unassigned"
	case ActorTeam:
		return "team" + after(" ", oneLine(or(a.Email, a.ID)))
	case ActorUser:
		if a.Email == "" {
			return or(after(or(agent, "agent "), oneLine(a.ID)), "an agent")
		}
		return oneLine(a.Email)
	}
	return or(oneLine(or(a.Email, a.ID)), "somebody unknown")
}

// first returns the phrase of the first of paths (dotted, from i) that says anything.
func (d *document) first(i uint32, paths ...string) string {
	for _, p := range paths {
		if s := d.phrase(i, strings.Split(p, ".")...); s != "" {
			return s
		}
	}
	return ""
}

// named returns name and value of something that a payload may hold as `thing: {name, value}`, as
// `thing: "name", value: …` or as `name, value`.
func (d *document) named(i uint32, things ...string) (name, value string) {
	for _, thing := range things {
		at, ok := d.lookup(i, thing)
		if !ok {
			continue
		}
		if d.isObject(at) {
			name, value = d.first(at, "name", "title", "label", "key"), d.phrase(at, "value")
		} else {
			name = d.phrase(at)
		}
		if name != "" {
			break
		}
	}
	return variableName(or(name, d.first(i, "name", "title", "key"))), or(value, d.phrase(i, "value"))
}

// variableName strips what the platform puts around a variable's name: `¿·$user.info.age·?` is age.
func variableName(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "¿·"), "·?")
	if strings.HasPrefix(s, "$") {
		s = s[strings.LastIndexByte(s, '.')+1:]
	}
	return s
}

// after puts before in front of s, unless s is empty.
func after(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

// or is s, or instead when s is empty.
func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
