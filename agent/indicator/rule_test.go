package indicator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWrongRules(t *testing.T) {
	_, faults := newEngine(Config{Outputs: lampAndBuzzer, Rules: []Rule{{Name: "a", While: "open > 0", Show: show("bell", "on")}, {Name: "b", While: "open > 0", Show: show(Lights, "waltz")}}})
	err := errors.Join(faults...)
	if !errors.Is(err, ErrUnknownOutput) || !errors.Is(err, ErrUnknownPattern) || !strings.Contains(fmt.Sprint(err), `rule "b"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestBuiltin(t *testing.T) {
	want := []string{
		"somebody waits: while waiting > 0, lights pulse",
		"a person is asked for: on wait_began, sounds chirp",
		"still waiting: while oldest_waiting > \"2m\", sounds double, every 1m",
		"visitor spoke last: while oldest_unanswered > \"3m\", lights pulse",
		"acknowledged: while acknowledged > 0, lights on",
		"SLA breached: on sla_breached, lights fast, sounds double, for 10s",
		"assignee changed: on assignee_change, lights double, for 3s",
		"new conversation: on conversation_create, lights blink, for 5s",
		"nothing reaches us: while unreachable, lights triple, every 1m",
		"nothing is delivered: while undelivered > \"15m\", lights triple, every 1m",
	}
	var got []string
	for _, r := range Builtin() {
		got = append(got, r.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the rules are\n%s", strings.Join(got, "\n"))
	}
}
