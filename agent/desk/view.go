package desk

import "deskbell/agent/event"

// View is a conversation as rules look at it.
type View struct {
	Key          string
	Title        string
	Account, Bot string
	Channel      string
	Team         string   // a team's id or name, as far as an event told; of an assignee that is a team too
	Labels       []string // shared with the desk: not to be changed
	Assignee     event.Actor
	Previous     event.Actor // who was its assignee before; Kind is empty where there was none
}

// Key is how the desk names a conversation: its own key, or a hash of one that is too long or not fit to be shown.
func Key(conversation string) string { return keyOf(conversation) }

func (c *conversation) view() View {
	return View{Key: c.key, Title: c.title, Assignee: c.state.actor()}
}
