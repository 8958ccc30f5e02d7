package forward

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"deskbell/agent/event"
	"deskbell/agent/mqtt"
)

// A template makes topics: texts and placeholders in turn, a text first.
type template struct {
	texts  []string // one more than fields
	fields []string
}

// unknown stands in a topic for what an event does not say.
const unknown = "unknown"

// longest is how many bytes of a value TopicLevel leaves, and how many a topic
// may have.
const (
	longestValue = 128
	longestTopic = 65535
)

// parseTemplate reads a topic with placeholders such as {kind}, and sees to it
// that every topic made of it is one that brokers take.
func parseTemplate(s string) (template, error) {
	var t template
	length := 0
	for rest := s; ; {
		text, after, found := strings.Cut(rest, "{")
		if strings.Contains(text, "}") {
			return template{}, errors.New("a } without its {")
		}
		t.texts = append(t.texts, text)
		length += len(text)
		if !found {
			break
		}
		field, after, found := strings.Cut(after, "}")
		if !found {
			return template{}, errors.New("a { without its }")
		}
		switch field {
		case "device", "kind", "type", "account", "bot", "conversation":
		default:
			return template{}, fmt.Errorf("{%s} is none of {device} {kind} {type} {account} {bot} {conversation}", field)
		}
		t.fields = append(t.fields, field)
		length += longestValue
		rest = after
	}
	switch {
	case s == "":
		return template{}, errors.New("it is empty")
	case !utf8.ValidString(s):
		return template{}, errors.New("it is not valid UTF-8")
	case length > longestTopic:
		return template{}, fmt.Errorf("topics would have up to %d bytes; %d is the most", length, longestTopic)
	case strings.HasPrefix(s, "$"):
		return template{}, errors.New("topics that begin with $ are the broker's own")
	}
	for _, text := range t.texts {
		for _, r := range text {
			if r != '/' && mqtt.TopicLevel(string(r)) != string(r) {
				return template{}, fmt.Errorf("the character %q cannot be in a topic", r)
			}
		}
	}
	return t, nil
}

// uses says that the template has one of fields.
func (t template) uses(fields ...string) bool {
	for _, f := range t.fields {
		for _, g := range fields {
			if f == g {
				return true
			}
		}
	}
	return false
}

// topic fills the template.
func (t template) topic(device string, e event.Event) string {
	var room [256]byte // for nearly every topic
	b := append(room[:0], t.texts[0]...)
	for i, field := range t.fields {
		var value string
		switch field {
		case "device":
			value = device
		case "kind":
			value = string(e.Kind)
		case "type":
			value = e.Type
		case "account":
			value = e.Account
		case "bot":
			value = e.Bot
		case "conversation":
			value = e.Conversation
		}
		value = mqtt.TopicLevel(value)
		if value == "" {
			value = unknown
		}
		if len(b) == 0 && value[0] == '$' {
			value = "_" + value[1:]
		}
		b = append(b, value...)
		b = append(b, t.texts[i+1]...)
	}
	return string(b)
}
