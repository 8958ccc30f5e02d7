package forward

import (
	"strings"
	"testing"

	"deskbell/agent/event"
)

func TestTopics(t *testing.T) {
	e := event.Event{Kind: event.Message, Type: "message", Account: "7", Bot: "8861", Conversation: "a/b+c#d"}
	for _, tt := range []struct {
		name, template string
		event          event.Event
		want           string
	}{
		{"the one by default", DefaultTopic, e, "deskbell/desk/event/message"},
		{"every placeholder", "{device}/{kind}/{type}/{account}/{bot}/{conversation}", e, "desk/message/message/7/8861/a_b_c_d"},
		{"none", "events", e, "events"},
		{"two in one level", "x{account}-{bot}y", e, "x7-8861y"},
		{"what an event does not say", "{type}/{account}/{bot}/{conversation}", event.Event{}, "unknown/unknown/unknown/unknown"},
		{"a long value is cut", "{conversation}", event.Event{Conversation: strings.Repeat("é", 1000)}, strings.Repeat("é", 64)},
		{"a value cannot make a topic of the broker", "{conversation}/x", event.Event{Conversation: "$SYS"}, "_SYS/x"},
		{"elsewhere it stays", "x/{conversation}", event.Event{Conversation: "$SYS"}, "x/$SYS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template, err := parseTemplate(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if got := template.topic("desk", tt.event); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		want   string // "": it works
	}{
		{"nothing is given", Config{}, ""},
		{"an unknown placeholder", Config{Topic: "x/{sequence}"}, "topic: {sequence} is none of"},
		{"a placeholder without its end", Config{Topic: "x/{kind"}, "topic: a { without its }"},
		{"an end without its placeholder", Config{Topic: "x/kind}"}, "topic: a } without its {"},
		{"a wildcard", Config{Topic: "x/+/{kind}"}, "topic: the character '+' cannot be in a topic"},
		{"a control character", Config{Topic: "x\ty"}, `topic: the character '\t' cannot be in a topic`},
		{"no Unicode", Config{Topic: "x\xff"}, "topic: it is not valid UTF-8"},
		{"a topic of the broker", Config{Topic: "$SYS/x"}, "topic: topics that begin with $"},
		{"a topic that would be too long", Config{Topic: strings.Repeat("x", 65500) + "{kind}"}, "topic: topics would have up to 65628 bytes"},
		{"an unknown format", Config{Format: "xml"}, `format: "xml" is neither`},
		{"an unknown amount", Config{Data: "half"}, `data: "half" is none of`},
		{"an unknown kind", Config{Only: []string{"mesage"}}, `only: "mesage" is not a kind`},
		{"an unknown kind to leave out", Config{Except: []string{"x"}}, `except: "x" is not a kind`},
		{"no window", Config{Window: -1}, "window: -1 is not between"},
		{"too large a window", Config{Window: 70000}, "window: 70000 is not between"},
		{"several faults", Config{Topic: "#", Format: "xml"}, `format: "xml"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.config.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			m := newMemory()
			if _, newErr := New(tt.config, m, m, decoder(t), nil, nil, quiet()); (newErr == nil) != (err == nil) {
				t.Errorf("New says %v, Validate %v", newErr, err)
			}
		})
	}
}
