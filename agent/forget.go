package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/agent/webhook"
	"deskbell/storage"
)

// Somebody is whom Forget forgets: a conversation or a visitor, by the key that
// the platform has for it.
type Somebody struct{ Conversation, Visitor string }

// Forgotten says what Forget has removed.
type Forgotten struct {
	Conversations int      `json:"conversations"`
	Events        int      `json:"events"`
	Undelivered   int      `json:"undelivered"` // of these, not sent to every broker
	Others        int      `json:"others"`      // conversations of the desk, and bodies that were refused
	Damaged       []string `json:"damaged"`     // files beside the store, which may hold something still
}

// Forget removes what the store of a stopped agent holds about somebody. check
// is that of Options. Errors are those of storage.OpenReader and storage.Forget.
func Forget(ctx context.Context, c Config, who Somebody, check func(ctx context.Context, path string) error) (Forgotten, error) {
	d, err := event.NewDecoder(c.Events())
	if err != nil {
		return Forgotten{}, err
	}
	m := memory{decoder: d, who: who, keys: map[string]bool{}}
	if who.Conversation != "" {
		m.keys[who.Conversation] = true
	}
	if err := m.find(ctx, c.DataDir, check); err != nil {
		return Forgotten{}, err
	}
	f, err := storage.Forget(ctx, c.DataDir, storage.Match{Record: m.record, Entry: m.entry, Item: m.item}, check)
	if err != nil {
		return Forgotten{}, err
	}
	damaged, err := filepath.Glob(filepath.Join(c.DataDir, "deskbell.db.damaged-*"))
	if err != nil {
		return Forgotten{}, fmt.Errorf("look for damaged stores: %w", err)
	}
	return Forgotten{len(m.keys), f.Records, f.Undelivered, f.Items, append([]string{}, damaged...)}, nil
}

// memory is what the store holds about somebody.
type memory struct {
	decoder *event.Decoder
	who     Somebody
	keys    map[string]bool // of conversations
}

// find finds the conversations of a visitor: not every event of one names who
// it is with.
func (m *memory) find(ctx context.Context, dir string, check func(ctx context.Context, path string) error) error {
	if m.who.Visitor == "" {
		return nil
	}
	if err := check(ctx, filepath.Join(dir, "deskbell.db")); err != nil {
		return err
	}
	r, err := storage.OpenReader(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	const some = 256
	for after := uint64(0); ctx.Err() == nil; {
		records, err := r.Read(after, some)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, rec := range records {
			after = rec.Sequence
			if e := m.decoder.Decode(rec.Data); e.Visitor == m.who.Visitor && e.Conversation != "" {
				m.keys[e.Conversation] = true
			}
		}
	}
	return ctx.Err()
}

func (m *memory) record(r storage.Record) bool {
	e := m.decoder.Decode(r.Data)
	return m.keys[e.Conversation] || m.who.Visitor != "" && e.Visitor == m.who.Visitor
}

func (m *memory) entry(cursor, name string) bool {
	if cursor != deskCursor {
		return false
	}
	for key := range m.keys {
		if name == desk.Entry(key) {
			return true
		}
	}
	return false
}

// item says whether a body that was refused names somebody.
func (m *memory) item(list string, data []byte) bool {
	var r webhook.Rejected
	if list != webhook.ListRejected || json.Unmarshal(data, &r) != nil {
		return false
	}
	names := func(key string) bool {
		quoted, _ := json.Marshal(key) // a string can always be written
		return key != "" && (bytes.Contains(r.Body, []byte(key)) || bytes.Contains(r.Body, []byte(strings.Trim(string(quoted), `"`))))
	}
	for key := range m.keys {
		if names(key) {
			return true
		}
	}
	return names(m.who.Visitor)
}
