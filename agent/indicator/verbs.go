package indicator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deskbell/agent/event"
)

// do does what a line of a script says.
func (g *stage) do(verb string, args []string) error {
	if strings.HasPrefix(verb, "{") {
		if g.Decode == nil {
			return errors.New("no JSON is read here")
		}
		g.take(g.Decode([16]byte{}, []byte(verb)), 0)
		return nil
	}
	if takes, ok := commands[verb]; ok {
		if len(args) < takes.least || len(args) > takes.most {
			return fmt.Errorf("write: %s", strings.TrimSpace(verb+" "+takes.form))
		}
		return g.command(verb, append(args, make([]string, 3)...))
	}
	if verb == "clock" {
		var err error
		g.wall, err = parseWall(strings.Join(args, " "), g.zone())
		g.wallAt = g.now
		return err
	}
	return g.event(verb, args)
}

// commands are what people, buttons and the surroundings do in a script.
var commands = map[string]struct {
	least, most int
	form        string
}{
	"ack": {0, 0, ""}, "mute": {0, 1, "[DURATION]"}, "unmute": {0, 0, ""}, "test": {1, 3, "OUTPUT [PATTERN] [DURATION]"},
	"set": {2, 3, "OUTPUT PATTERN [DURATION]"}, "auto": {1, 1, "OUTPUT"}, "press": {1, 2, "INPUT [DURATION]"}, "lock": {1, 1, "INPUT"},
	"unlock": {1, 1, "INPUT"}, "restart": {0, 1, "[DURATION]"}, "unreachable": {0, 0, ""}, "reachable": {0, 0, ""},
	"undelivered": {0, 1, "[DURATION]"}, "delivered": {0, 0, ""}, "refuses": {0, 0, ""}, "fills": {0, 0, ""}, "stores": {0, 0, ""},
}

func (g *stage) command(verb string, args []string) error {
	now := g.running()
	last := "" // the argument that is a time
	switch verb {
	case "mute", "restart", "undelivered":
		last = args[0]
	case "press":
		last = args[1]
	case "set", "test":
		last = args[2]
	}
	d, err := optional(last)
	if err != nil {
		return err
	}
	switch verb {
	case "ack":
		g.core.desk.Acknowledge(now)
	case "mute":
		do, err := g.core.mute(d)
		if err != nil {
			return err
		}
		do(now)
	case "unmute":
		g.core.engine.muteUntil(now, 0)
	case "test":
		return g.core.test(args[0], args[1], d, now)
	case "set":
		return g.by(args[0], Setting{Pattern: args[1], For: d})
	case "auto":
		return g.by(args[0], Setting{Auto: true})
	case "press":
		if last == "" {
			d = 200 * time.Millisecond
		}
		return g.press(args[0], d)
	case "lock", "unlock":
		if _, err := g.core.locks.of(args[0]); err != nil {
			return err
		}
		g.core.locks.set(args[0], verb == "lock")
	case "restart":
		return g.restart(d)
	case "unreachable", "reachable":
		g.cond.Unreachable = verb == "unreachable"
	case "undelivered":
		g.stuck, g.cond.ForwardPending = now-d, 1
	case "delivered":
		g.stuck, g.cond.ForwardPending, g.cond.Undelivered = 0, 0, 0
	case "refuses":
		g.cond.StoreRefuses = true
	case "fills":
		g.cond.StoreFills = true
	case "stores":
		g.cond.StoreRefuses, g.cond.StoreFills = false, false
	}
	return nil
}

func optional(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > MaxDuration {
		return 0, fmt.Errorf("%q is not a time such as 30m", text)
	}
	return d, nil
}

// eventVerbs are the words of a script for kinds of events; a kind's own name is one, too.
var eventVerbs = map[string]event.Kind{
	"new": event.ConversationCreate, "visitor": event.Message, "reply": event.Message, "bot": event.Message,
	"handover": event.AssigneeChange, "status": event.StatusChange, "sla": event.SLABreached,
}

// event makes an event of a line and gives it to the rules.
func (g *stage) event(verb string, args []string) error {
	kind, ok := eventVerbs[verb]
	if !ok {
		if kind = event.Kind(verb); !kind.Valid() {
			return fmt.Errorf("%q is nothing that happens: new, visitor, reply, bot, handover, status, sla, label, note, ack, mute, press, restart …", verb)
		}
	}
	e := event.Event{Kind: kind, Type: string(kind)}
	var plain []string
	ago := time.Duration(0)
	for _, a := range args {
		key, value, named := strings.Cut(a, "=")
		if !named {
			plain = append(plain, a)
			continue
		}
		var err error
		if key == "ago" {
			ago, err = optional(value)
		} else {
			err = setField(&e, key, value)
		}
		if err != nil {
			return err
		}
	}
	if len(plain) == 0 {
		return fmt.Errorf("write: %s CONVERSATION …", verb)
	}
	e.Conversation = plain[0]
	if err := fillEvent(&e, verb, plain[1:]); err != nil {
		return err
	}
	g.take(e, ago)
	return nil
}

// fillEvent reads the words after the conversation.
func fillEvent(e *event.Event, verb string, words []string) error {
	word := func(n int, otherwise string) string {
		if n < len(words) && words[n] != "" {
			return words[n]
		}
		return otherwise
	}
	most := 0
	switch verb {
	case "new", "handover":
		most = 2
		a, err := actorWord(word(0, event.ActorBot), word(1, ""))
		if err != nil {
			return err
		}
		e.Assignee = a
		if verb == "new" {
			e.Status = event.Open
		}
	case "visitor", "bot":
		most = 1
		e.Author, e.MessageType = event.Actor{Kind: event.ActorVisitor}, word(0, "text")
		if verb == "bot" {
			e.Author = event.Actor{Kind: event.ActorBot, ID: event.ActorBot}
		}
	case "reply":
		most = 2
		a, err := actorWord(event.ActorUser, word(0, "somebody"))
		if err != nil {
			return err
		}
		e.Author, e.MessageType = *a, word(1, "text")
	case "status":
		most = 1
		e.Status = event.Status(word(0, ""))
		if e.Status != event.Open && e.Status != event.Closed {
			return errors.New("write: status CONVERSATION open|closed")
		}
	case "label":
		most = len(words)
		e.Labels = append([]string{}, words...)
	}
	if len(words) > most {
		return fmt.Errorf("%q is too much", words[most])
	}
	return nil
}

// actorWord is who a script names: a kind, and an e-mail, an id or a team's name.
func actorWord(kind, who string) (*event.Actor, error) {
	if !slices.Contains([]string{event.ActorBot, event.ActorUser, event.ActorTeam, event.ActorNone, event.ActorUnknown}, kind) {
		return nil, fmt.Errorf("%q is none of bot, user, team, none, unknown", kind)
	}
	a := &event.Actor{Kind: kind}
	switch {
	case strings.Contains(who, "@"):
		a.Email, a.ID = who, who
	case who != "":
		a.ID, a.Name = who, who
	case kind != event.ActorNone:
		a.ID = kind
	}
	return a, nil
}

// setField gives an event one of the values that a script names.
func setField(e *event.Event, key, value string) error {
	switch key {
	case "account":
		e.Account = value
	case "bot":
		e.Bot = value
	case "channel":
		e.Channel = value
	case "title":
		e.Title = value
	case "team":
		e.Team = event.Team{ID: value, Name: value}
	case "type":
		e.Type = value
	default:
		return fmt.Errorf("%q is none of account, bot, channel, title, team, type, ago", key)
	}
	return nil
}
