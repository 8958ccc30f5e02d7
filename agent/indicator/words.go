package indicator

import (
	"slices"
	"strings"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// term is a name that expressions know.
type term struct {
	is    sort
	in    scope
	field int // of a subject's texts, or a stateField
}

const about = ofEvent | ofConversation

var terms = map[string]term{
	"account": {aText, about, textAccount}, "bot": {aText, about, textBot}, "channel": {aText, about, textChannel},
	"team": {aText, about, textTeam}, "person": {aText, about, textPerson}, "title": {aText, about, textTitle},
	"labels": {is: theLabels, in: about},
	"kind":   {aText, ofEvent, textKind}, "type": {aText, ofEvent, textType}, "message_type": {aText, ofEvent, textMessageType},
	"delayed": {is: aTruth, in: ofEvent},
	"open":    {aNumber, ofDesk, int(fieldOpen)}, "waiting": {aNumber, ofDesk, int(fieldWaiting)},
	"unanswered": {aNumber, ofDesk, int(fieldUnanswered)}, "unassigned": {aNumber, ofDesk, int(fieldUnassigned)},
	"acknowledged": {aNumber, ofDesk, int(fieldAcknowledged)}, "forward_pending": {aNumber, ofDesk, int(fieldForwardPending)},
	"oldest_waiting": {aTime, ofDesk, int(fieldOldestWaiting)}, "oldest_unanswered": {aTime, ofDesk, int(fieldOldestUnanswered)},
	"last_event": {aTime, ofDesk, int(fieldLastEvent)}, "undelivered": {aTime, ofDesk, int(fieldUndelivered)},
	"muted": {aTruth, ofDesk, int(fieldMuted)}, "quiet": {aTruth, ofDesk, int(fieldQuiet)},
	"unreachable": {aTruth, ofDesk, int(fieldUnreachable)},
}

// actors are the names that are somebody: they have parts.
var actors = map[string]term{
	"assignee": {aText, about, textAssignee}, "previous": {aText, about, textPrevious}, "author": {aText, ofEvent, textAuthor},
}

// words refuses a word that a field never holds.
func (w *walk) words(field, value *node) bool {
	if value.op != opText {
		return true
	}
	name, known := field.value, []string(nil)
	switch {
	case field.op == opPart && field.part == "kind":
		name += ".kind"
		known = []string{event.ActorBot, event.ActorUser, event.ActorTeam, event.ActorNone, event.ActorUnknown}
		switch field.value {
		case "author":
			known = []string{event.ActorVisitor, event.ActorUser, event.ActorBot}
		case "previous":
			known = append(known, "")
		}
	case field.op != opName:
		return true
	case name == "kind":
		if slices.Contains(moments, value.value) {
			w.fault(value, "%s is a moment of the desk and not an event's kind: name it in on", value.value)
			return false
		}
		known = on(event.Kinds()...)
	case name == "person":
		if value.value == "" || strings.ContainsAny(value.value, "@0123456789") || slices.Contains(w.people, value.value) {
			return true
		}
		w.fault(value, "%q is no name in [people]", value.value)
		return false
	default:
		return true
	}
	if !slices.Contains(known, value.value) {
		w.fault(value, "%s is never %q: it is one of %s", name, value.value, strings.Join(known, " "))
		return false
	}
	return true
}

// moments are the desk's own.
var moments = on(desk.WaitBegan, desk.WaitEnded, desk.Closed)
