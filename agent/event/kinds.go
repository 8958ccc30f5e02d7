package event

import "strings"

// builtinTypes returns the table of type strings, in the form that plainType gives them. Only conversation_create and
// message are documented by the platform; the rest are guesses from its words for the other events and from what
// comparable platforms send. A wrong guess does little harm: status and assignee are read from the payload whatever the
// kind.
func builtinTypes() map[string]Kind {
	table := make(map[string]Kind, 256)
	add := func(k Kind, names string) {
		for name := range strings.FieldsSeq(names) {
			table[name] = k
		}
	}
	combine := func(k Kind, befores, nouns, actions string) {
		for before := range strings.SplitSeq(befores, "|") {
			for noun := range strings.FieldsSeq(nouns) {
				for action := range strings.SplitSeq(actions, "|") {
					table[before+noun+action] = k
				}
			}
		}
	}
	const (
		chat    = "|conversation_|chat_"
		changed = "|_change|_changed|_update|_updated"
		edited  = "|_create|_created|_creation|_update|_updated|_updation|_change|_changed|_set|_add|_added|_edit|_edited|" +
			"_attach|_attached|_attachment|_detach|_detached|_remove|_removed|_delete|_deleted"
	)
	combine(StatusChange, chat, "status state", changed)
	combine(StatusChange, "conversation_|chat_", "close closed open opened reopen reopened resolve resolved end ended "+
		"complete completed expire expired timeout", "")
	combine(AssigneeChange, chat, "assignee assignment assigned_user assigned_to agent owner", changed+"|_exchange|_exchanged")
	combine(AssigneeChange, chat+"|agent_|user_|team_|bot_", "assign assigned assignment unassign unassigned reassign "+
		"reassigned transfer transferred handover handoff handed_over takeover taken_over", "")
	combine(Variable, chat+"|visitor_|contact_|user_", "variable variables", edited)
	combine(Label, chat+"|visitor_|contact_", "label labels tag tags", edited+"|_assign|_assigned|_unassign|_unassigned")
	combine(Note, chat+"|agent_|internal_|private_", "note notes", edited)
	combine(SLABreached, chat, "sla", "|_breach|_breached|_violation|_violated|_missed")
	combine(MessageStatus, "|chat_", "message", "_status|_status_change|_status_changed|_status_update|_status_updated|"+
		"_delivered|_delivery|_read|_seen|_failed|_undelivered|_ack")
	combine(ConversationCreate, "", "conversation chat", "_create|_created|_creation|_start|_started|_new")
	add(ConversationCreate, "new_conversation new_chat")
	combine(Message, "|new_|chat_", "message", "|_create|_created|_new|_sent|_received|_exchange")
	add(MessageStatus, "delivery_status read_receipt")
	return table
}

// plainType lowers typ, and writes camel case, blanks, dots, slashes, colons and hyphens with underscores.
func plainType(typ string) string {
	var b strings.Builder
	lower := false // the last character was a small letter
	for _, r := range typ {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r - 'A' + 'a')
			lower = false
		case strings.ContainsRune(" .-/:", r):
			b.WriteByte('_')
			lower = false
		default:
			b.WriteRune(r)
			lower = r >= 'a' && r <= 'z'
		}
	}
	return b.String()
}
