package event

// No document shows a payload with labels or a team. What is read here is what such payloads hold on comparable platforms;
// whatever looks otherwise says nothing.

// maxLabels is how many labels of an event are read.
const maxLabels = 32

// labelsAt reads `labels` of a payload: a list of strings or numbers, or of objects by their name, title or label. An event
// that names a single `label` does not tell whether it was put on or taken off, and so says nothing.
func (d *document) labelsAt(payload uint32) []string {
	list, ok := d.member(payload, "labels")
	if !ok || d.tape[list].kind != tokenList {
		return nil
	}
	labels := []string{}
	for l := list + 1; l < d.tape[list].next && len(labels) < maxLabels; l = d.tape[l].next {
		if name := d.nameOf(l); name != "" {
			labels = append(labels, name)
		}
	}
	if len(labels) == 0 && d.tape[list].next > list+1 {
		return nil // there is something in it that is not understood
	}
	return labels
}

// teamAt reads `team` or `assigned_team` of a payload: an object by its id and name, a string as a name, a number as an id.
func (d *document) teamAt(payload uint32) Team {
	for _, member := range [...]string{"team", "assigned_team"} {
		at, ok := d.member(payload, member)
		if !ok {
			continue
		}
		var t Team
		switch d.tape[at].kind {
		case tokenObject:
			t = Team{ID: d.text(at, "id"), Name: d.nameOf(at)}
		case tokenNumber:
			t.ID = string(d.raw(at))
		default:
			t.Name = d.nameOf(at)
		}
		if t != (Team{}) {
			return t
		}
	}
	return Team{}
}

// nameOf is the text at i, or of an object the first of the members that name a thing.
func (d *document) nameOf(i uint32) string {
	if !d.isObject(i) {
		text, _ := d.textAt(i)
		return text
	}
	for _, member := range [...]string{"name", "title", "label"} {
		if name := d.text(i, member); name != "" {
			return name
		}
	}
	return ""
}
