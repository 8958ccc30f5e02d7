package indicator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The names of the recorder's entries; a slot's number follows.
const (
	whyEntry   = "why/"
	soundEntry = "sound/"
	heardEntry = "heard" // no number
)

// MaxReasons is of how many events reasons are kept at most, MaxReason how large those of one are, in bytes.
const (
	MaxReasons = 512
	MaxReason  = 1 << 10
)

// reason is what is written of an event. Rules and outputs go by name, as another configuration may read it.
type reason struct {
	Sequence uint64         `json:"s"`
	Rules    uint32         `json:"v"`           // what tells the rules from others
	Names    []string       `json:"n,omitempty"` // of rules; the others know them by their places here
	Asked    []int          `json:"r,omitempty"` // place*16 + outcome
	Outputs  []outputReason `json:"o,omitempty"`
	Cut      bool           `json:"c,omitempty"` // not all of it is here
}

type outputReason struct {
	Name    string `json:"o"`
	Pattern string `json:"p"`
	Hand    string `json:"h,omitempty"` // what stands above the rules
	Driver  string `json:"d,omitempty"`
	Asks    []int  `json:"r,omitempty"` // place*16 + outcome
}

// soundMemory is a sound that time made.
type soundMemory struct {
	Number   uint64        `json:"i"`
	At       time.Duration `json:"t"`           // the store's clock
	Wall     int64         `json:"w,omitempty"` // Unix time in ms; 0: the clock was not set
	Rule     string        `json:"r"`
	Outputs  []string      `json:"o"`
	Pattern  string        `json:"p"`
	Sequence uint64        `json:"s,omitempty"` // see recorder.guest
	dirty    bool
}

// heard is of which events reasons are kept at all: the first and the last. Of one between them that has no slot it is known that
// it did nothing; an earlier one came when nobody kept reasons, as before an upgrade, or when there was another number of slots.
type heard struct {
	From uint64 `json:"f"` // 0: of none
	To   uint64 `json:"t"`
}

// name is a rule's, as it is written.
func (r *recorder) name(rule int32) string { return cutRunes(r.engine.rules[rule].Name, 60) }

func cutRunes(s string, most int) string {
	if list := []rune(s); len(list) > most {
		return string(list[:most])
	}
	return s
}

// write makes what is written of a slot. What does not fit is left out, what matters least first.
func (r *recorder) write(s *slot) []byte {
	w := reason{Sequence: s.sequence, Rules: r.rules}
	place := func(rule int32, what outcome) int {
		name := r.name(rule)
		at := slices.Index(w.Names, name)
		if at < 0 {
			at, w.Names = len(w.Names), append(w.Names, name)
		}
		return at<<4 | int(what)
	}
	for _, a := range s.asked {
		w.Asked = append(w.Asked, place(a.rule, a.what))
	}
	for o, l := range s.look.outputs {
		if len(l.asks) == 0 && l.hand == "" {
			continue
		}
		to := outputReason{Name: r.engine.outputs[o].Name, Pattern: l.pattern, Hand: l.hand}
		if r.driver != nil {
			to.Driver = r.driver(o)
		}
		for _, a := range l.asks {
			to.Asks = append(to.Asks, place(a.rule, a.what))
		}
		w.Outputs = append(w.Outputs, to)
	}
	for _, i := range s.look.holds {
		w.Asked = append(w.Asked, place(i, holds))
	}
	data := pack(w)
	w.Cut = len(data) > MaxReason
	for n := len(w.Outputs); len(data) > MaxReason && n > 0; data = pack(w) {
		n--
		w.Outputs[n].Asks = slices.DeleteFunc(w.Outputs[n].Asks, func(c int) bool { return outcome(c&15) == outranked })
	}
	for len(data) > MaxReason {
		switch {
		case len(w.Outputs) > 0:
			w.Outputs = w.Outputs[:len(w.Outputs)-1]
		case len(w.Asked) > 0:
			w.Asked, w.Names = w.Asked[:len(w.Asked)/2], w.Names[:(len(w.Names)+1)/2]
		default:
			return nil
		}
		data = pack(w)
	}
	return data
}

// entries adds what is new since the last call to put, which may be nil.
func (r *recorder) entries(put map[string][]byte) map[string][]byte {
	add := func(name string, data []byte) {
		if put == nil {
			put = map[string][]byte{}
		}
		put[name] = data
	}
	for _, at := range r.dirty {
		s := &r.slots[at]
		s.data, s.look, s.dirty = r.write(s), nil, false
		add(whyEntry+strconv.Itoa(at), s.data)
	}
	r.dirty = r.dirty[:0]
	for _, name := range r.stale {
		add(name, nil)
	}
	r.stale, r.unsaved = nil, false
	if r.hears {
		r.hears = false
		add(heardEntry, pack(r.heard))
	}
	for at := range r.sounds {
		if s := &r.sounds[at]; s.dirty {
			s.dirty = false
			add(soundEntry+strconv.Itoa(at), pack(s))
		}
	}
	return put
}

// restore takes over what entries gave out. What cannot be read is left out: nothing depends on it.
func (r *recorder) restore(entries map[string][]byte) error {
	bad := 0
	if data, ok := entries[heardEntry]; ok && json.Unmarshal(data, &r.heard) != nil {
		bad++
	}
	for name, data := range entries {
		if at, ok := strings.CutPrefix(name, soundEntry); ok {
			var s soundMemory
			n, err := strconv.Atoi(at)
			if err != nil || json.Unmarshal(data, &s) != nil || n != int(s.Number%soundSlots) {
				bad++
				continue
			}
			r.sounds[n] = s
			r.number = max(r.number, s.Number)
		}
		at, ok := strings.CutPrefix(name, whyEntry)
		if !ok {
			continue
		}
		var w reason
		if json.Unmarshal(data, &w) != nil {
			bad++
			continue
		}
		n := uint64(0)
		if len(r.slots) > 0 {
			n = w.Sequence % uint64(len(r.slots))
		}
		if len(r.slots) == 0 || at != strconv.FormatUint(n, 10) { // there was another number of slots
			r.stale = append(r.stale, name)
			continue
		}
		r.slots[n] = slot{sequence: w.Sequence, data: data}
	}
	if len(r.stale) > 0 {
		r.heard = heard{}
	}
	if bad > 0 {
		return fmt.Errorf("read %d reasons of what was shown", bad)
	}
	return nil
}

// Errors of Why.
var (
	// ErrNotKept: it is not kept any more why outputs showed what they did at that event.
	ErrNotKept = errors.New("not kept any more")
	// ErrNotYet: the rules have not been given that event yet.
	ErrNotYet = errors.New("not looked at yet")
)

// find returns what is kept of an event; ok is false where no rule was asked and nothing changed.
func (r *recorder) find(sequence uint64) (w reason, ok bool, err error) {
	if len(r.slots) == 0 {
		return w, false, ErrNotKept
	}
	s := &r.slots[sequence%uint64(len(r.slots))]
	switch {
	case s.sequence > sequence:
		return w, false, ErrNotKept
	case s.sequence == sequence:
	case sequence < r.heard.From || r.heard.From == 0:
		return w, false, ErrNotKept
	case sequence > r.heard.To:
		return w, false, ErrNotYet
	default:
		return w, false, nil
	}
	data := s.data
	if s.look != nil {
		data = r.write(s)
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return w, false, ErrNotKept
	}
	return w, true, nil
}
