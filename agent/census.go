package agent

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"deskbell/agent/event"
)

// census counts what was not understood, for the problems in status. Its size
// is bounded, as type names come from outside. The zero value is ready.
type census struct {
	mu            sync.Mutex
	meant         map[string]string // the types that the configuration gives a kind, which may be other; set before it counts
	unknown       map[string]int    // events by a type that no kind is known for
	conversations int
	handovers     int // events that told an assignee other than a bot
}

const (
	// censusTypes bounds the types that are told apart.
	censusTypes = 20
	// silentConversations is after how many new conversations without one
	// recognised hand-over something must be wrong with [webhook.fields].
	silentConversations = 40
)

// count books one event.
func (c *census) count(e event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, meant := c.meant[e.Type]; e.Kind == event.Other && !meant {
		if c.unknown == nil {
			c.unknown = map[string]int{}
		}
		if _, known := c.unknown[e.Type]; known || len(c.unknown) < censusTypes {
			c.unknown[e.Type]++
		}
	}
	if e.Kind == event.ConversationCreate {
		c.conversations++
	}
	if handsOver(e) {
		c.handovers++
	}
}

// problems says in words what was not understood since the start.
func (c *census) problems() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.unknown)) {
		n, shown := c.unknown[name], fmt.Sprintf("of type %.64q", name)
		switch {
		case name == "":
			shown = "without a type"
		case typeName.MatchString(name):
			shown = "of type " + name
		}
		list = append(list, fmt.Sprintf("%s %s not understood; run: deskbell learn", counted(n, "event"), shown+isAre(n)))
	}
	if c.conversations >= silentConversations && c.handovers == 0 {
		list = append(list, fmt.Sprintf("%d conversations, not one hand-over recognised; run: deskbell learn", c.conversations))
	}
	return list
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isAre(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}
