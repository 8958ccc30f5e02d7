package indicator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deskbell/gpio"
)

// The names of the engine's entries beside the cursor; those of the desk are its own.
const (
	muteEntry  = "mute"
	quietEntry = "quiet"
	setEntry   = "set/"  // an output's name follows
	ruleEntry  = "rule/" // a rule's name follows
)

// setMemory is a standing pattern as it is kept.
type setMemory struct {
	Pattern     string
	From, Until time.Duration
}

// setUntil has an output show a pattern above all rules; it stands until the time, or for 0 until it is taken away.
func (e *engine) setUntil(o int, p gpio.Pattern, now, until time.Duration) {
	e.set[o] = standing{pattern: p, from: now, until: until}
	e.dirty[setEntry+e.outputs[o].Name] = true
}

// take gives an output back to the rules.
func (e *engine) take(o int) {
	if e.set[o].pattern.Steps != nil {
		e.set[o] = standing{}
		e.dirty[setEntry+e.outputs[o].Name] = true
	}
}

// muteUntil silences the sounding outputs; 0 ends that.
func (e *engine) muteUntil(now, until time.Duration) {
	e.mute = muting{}
	if until != 0 {
		e.mute = muting{From: now, Until: until}
		if t, set := e.clock(); set {
			e.mute.Wall = t.Add(until - now).Round(time.Second).Unix()
		}
	}
	e.dirty[muteEntry] = true
}

// unmute ends a mute in its time. One that began before this start ends by the wall clock, too: the store's clock stands still
// while the box is switched off and nobody can tell it for how long.
func (e *engine) unmute(now time.Duration, next *deadline) {
	m := &e.mute
	if m.Until == 0 {
		return
	}
	left := m.Until - now
	if m.again && m.Wall != 0 {
		if t, set := e.clock(); set {
			left = min(left, time.Unix(m.Wall, 0).Sub(t))
		}
		if left > quietEvery {
			next.by(now + quietEvery) // the clock may be set, or jump
		}
	}
	if left <= 0 {
		*m = muting{}
		e.dirty[muteEntry] = true
		return
	}
	next.by(now + left)
}

// entries returns what changed since its last call and adds it to put, which may be nil.
func (e *engine) entries(put map[string][]byte) map[string][]byte {
	if len(e.dirty) == 0 {
		return put
	}
	if put == nil {
		put = map[string][]byte{}
	}
	if e.dirty[muteEntry] {
		put[muteEntry] = nil
		if e.mute.Until != 0 {
			put[muteEntry] = pack(e.mute)
		}
	}
	if e.dirty[quietEntry] {
		put[quietEntry] = e.quiet.memory(e.outputs)
	}
	for o, output := range e.outputs {
		if name := setEntry + output.Name; e.dirty[name] {
			put[name] = nil
			if s := e.set[o]; s.pattern.Steps != nil {
				put[name] = pack(setMemory{s.pattern.Name, s.from, s.until})
			}
		}
	}
	for i := range e.rules {
		if name := e.rules[i].entry; e.dirty[name] {
			put[name] = pack(e.fired[i])
		}
	}
	clear(e.dirty)
	return put
}

// restore takes over what entries gave out, as far as it still concerns an output or a rule. The rest is deleted. The error
// names the entries that could not be read.
func (e *engine) restore(entries map[string][]byte, now time.Duration) error {
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if !e.restoreOne(name, entries[name], now) {
			bad = append(bad, fmt.Sprintf("%.40q", name))
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("read the indicator's entries %s", strings.Join(bad[:min(len(bad), 3)], ", "))
	}
	return nil
}

func (e *engine) restoreOne(name string, data []byte, now time.Duration) bool {
	switch {
	case name == muteEntry:
		var m muting
		if json.Unmarshal(data, &m) != nil || !sane(m.From, now) || m.Until < 0 {
			return false
		}
		if m.Until > now {
			e.mute, e.mute.again = m, true
		}
	case name == quietEntry:
		return e.restoreQuiet(data)
	case strings.HasPrefix(name, setEntry):
		o := e.output(strings.TrimPrefix(name, setEntry))
		if o < 0 {
			return true
		}
		var m setMemory
		if json.Unmarshal(data, &m) != nil || !sane(m.From, now) || m.Until < 0 {
			return false
		}
		p, ok := e.byHand(o, m.Pattern, m.Until != 0)
		if !ok {
			return false
		}
		if m.Until == 0 || m.Until > now {
			e.set[o] = standing{pattern: p, from: m.From, until: m.Until}
		}
	case strings.HasPrefix(name, ruleEntry):
		i := slices.IndexFunc(e.rules, func(r rule) bool { return r.entry == name })
		if i < 0 || len(e.rules[i].On) == 0 || e.rules[i].For == 0 {
			return true
		}
		var f fired
		if json.Unmarshal(data, &f) != nil || !sane(f.First, now) || !sane(f.Last, now) || f.Count < 0 {
			return false
		}
		e.fired[i] = f
	}
	return true
}

// sane: nothing that is remembered happened in the future.
func sane(at, now time.Duration) bool { return at >= 0 && at <= now }

func pack(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of numbers and strings
	}
	return data
}

func (e *engine) output(name string) int {
	return slices.IndexFunc(e.outputs, func(o Output) bool { return o.Name == name })
}
