package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"deskbell/agent/admin"
	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/agent/webhook"
	"deskbell/storage"
)

// Somebody is whom Forget forgets: a conversation or a visitor, by the key that
// the platform has for it.
type Somebody struct{ Conversation, Visitor string }

// Forget removes what the store of a stopped agent holds about somebody. check
// is that of Options. Errors are those of storage.OpenReader and storage.Forget.
func Forget(ctx context.Context, c Config, who Somebody, check func(ctx context.Context, path string) error) (admin.Forgotten, error) {
	d, err := event.NewDecoder(c.Events())
	if err != nil {
		return admin.Forgotten{}, err
	}
	m := remember(d, who)
	if who.Visitor != "" {
		if err := check(ctx, filepath.Join(c.DataDir, "deskbell.db")); err != nil {
			return admin.Forgotten{}, err
		}
		r, err := storage.OpenReader(c.DataDir)
		if err != nil {
			return admin.Forgotten{}, err
		}
		if err := errors.Join(m.find(ctx, r), r.Close()); err != nil {
			return admin.Forgotten{}, err
		}
	}
	f, err := storage.Forget(ctx, c.DataDir, storage.Match{Record: m.record, Entry: m.entry, Item: m.item}, check)
	if err != nil {
		return admin.Forgotten{}, err
	}
	return m.report(c.DataDir, f)
}

// Forget removes what is kept about somebody: of what came until now. The desk
// goes first, or it would write its own memory back.
func (f *face) Forget(ctx context.Context, conversation, visitor string) (admin.Forgotten, error) {
	store := f.rooms.store
	m := remember(f.agent.decoder, Somebody{conversation, visitor})
	m.until = store.Stats().LastSequence
	if err := m.find(ctx, store); err != nil {
		return admin.Forgotten{}, err
	}
	known, err := f.rooms.indicator.Forget(ctx, slices.Collect(maps.Keys(m.keys)), m.until, m.whose)
	if err != nil {
		return admin.Forgotten{}, err
	}
	found, err := store.Forget(ctx, storage.Match{Record: m.record, Item: m.item})
	if err != nil {
		return admin.Forgotten{}, err
	}
	found.Items += known
	return m.report(f.agent.config.DataDir, found)
}

// memory is what the store holds about somebody.
type memory struct {
	decoder *event.Decoder
	who     Somebody
	keys    map[string]bool // of conversations
	until   uint64          // the newest event that may be removed
}

func remember(d *event.Decoder, who Somebody) *memory {
	m := &memory{decoder: d, who: who, keys: map[string]bool{}, until: math.MaxUint64}
	if who.Conversation != "" {
		m.keys[who.Conversation] = true
	}
	return m
}

// report says what was removed.
func (m *memory) report(dir string, f storage.Forgotten) (admin.Forgotten, error) {
	damaged, err := filepath.Glob(filepath.Join(dir, "deskbell.db.damaged-*"))
	if err != nil {
		return admin.Forgotten{}, fmt.Errorf("look for damaged stores: %w", err)
	}
	return admin.Forgotten{
		Conversations: len(m.keys), Events: f.Records, Undelivered: f.Undelivered, Others: f.Items, Damaged: append([]string{}, damaged...),
	}, nil
}

// find finds the conversations of a visitor: not every event of one names who
// it is with.
func (m *memory) find(ctx context.Context, r interface {
	Read(after uint64, max int) ([]storage.Record, error)
}) error {
	if m.who.Visitor == "" {
		return nil
	}
	const some = 256
	for after := uint64(0); after < m.until && ctx.Err() == nil; {
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
	return r.Sequence <= m.until && m.whose(m.decoder.Decode(r.Data))
}

func (m *memory) whose(e event.Event) bool {
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
