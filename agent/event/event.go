package event

import "time"

// Kind is what an event is about, in the words of this project. The platform's own type string stays in [Event.Type].
type Kind string

// The kinds. Other is everything that is not understood; it is stored and sent on like the rest.
const (
	ConversationCreate Kind = "conversation_create"
	Message            Kind = "message"
	StatusChange       Kind = "status_change"
	AssigneeChange     Kind = "assignee_change"
	Variable           Kind = "variable"
	Label              Kind = "label"
	Note               Kind = "note"
	SLABreached        Kind = "sla_breached"
	MessageStatus      Kind = "message_status"
	Other              Kind = "other"
)

// Kinds returns all kinds, Other last. The slice is the caller's own.
func Kinds() []Kind {
	return []Kind{ConversationCreate, Message, StatusChange, AssigneeChange, Variable, Label, Note, SLABreached,
		MessageStatus, Other}
}

// Valid says whether k is one of [Kinds].
func (k Kind) Valid() bool {
	switch k {
	case ConversationCreate, Message, StatusChange, AssigneeChange, Variable, Label, Note, SLABreached, MessageStatus, Other:
		return true
	}
	return false
}

// The kinds of an [Actor]. Visitor occurs as author only, None as assignee only.
const (
	ActorBot     = "bot"
	ActorUser    = "user"
	ActorTeam    = "team"
	ActorNone    = "none"
	ActorUnknown = "unknown"
	ActorVisitor = "visitor"
)

// Actor is somebody who writes or to whom a conversation is assigned. ID and Email are empty when they were absent or
// null; a number is kept as it was sent.
type Actor struct {
	Kind  string // bot, user, team, none, unknown or visitor; empty: no actor was named
	ID    string
	Email string
	Name  string // for people: as the platform shows it
}

// Team names a team as far as the platform did; both are empty where it did not.
type Team struct {
	ID   string
	Name string
}

// Status of a conversation as an event states it; empty when the event says nothing about it.
type Status string

// The two statuses the platform has.
const (
	Open   Status = "open"
	Closed Status = "closed"
)

// Event is one element of a body as far as it was understood. A member that is missing or has another type than
// expected is the zero value. All strings are as sent: they may hold control characters.
type Event struct {
	Kind         Kind
	Type         string    // the platform's type string; empty when absent
	Conversation string    // conversation.key
	Visitor      string    // visitor.key
	Account, Bot string    // account.id and account.bot.id, numbers as sent
	Time         time.Time // the event's own time, UTC; zero when absent or unreadable
	Title        string    // payload.title
	Channel      string    // the variable global_channel_name, else payload.channel.name
	MessageType  string    // payload.message.type
	Author       Actor     // payload.message_by; zero when absent
	Assignee     *Actor    // nil: the event says nothing about it; Kind none: it says that nobody is
	Status       Status    // empty: the event says nothing about it
	Team         Team      // of the conversation, beside its assignee; a guess, see teamAt
	Labels       []string  // nil: the event says nothing about them; empty: it says that there are none; a guess, see labelsAt
}
