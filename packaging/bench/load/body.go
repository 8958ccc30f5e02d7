package load

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"deskbell/agent/event"
)

// A text makes the events of one ledger: some kinds in turn, each with a
// conversation of its lane, a time that grows, and a mark that no other event in
// the world has. What an event looks like follows from lane and number alone, so
// it need not be kept.
type text struct {
	run           string        // 10 hex digits
	heads         [][]byte      // all of an event before its conversation
	conversations int           // of each lane
	epoch         time.Time     // of the first event
	step          time.Duration // to the next
}

func newText(heads [][]byte, conversations int, step time.Duration) *text {
	t := &text{heads: heads, conversations: conversations, epoch: time.Now().UTC(), step: step}
	var run [5]byte
	_, _ = rand.Read(run[:]) // never fails
	t.run = hex.EncodeToString(run[:])
	return t
}

// samples are the platform's documented ones: 810 bytes a body on average, with
// a few guests who write at once.
func samples() *text {
	var heads [][]byte
	for _, s := range event.Samples() {
		head, _, found := bytes.Cut(s.Data, []byte(`"conversation": {`))
		_, head, list := bytes.Cut(head, []byte("["))
		if !found || !list {
			panic("sample " + s.Name + " is not as it was") // it is part of the program
		}
		heads = append(heads, head)
	}
	// The longest one is the first. With two of it the mean is the platform's.
	return newText(append(heads, heads[0]), 4, 100*time.Microsecond)
}

// handovers are a guest who is handed over from one person to the next, each of
// whom answers: every event begins or ends a wait. The answers come late enough
// not to be the platform's own greeting.
func handovers() *text {
	var heads [][]byte
	for _, person := range []string{`{"type": "user", "id": "7", "email": "anna@example.com"}`, `{"type": "user", "id": "8", "email": "ben@example.com"}`} {
		heads = append(heads,
			[]byte(`{"event": {"type": "assignee_change", "payload": {"assigned_to_user": `+person+`}}, `),
			[]byte(`{"event": {"type": "message", "payload": {"message_by": `+person+`, "message": {"type": "text", "text": "How can I help?"}}}, `))
	}
	t := newText(heads, 1, 2*time.Second)
	t.epoch = t.epoch.Add(-24 * time.Hour) // none is from the future
	return t
}

// appendEvent appends one event, an element of `events`, made larger by pad
// bytes.
func (t *text) appendEvent(b []byte, lane, number, pad int) []byte {
	b = append(b, t.heads[number%len(t.heads)]...)
	conversation := lane*t.conversations + number%t.conversations
	b = append(b, `"conversation": {"key": "`...)
	b = append(b, t.run...)
	b = appendPadded(b, conversation, 32)
	b = append(b, `", "id": `...)
	b = strconv.AppendInt(b, int64(7525695+conversation), 10)
	b = append(b, `}, "account": {"key": "VGYh5KEUxnaS043726528180Llb9R8pe", "id": 476, "bot": {"id": 8861}}, "visitor": {"key": "`...)
	b = t.appendMark(b, lane, number)
	b = append(b, `", "id": 826373}, "timestamp": "`...)
	b = t.epoch.Add(time.Duration(number)*t.step).AppendFormat(b, "2006-01-02 15:04:05.000000")
	if pad > 0 {
		b = append(b, `", "pad": "`...)
		for range pad {
			b = append(b, byte('a'+number%26))
		}
	}
	return append(b, `"}`...)
}

// appendBody appends a whole body with n events, or, bare, the events alone, a
// line each.
func (t *text) appendBody(b []byte, lane, number, n, pad int, bare bool) []byte {
	separator := ", "
	if bare {
		separator = "\n"
	} else {
		b = append(b, `{"events": [`...)
	}
	for i := range n {
		if i > 0 {
			b = append(b, separator...)
		}
		b = t.appendEvent(b, lane, number+i, pad)
	}
	if bare {
		return b
	}
	return append(b, `]}`...)
}

// A mark is as long as the visitor's key that it stands for: "mark", the run,
// the lane in 8 digits and the number in 10.
const (
	markStart   = "mark"
	laneDigits  = 8
	countDigits = 10
)

func (t *text) appendMark(b []byte, lane, number int) []byte {
	b = append(b, markStart...)
	b = append(b, t.run...)
	b = appendPadded(b, lane, laneDigits)
	return appendPadded(b, number, countDigits)
}

// marks calls f for each mark of this run that is in payload.
func (t *text) marks(payload []byte, f func(lane, number int)) {
	for {
		i := bytes.Index(payload, []byte(markStart+t.run))
		if i < 0 {
			return
		}
		payload = payload[i+len(markStart)+len(t.run):]
		if len(payload) < laneDigits+countDigits {
			return
		}
		lane, err := strconv.Atoi(string(payload[:laneDigits]))
		number, err2 := strconv.Atoi(string(payload[laneDigits : laneDigits+countDigits]))
		if err == nil && err2 == nil {
			f(lane, number)
		}
	}
}

// appendPadded appends v, which is not negative, with zeros before it.
func appendPadded(b []byte, v, width int) []byte {
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; v > 0; i, v = i-1, v/10 {
		b[i] += byte(v % 10)
	}
	return b
}
