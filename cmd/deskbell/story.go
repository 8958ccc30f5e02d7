package main

import (
	"context"
	"encoding/json"
	"time"
)

// scene is one event of a story.
type scene struct {
	told string // what happens, for people
	kind string // the platform's event type
	load map[string]any
}

// asksForPerson is told of the scene that rings.
const asksForPerson = "the guest asks for a person"

type object = map[string]any

var (
	storyBot    = object{"type": "bot", "id": "1", "email": "bot@example.com"}
	storyPerson = object{"type": "user", "id": "7", "email": "anna@example.com"}
)

// handover is the story that deskbell exists for.
func handover() []scene {
	return []scene{
		{"a guest opens a chat, with the bot", "conversation_create", object{
			"title": "A guest in the lobby", "assigned_to_user": storyBot, "is_closed": 0,
			"variables": []object{{"type": "text", "name": "global_channel_name", "value": "WEB"}},
		}},
		{asksForPerson, "assignee_change", object{"assigned_to_user": nil}},
		{"anna takes the chat", "assignee_change", object{"assigned_to_user": storyPerson}},
		{"anna answers", "message", text(storyPerson, "Good morning, how can I help?")},
		{"the chat is closed", "status_change", object{"status": "closed"}},
	}
}

func text(by object, said string) object {
	return object{"message_by": by, "message": object{"type": "text", "text": said}}
}

// body is the scene as the platform would post it.
func (s scene) body(conversation string, at time.Time) []byte {
	b, err := json.Marshal(object{"events": []object{{
		"event":        object{"type": s.kind, "payload": s.load},
		"conversation": object{"key": conversation, "id": 1},
		"account":      object{"key": "demo", "id": 1, "bot": object{"id": 1}},
		"visitor":      object{"key": "guest", "id": 1},
		"timestamp":    at.UTC().Format(platformTime),
	}}})
	if err != nil {
		panic(err) // maps of strings and numbers can be marshalled
	}
	return b
}

// tellStory posts the hand-over story, pace between its events, and tells of
// each how long the answer took.
func tellStory(ctx context.Context, pace time.Duration, p *poster, tell func(what string, took time.Duration) error) error {
	conversation, at := newKey(), time.Now()
	for i, s := range handover() {
		if i > 0 {
			// An answer within a second of the hand-over is the platform's own
			// greeting, so the story's clock goes on even where nobody waits.
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pace):
			}
			at = at.Add(1500 * time.Millisecond)
			if now := time.Now(); now.After(at) {
				at = now
			}
		}
		took, err := p.deliver(ctx, s.body(conversation, at))
		if err != nil {
			return err
		}
		if err := tell(s.told, took); err != nil {
			return err
		}
	}
	return nil
}
