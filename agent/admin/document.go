package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// chunk is how many records are read at once.
const chunk = 256

// The limits of how many events one page of events holds.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// EventItem is one event in few words. Summary is hostile text: the visitor
// wrote it.
type EventItem struct {
	Sequence     uint64     `json:"sequence"`
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	Type         string     `json:"type"`
	Received     *time.Time `json:"received"` // nil: the clock was not set
	Time         *time.Time `json:"time"`     // the platform's; nil: absent or unreadable
	Conversation string     `json:"conversation"`
	Summary      string     `json:"summary"`
}

// EventDetail is one event with its data: the element as it was received.
type EventDetail struct {
	EventItem
	Decisions []Decision      `json:"decisions"` // as of Reasons; nil: not asked for
	Data      json.RawMessage `json:"data"`
}

// EventPage is the document of GET /api/events. Next is the `after` of the page
// that follows: the last sequence looked at, or the `after` asked for when
// there was nothing after it.
type EventPage struct {
	Events []EventItem `json:"events"`
	Next   uint64      `json:"next"`
}

// RejectedPage is the document of GET /api/rejected: the last bodies that could
// not be read, and the shapes of the last requests without a right token, the
// oldest first, as the webhook remembered them.
type RejectedPage struct {
	Rejected []json.RawMessage `json:"rejected"`
	Refused  []json.RawMessage `json:"refused"`
}

// EventsDocument reads at most limit events after sequence after, of one kind
// or, when kind is empty, of all. A limit of 0 is DefaultLimit, one above
// MaxLimit is MaxLimit. It reads on until it has found enough or everything was
// looked at. When ctx ends first, it returns what was found until then together
// with ctx's error.
func EventsDocument(ctx context.Context, r Reader, d *event.Decoder, after uint64, limit int, kind string) (EventPage, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	page := EventPage{Events: []EventItem{}, Next: after}
	for len(page.Events) < limit {
		if err := ctx.Err(); err != nil {
			return page, err
		}
		records, err := r.Read(page.Next, chunk)
		if err != nil {
			return page, fmt.Errorf("read events after %d: %w", page.Next, err)
		}
		if len(records) == 0 {
			break
		}
		for _, record := range records {
			if len(page.Events) == limit {
				break
			}
			page.Next = record.Sequence
			if kind != "" && string(d.Kind(record.Data)) != kind {
				continue
			}
			page.Events = append(page.Events, item(record, d))
		}
	}
	return page, nil
}

// EventDocument reads one event. The error is an *Error with code 404 when it
// is not there.
func EventDocument(r Reader, d *event.Decoder, seq uint64) (EventDetail, error) {
	record, err := r.Get(seq)
	if errors.Is(err, storage.ErrNotFound) {
		return EventDetail{}, &Error{Code: http.StatusNotFound, err: err,
			Message: fmt.Sprintf("there is no event %d", seq), Hint: held(r.Stats())}
	}
	if err != nil {
		return EventDetail{}, fmt.Errorf("read event %d: %w", seq, err)
	}
	return EventDetail{EventItem: item(record, d), Data: jsonOf(record.Data)}, nil
}

func held(s storage.Stats) string {
	if s.Records == 0 {
		return "the store is empty"
	}
	return fmt.Sprintf("the store holds %d to %d", s.FirstSequence, s.LastSequence)
}

// RejectedDocument reads what the webhook refused.
func RejectedDocument(r Reader) (RejectedPage, error) {
	page := RejectedPage{Rejected: []json.RawMessage{}, Refused: []json.RawMessage{}}
	for name, to := range map[string]*[]json.RawMessage{"rejected": &page.Rejected, "refused": &page.Refused} {
		entries, err := r.Remembered(name)
		if err != nil {
			return page, fmt.Errorf("read the list %s: %w", name, err)
		}
		for _, data := range entries {
			*to = append(*to, jsonOf(data))
		}
	}
	return page, nil
}

// JSON returns the document with its data byte for byte as it was received;
// json.Marshal would take out white space and escape characters.
func (e EventDetail) JSON() ([]byte, error) {
	head, err := json.Marshal(e.EventItem)
	if err != nil {
		return nil, fmt.Errorf("write event %d: %w", e.Sequence, err)
	}
	body := head[:len(head)-1]
	if e.Decisions != nil {
		decisions, err := json.Marshal(e.Decisions)
		if err != nil {
			return nil, fmt.Errorf("write event %d: %w", e.Sequence, err)
		}
		body = append(append(body, `,"decisions":`...), decisions...)
	}
	body = append(body, `,"data":`...)
	return append(append(body, e.Data...), '}'), nil
}

func item(r storage.Record, d *event.Decoder) EventItem {
	e := d.Decode(r.Data)
	return EventItem{
		Sequence: r.Sequence, ID: r.ID.String(), Kind: string(e.Kind), Type: e.Type,
		Received: At(r.Received), Time: At(e.Time), Conversation: e.Conversation, Summary: d.Summary(r.Data),
	}
}

// jsonOf returns data, or data as a JSON string when it is not JSON itself.
func jsonOf(data []byte) json.RawMessage {
	if json.Valid(data) {
		return data
	}
	text, _ := json.Marshal(string(data)) // a string can always be written
	return text
}
