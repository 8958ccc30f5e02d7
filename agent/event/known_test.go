package event

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// take reads a body as the webhook does.
func take(t *testing.T, d *Decoder, body string) []Element {
	t.Helper()
	var p Parser
	if err := p.Parse([]byte(body)); err != nil {
		t.Fatal(err)
	}
	elements, err := d.Elements(&p, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Forget()
	return elements
}

func TestAnEventThatCameIsKnown(t *testing.T) {
	d := newDecoder(t, Config{})
	for _, s := range Samples() {
		for _, e := range take(t, d, string(s.Data)) {
			if got, want := d.EventOf(e.ID, nil), d.Decode(e.Data); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: known as %+v, is %+v", s.Name, got, want)
			}
		}
	}
}

func TestEachEventOfABodyIsKnownByItsOwnIdentity(t *testing.T) {
	d := newDecoder(t, Config{})
	var body []string
	for n := range 50 {
		body = append(body, fmt.Sprintf(`{"event":{"type":"message"},"conversation":{"key":"%d"}}`, n))
	}
	elements := take(t, d, `{"events":[`+strings.Join(body, ",")+`]}`)
	for n, e := range elements {
		if got := d.EventOf(e.ID, e.Data); got.Conversation != fmt.Sprint(n) {
			t.Errorf("event %d is known as %+v", n, got)
		}
	}
}

func TestAnEventWhosePlaceAnotherTookIsDecodedAgain(t *testing.T) {
	d := newDecoder(t, Config{})
	var elements []Element
	for n := range 3 * knownEvents {
		elements = append(elements, take(t, d, fmt.Sprintf(`{"events":[{"conversation":{"key":"%d"}}]}`, n))...)
	}
	for n, e := range elements {
		if got := d.EventOf(e.ID, e.Data); got.Conversation != fmt.Sprint(n) {
			t.Fatalf("event %d is taken for %+v", n, got)
		}
	}
}

func TestALargeEventIsNotKept(t *testing.T) {
	d := newDecoder(t, Config{})
	e := take(t, d, `{"events":[{"conversation":{"key":"`+strings.Repeat("x", knownBytes)+`"}}]}`)[0]
	if got := d.EventOf(e.ID, nil); got.Conversation != "" {
		t.Errorf("%d bytes of it are kept", len(got.Conversation))
	}
	if got := d.EventOf(e.ID, e.Data); len(got.Conversation) != knownBytes {
		t.Errorf("its conversation has %d bytes", len(got.Conversation))
	}
}

func TestAnEventThatCannotBeDecodedIsTakenAllTheSame(t *testing.T) {
	d := newDecoder(t, Config{})
	d.zone = nil // package time panics
	const element = `{"timestamp":"2023-08-29 04:27:48"}`
	elements := take(t, d, `{"events":[{"n":1},`+element+`,{"n":2}]}`)
	if len(elements) != 3 || !bytes.Equal(elements[1].Data, []byte(element)) {
		t.Errorf("%d elements", len(elements))
	}
}
