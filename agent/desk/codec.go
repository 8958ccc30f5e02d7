package desk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deskbell/agent/event"
)

// entryPrefix begins the name of a conversation's entry; its key follows.
const entryPrefix = "c/"

// format is the first byte of an entry. What follows is a sequence of varints and of strings with their length before them.
// Entries of format 1 are read as well: a clock had no sequence there, and of what rules see there was only the title.
const format = 2

// Entry is the name of a conversation's entry.
func Entry(conversation string) string { return entryPrefix + keyOf(conversation) }

// Dirty returns the entries that changed since its last call, nil for one that is to be deleted; nil when none did.
func (d *Desk) Dirty() map[string][]byte {
	if len(d.dirty) == 0 && len(d.gone) == 0 {
		return nil
	}
	entries := make(map[string][]byte, len(d.dirty)+len(d.gone))
	for key := range d.gone {
		entries[entryPrefix+key] = nil
	}
	for _, c := range d.dirty {
		if c.dirty {
			entries[entryPrefix+c.key] = c.encode()
			c.dirty = false
		}
	}
	clear(d.dirty)
	d.dirty = d.dirty[:0]
	clear(d.gone)
	return entries
}

// Restore takes over what Dirty gave out; entries of others are left alone. Call it once, before the first Apply. The error
// says how many could not be read; the desk is usable without them.
func (d *Desk) Restore(entries map[string][]byte) error {
	var all []*conversation
	var bad error
	n := 0
	for name, data := range entries {
		key, ours := strings.CutPrefix(name, entryPrefix)
		if !ours {
			continue
		}
		c, err := decode(key, data)
		if err != nil {
			n, bad = n+1, err
			continue
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *conversation) int {
		if a.lastAt != b.lastAt {
			return int(max(-1, min(1, a.lastAt-b.lastAt)))
		}
		return strings.Compare(a.key, b.key)
	})
	for _, c := range all {
		d.all[c.key] = c
		d.classify(c)
		d.kept += len(c.items)
		d.recount(c, &state{}, 0)
		d.place(c)
		d.recent(c)
	}
	d.bound()
	if bad != nil {
		return fmt.Errorf("read the state of %d conversations, one of them: %w", n, bad)
	}
	return nil
}

func (c *conversation) encode() []byte {
	w := writer{b: make([]byte, 0, 512), actors: []*event.Actor{nil}}
	w.b = append(w.b, format)
	w.fields(&c.fields)
	w.text(c.lastLine())
	w.order(c.lastOrder)
	w.int(int64(c.lastAt))
	w.order(c.newest)
	w.int(int64(len(c.met)))
	for _, m := range c.met {
		w.actor(m)
	}
	w.item(c.horizon)
	w.state(&c.base)
	w.int(int64(len(c.items)))
	for _, it := range c.items {
		w.item(it)
	}
	return w.b
}

func decode(key string, data []byte) (*conversation, error) {
	if len(data) == 0 || data[0] < 1 || data[0] > format {
		return nil, errors.New("its format is unknown")
	}
	r := reader{b: data[1:], format: data[0], actors: []*event.Actor{nil}}
	c := &conversation{key: key}
	c.fields = r.fields()
	c.last = r.text()
	c.lastOrder = r.order()
	c.lastAt = r.duration()
	c.newest = r.order()
	for range r.length(maxMet) {
		who := r.met()
		if who == nil {
			r.bad = true
			break
		}
		c.met = append(c.met, who)
	}
	c.horizon = r.item()
	c.base = r.state()
	c.newest = later(c.newest, c.horizon.order)
	for range r.length(maxItems) {
		it := r.item()
		if it.compare(c.horizon) <= 0 || it.what == 0 || (it.what == assigned || it.what == userSpoke) && it.who == nil {
			r.bad = true
			break
		}
		c.newest = later(c.newest, it.order)
		c.items = append(c.items, it)
	}
	if r.bad || len(r.b) > 0 || key != keyOf(key) || !slices.IsSortedFunc(c.items, item.compare) {
		return nil, errors.New("it is damaged")
	}
	c.derive()
	return c, nil
}

func later(a, b order) order {
	if b.after(a) {
		return b
	}
	return a
}
