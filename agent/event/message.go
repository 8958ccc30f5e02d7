package event

import (
	"path"
	"strconv"
	"strings"
)

// messageSummary says what a message was, for each of the 21 documented types and, less well, for others.
func (d *document) messageSummary(payload uint32, e Event) string {
	who := writer(e)
	m, ok := d.lookup(payload, "message")
	if !ok || !d.isObject(m) {
		return who + or(after(": ", d.phrase(payload, "message")), " sent a message")
	}
	title := d.first(m, "payload.title", "payload.message")
	switch e.MessageType {
	case "text":
		return who + ": " + or(d.first(m, "text", "payload.text"), "(empty message)")
	case "image", "audio", "video", "document":
		return who + ": " + e.MessageType + after(" ", d.fileName(m))
	case "form":
		return who + ask(title, d.phrase(m, "payload", "fields"))
	case "file_upload":
		return who + " asked for a file" + quoted(": ", title)
	case "calendar":
		return who + " asked for a date" + quoted(": ", title)
	case "list":
		return who + ask(title, d.listItems(m))
	case "button":
		return who + ask(title, d.phrase(m, "payload", "buttons"))
	case "slider":
		low, high := d.phrase(m, "payload", "min"), d.phrase(m, "payload", "max")
		if low == "" || high == "" {
			return who + ask(title, "")
		}
		return who + ask(title, low+" to "+high)
	case "carousel":
		return who + " showed" + or(quoted(" ", title), " a carousel") + d.pictures(m)
	case "javascript":
		return who + " ran a script"
	case "appointment_booking":
		length := strings.TrimSpace(d.phrase(m, "payload", "duration", "value") + " " +
			d.phrase(m, "payload", "duration", "label"))
		if length != "" {
			length = " (" + length + ")"
		}
		return who + " offered an appointment" + after(": ", title) + length
	case "button.response":
		return who + " chose" + or(quoted(" ", d.first(m, "payload.body", "payload.title", "payload.text")), " nothing")
	case "slider.response":
		return who + " chose" + or(after(" ", d.first(m, "payload.text", "payload.value")), " nothing")
	case "form.response":
		return who + " filled in" + or(after(" ", d.fields(m)), " a form")
	case "file_upload.response":
		file, _ := d.lookup(m, "payload")
		return who + " uploaded " + or(d.phrase(m, "payload", "type"), "a file") + after(" ", d.fileName(file))
	case "javascript.response":
		return who + "'s browser answered a script" + after(": ", d.variables(m))
	case "calendly.response":
		return who + d.calendly(m) + " an appointment with Calendly"
	case "appointment_booking.response":
		return who + d.booking(m)
	case "":
		return who + " sent a message" + after(": ", d.first(m, "text", "payload.text"))
	}
	said := d.first(m, "text", "payload.text", "payload.body", "payload.title", "payload.message", "payload.value",
		"payload.date", "payload.file_name")
	if strings.HasSuffix(e.MessageType, ".response") {
		return who + " answered" + quoted(" ", said)
	}
	return who + " sent " + oneLine(e.MessageType) + after(": ", said)
}

// writer names who wrote: a `user` is a person unless signed with the number of the bot, though he may only have been
// named by an item of a bot's flow.
func writer(e Event) string {
	switch {
	case e.Author.Kind == ActorVisitor:
		return "visitor"
	case e.Author.Kind == ActorBot, e.Author.Kind == ActorUser && e.Author.ID != "" && e.Author.ID == e.Bot:
		return "bot"
	case e.Author.Kind == ActorUser, e.Author.Kind == ActorTeam:
		return "agent"
	}
	return "somebody"
}

func quoted(before, s string) string {
	if s == "" {
		return ""
	}
	return before + `"` + s + `"`
}

func ask(question, options string) string {
	return " asked" + quoted(" ", question) + or(after(": ", options), "")
}

// fileName is the name of the file in the payload of the value at i, or else the last part of its link.
func (d *document) fileName(i uint32) string {
	if name := d.phrase(i, "payload", "file_name"); name != "" {
		return name
	}
	link := d.phrase(i, "payload", "link")
	link, _, _ = strings.Cut(link, "?")
	if !strings.Contains(link, "/") || strings.HasSuffix(link, "/") {
		return ""
	}
	return path.Base(link)
}

// listItems are the titles of all items of all sections.
func (d *document) listItems(m uint32) string {
	sections, ok := d.lookup(m, "payload", "list", "sections")
	if !ok || d.tape[sections].kind != tokenList {
		return d.phrase(m, "payload", "items")
	}
	var items []string
	for s := sections + 1; s < d.tape[sections].next && len(items) < maxSummary; s = d.tape[s].next {
		if titles := d.phrase(s, "items"); titles != "" {
			items = append(items, titles)
		}
	}
	return strings.Join(items, ", ")
}

// fields are the labels and values of a filled-in form.
func (d *document) fields(m uint32) string {
	list, ok := d.lookup(m, "payload", "fields")
	if !ok || d.tape[list].kind != tokenList {
		return ""
	}
	var filled []string
	for f := list + 1; f < d.tape[list].next && len(filled) < maxSummary; f = d.tape[f].next {
		label := or(d.phrase(f, "label"), variableName(d.phrase(f, "variable")))
		if value := d.phrase(f, "value"); label != "" || value != "" {
			filled = append(filled, or(label, "?")+": "+or(value, "-"))
		}
	}
	return strings.Join(filled, ", ")
}

// variables are the names and values in the object of variables of a message.
func (d *document) variables(m uint32) string {
	object, ok := d.lookup(m, "payload", "variables")
	if !ok || !d.isObject(object) {
		return ""
	}
	var set []string
	for v := object + 1; v < d.tape[object].next && len(set) < maxSummary; v = d.tape[v+1].next {
		set = append(set, variableName(d.phrase(v))+": "+or(d.phrase(v+1), "-"))
	}
	return strings.Join(set, ", ")
}

// calendly says whether something was booked, as far as a variable of the documented name tells.
func (d *document) calendly(m uint32) string {
	for _, name := range [...]string{"¿·is_calendly_event_scheduled·?", "is_calendly_event_scheduled"} {
		if v, ok := d.lookup(m, "payload", "variables", name); ok && d.tape[v].kind == tokenFalse {
			return " did not book"
		}
	}
	return " booked"
}

func (d *document) booking(m uint32) string {
	name := or(d.first(m, "payload.event_name", "payload.title"), "an appointment")
	p, ok := d.lookup(m, "payload")
	if !ok {
		return " answered an offer of " + name
	}
	is := func(member string) bool {
		i, ok := d.lookup(p, member)
		return ok && d.tape[i].kind == tokenTrue
	}
	switch {
	case is("is_booking_failed"):
		return " could not book " + name
	case !is("is_booking_confirmed"):
		return " did not book " + name
	}
	return " booked " + name + after(" ", oneLine(d.variable(p, "param__gcal_selected_slot_date"))) +
		after(" ", oneLine(d.variable(p, "param__gcal_selected_slot_time")))
}

func (d *document) pictures(m uint32) string {
	list, ok := d.lookup(m, "payload", "items")
	if !ok || d.tape[list].kind != tokenList {
		return ""
	}
	if titles := d.phrase(list); titles != "" {
		return ": " + titles
	}
	n := 0
	for e := list + 1; e < d.tape[list].next; e = d.tape[e].next {
		n++
	}
	switch n {
	case 0:
		return ""
	case 1:
		return " (1 picture)"
	}
	return " (" + strconv.Itoa(n) + " pictures)"
}
