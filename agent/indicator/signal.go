package indicator

import (
	"slices"
	"strings"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// fired is the signal that the events of one rule make together.
type fired struct {
	First, Last time.Duration // when the signal began; the newest event's
	Count       int           // 0: there was none
}

// happening is what happened to one conversation at one moment.
type happening struct {
	names    []string      // the event's kind, and the moments that it or the time made
	event    *event.Event  // nil: it was the time
	view     *desk.View    // the conversation after it
	groups   uint64        // those that count it
	received time.Duration // when it came
	live     bool          // since the agent started
}

// Times of what comes too late.
const (
	recent  = time.Minute      // how old an event may be to make a signal
	delayed = 30 * time.Second // from when on it says so
)

// Labels of an event as expressions see them: how many, and how many runes of each, which is what the desk keeps.
const (
	maxLabels = 32
	maxLabel  = 64
)

// listens reports whether a rule is for one of the names.
func (e *engine) listens(names []string) bool {
	for i := range e.rules {
		if e.rules[i].hears(names) {
			return true
		}
	}
	return false
}

func (r *rule) hears(names []string) bool {
	for _, on := range r.On {
		if slices.Contains(names, on) {
			return true
		}
	}
	return false
}

// happen gives what happened to the rules, and reports whether one took it.
func (e *engine) happen(h happening, now time.Duration) bool {
	if e.groups.only == nil {
		h.groups |= 1
	}
	e.fill(&h, now)
	took := false
	for i := range e.rules {
		r := &e.rules[i]
		if !r.hears(h.names) {
			continue
		}
		what := elsewhere
		if h.groups&(1<<r.group) != 0 {
			what = e.signal(i, &h, now)
		}
		if e.listen != nil {
			e.listen(i, what)
		}
		took = took || what == matched || what == coalesced
	}
	return took
}

// fill makes what `when` looks at. What an event does not say itself, its conversation knows.
func (e *engine) fill(h *happening, now time.Duration) {
	e.groups.fill(&e.about, h.view)
	e.about.delayed = !h.live || now-h.received > delayed
	v := h.event
	if v == nil {
		return
	}
	own := func(at int, text string) {
		if text != "" {
			e.about.texts[at] = cut(text)
		}
	}
	own(textKind, string(v.Kind))
	own(textType, v.Type)
	own(textMessageType, v.MessageType)
	own(textAccount, v.Account)
	own(textBot, v.Bot)
	own(textChannel, v.Channel)
	own(textTitle, v.Title)
	e.about.team(&v.Team)
	if v.Labels != nil {
		e.about.labels = cutLabels(v.Labels)
	}
	e.about.is(textAuthor, &v.Author)
	if a := v.Assignee; a != nil {
		e.about.is(textAssignee, a)
		e.about.texts[textPerson] = e.groups.person(a)
	}
}

// cut is a text from outside as expressions see it: as the desk keeps it, or nearly.
func cut(s string) string {
	const most = 480 // bytes, 120 runes of the longest
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// cutLabels leaves the event's own as they are.
func cutLabels(labels []string) []string {
	labels = labels[:min(len(labels), maxLabels)]
	if !slices.ContainsFunc(labels, func(l string) bool { return len(l) > maxLabel }) {
		return labels
	}
	labels = slices.Clone(labels)
	for i, l := range labels {
		labels[i] = cutRunes(cut(l), maxLabel)
	}
	return labels
}

// signal begins a rule's signal or adds to it, unless what happened is not for it or too long ago.
func (e *engine) signal(i int, h *happening, now time.Duration) outcome {
	r, f := &e.rules[i], &e.fired[i]
	if r.when != nil && !r.when.holds(world{about: &e.about}) {
		return unlike
	}
	if now-h.received > recent {
		return late
	}
	from := now
	if !h.live && r.For > 0 {
		from = h.received // only what is left of it
		if from+r.For <= now {
			return late
		}
	}
	what := coalesced
	if f.Count == 0 || now >= e.signalEnds(i) {
		*f = fired{First: from, Last: from}
		what = matched
	}
	f.Last = max(f.Last, from)
	f.Count++
	if r.For > 0 {
		e.dirty[r.entry] = true
	}
	return what
}

// signalEnds is when the last output has shown a rule's signal.
func (e *engine) signalEnds(i int) time.Duration {
	ends := e.fired[i].First
	for _, s := range e.rules[i].shows {
		if s != nil {
			ends = max(ends, e.fired[i].ends(s))
		}
	}
	return ends
}

// ends: what is shown once is not shown again because more events come meanwhile.
func (f *fired) ends(s *shows) time.Duration {
	if s.lasts == 0 {
		return f.First + s.once
	}
	return f.Last + s.lasts
}
