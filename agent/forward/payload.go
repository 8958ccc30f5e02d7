package forward

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"deskbell/agent/event"
	"deskbell/storage"
)

// A buffer is where one goroutine makes its payloads: a connection copies what
// it is given.
type buffer []byte

// keepBuffer is how large a buffer may be between two events.
const keepBuffer = 64 << 10

// payload makes the bytes that are sent for one event. They share memory with b
// or with r.Data.
func (f *Forwarder) payload(r storage.Record, e event.Event, b *buffer) []byte {
	data := r.Data
	switch f.config.Data {
	case Redacted:
		data = event.Redact(data, f.config.Redact)
	case None:
		data = nil
	}
	if f.config.Format == Raw {
		if data == nil {
			return []byte("{}")
		}
		return data
	}
	made := cloudEvent((*b)[:0], f.config.Device, r, e, data, f.delayed(r))
	if *b = made; cap(made) > keepBuffer {
		*b = nil
	}
	return made
}

// delayed says that an event comes later than it should: 30 s after it was
// accepted, or from before this start.
func (f *Forwarder) delayed(r storage.Record) bool {
	return r.Sequence <= f.log.StartSequence() || f.log.Elapsed()-r.Elapsed > late
}

// cloudEvent appends to b an event in the JSON form of CloudEvents 1.0
// (cloudevents.io, JSON event format, section 3). data is embedded as it is;
// nil leaves it out. What is not JSON, which the webhook does not take but a
// store of other origin may hold, goes as data_base64 (section 3.1.1).
func cloudEvent(b []byte, device string, r storage.Record, e event.Event, data []byte, delayed bool) []byte {
	b = slices.Grow(b, len(data)+448+len(device)+len(e.Type)+len(e.Conversation))
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = hex.AppendEncode(b, r.ID[:])
	b = append(b, `","source":"/account/`...)
	b = append(b, segment(e.Account)...)
	b = append(b, `/bot/`...)
	b = append(b, segment(e.Bot)...)
	b = append(b, `","type":`...)
	if e.Type == "" {
		b = append(b, `"unknown"`...)
	} else {
		b = appendString(b, e.Type)
	}
	if e.Conversation != "" {
		b = append(b, `,"subject":`...)
		b = appendString(b, e.Conversation)
	}
	b = appendTime(b, `,"time":"`, e.Time)
	b = append(b, `,"kind":`...)
	b = appendString(b, string(e.Kind))
	b = append(b, `,"device":`...)
	b = appendString(b, device)
	b = append(b, `,"logsequence":`...)
	b = strconv.AppendUint(b, r.Sequence, 10)
	b = appendTime(b, `,"receivedtime":"`, r.Received)
	b = append(b, `,"delayed":`...)
	b = strconv.AppendBool(b, delayed)
	switch {
	case data == nil:
	case isJSON(e, data):
		b = append(b, `,"datacontenttype":"application/json","data":`...)
		b = append(b, data...)
	default:
		b = append(b, `,"datacontenttype":"application/octet-stream","data_base64":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, data), '"')
	}
	return append(b, '}')
}

// isJSON says whether data may be embedded. Where the decoder has found a type
// it has read all of it, so that most events need no second look.
func isJSON(e event.Event, data []byte) bool {
	return e.Type != "" || json.Valid(data) && utf8.Valid(data)
}

// segment makes one part of the path of a URI of an id, which is a number as
// far as is known.
func segment(id string) string {
	if id == "" {
		return unknown
	}
	for i := range len(id) {
		if c := id[i]; c < '0' || c > '9' {
			return url.PathEscape(id)
		}
	}
	return id
}

// appendTime writes a member with a time by RFC 3339, which knows the years 0
// to 9999; otherwise nothing.
func appendTime(b []byte, member string, t time.Time) []byte {
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return b
	}
	b = append(b, member...)
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendString writes s as a JSON string.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
