package load

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"deskbell/agent/event"
)

// conversations is how many each lane has: like a few guests who write at once.
const conversations = 4

// A text makes the events of one ledger: the platform's documented samples in
// turn, 810 bytes a body on average, each with a conversation of its lane, a
// time that grows, and a mark that no other event in the world has. What an
// event looks like follows from lane and number alone, so it need not be kept.
type text struct {
	run   string   // 10 hex digits
	heads [][]byte // of the samples: all before the conversation, which ends each of them
	epoch time.Time
}

func newText() *text {
	t := &text{epoch: time.Now().UTC()}
	var run [5]byte
	_, _ = rand.Read(run[:]) // never fails
	t.run = hex.EncodeToString(run[:])
	for _, s := range event.Samples() {
		head, _, found := bytes.Cut(s.Data, []byte(`"conversation": {`))
		_, head, list := bytes.Cut(head, []byte("["))
		if !found || !list {
			panic("sample " + s.Name + " is not as it was") // it is part of the program
		}
		t.heads = append(t.heads, head)
	}
	// The longest one is the first. With two of it the mean is the platform's.
	t.heads = append(t.heads, t.heads[0])
	return t
}

// appendEvent appends one event, an element of `events`, made larger by pad
// bytes.
func (t *text) appendEvent(b []byte, lane, number, pad int) []byte {
	b = append(b, t.heads[number%len(t.heads)]...)
	conversation := lane*conversations + number%conversations
	b = append(b, `"conversation": {"key": "`...)
	b = append(b, t.run...)
	b = appendPadded(b, conversation, 32)
	b = append(b, `", "id": `...)
	b = strconv.AppendInt(b, int64(7525695+conversation), 10)
	b = append(b, `}, "account": {"key": "VGYh5KEUxnaS043726528180Llb9R8pe", "id": 476, "bot": {"id": 8861}}, "visitor": {"key": "`...)
	b = t.appendMark(b, lane, number)
	b = append(b, `", "id": 826373}, "timestamp": "`...)
	b = t.epoch.Add(time.Duration(number)*100*time.Microsecond).AppendFormat(b, "2006-01-02 15:04:05.000000")
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
