package indicator

import (
	"hash/crc32"
	"strings"
	"time"

	"deskbell/agent/desk"
)

// outcome is what became of a rule, of an event or on an output.
type outcome uint8

const (
	holds     outcome = iota // the state holds the rule
	matched                  // the event began the rule's signal
	coalesced                // the event joined a signal that is there already
	late                     // the event is too old to make a signal
	elsewhere                // the rule does not count the event's conversation
	unlike                   // the rule's `when` is not true
	won                      // the output shows what the rule asks
	outranked                // an earlier rule has the output, or a hand
	muted                    // the rule is silenced on the output
	quiet
)

// recorder keeps why outputs show what they do: for events at which a rule was asked or an output changed, and for sounds that
// time alone made. While events are taken it keeps no more than numbers; words are made when they are written, which is at most
// once a second. What it keeps names rules and outputs, and nothing of a guest.
type recorder struct {
	*core
	wall    func() time.Time        // zero: the clock is not set
	driver  func(output int) string // what an output is beside well, in a word; nil: nobody knows
	rules   uint32                  // what tells these rules from others
	slots   []slot                  // by sequence, modulo their number
	stale   []string                // entries that nobody reads any more
	dirty   []int                   // slots that are to be written
	sounds  [soundSlots]soundMemory // by number, modulo
	number  uint64                  // of the newest sound
	unsaved bool                    // a sound is to be written
	heard   heard
	hears   bool     // heard is to be written
	latest  []uint64 // by rule: the newest event that fed its signal

	// Of the events and the time since the last settle.
	timed *uint64  // not nil: it is the time that makes something happen; the event that the conversation's wait began with
	asked []judged // what became of rules
	spans []span   // which of asked is of which event
	mark  int      // where the event that is taken begins

	before []shown // what outputs showed
	held   []bool  // by rule: whether it held
}

// judged is what became of a rule.
type judged struct {
	rule int32
	what outcome
}

// span is one event.
type span struct {
	sequence uint64
	from, to int // of asked
}

// slot holds one event; of another that shares it, the newer is kept.
type slot struct {
	sequence uint64 // 0: none
	dirty    bool
	asked    []judged
	look     *look
	data     []byte // as it is written, of a slot without a look
}

// look is how the outputs stood after the rules were looked at, for all events that were taken together.
type look struct {
	holds   []int32 // rules
	outputs []outputLook
}

type outputLook struct {
	pattern string
	hand    string // what has it that is no rule: handSet, handTest, overQuiet
	asks    []judged
}

// What stands above the rules.
const (
	handSet  = "set by hand"
	handTest = "test"
)

// soundSlots is how many sounds that time made are kept.
const soundSlots = 64

func newRecorder(k *core, c Config) *recorder {
	n := len(k.engine.rules)
	r := &recorder{core: k, slots: make([]slot, max(0, c.Reasons)), latest: make([]uint64, n), held: make([]bool, n)}
	r.wall = func() time.Time {
		if c.ClockSet != nil && !c.ClockSet() {
			return time.Time{}
		}
		if c.Now == nil {
			return time.Now()
		}
		return c.Now()
	}
	for i := range k.engine.rules {
		r.rules = crc32.Update(r.rules, crc32.IEEETable, []byte(k.engine.rules[i].String()+"\n"))
	}
	if len(r.slots) > 0 {
		k.engine.listen = r.judge
	}
	return r
}

func (r *recorder) judge(rule int, what outcome) {
	switch {
	case what != matched && what != coalesced:
	case r.timed != nil:
		r.latest[rule] = *r.timed
	}
	if r.timed == nil {
		r.asked = append(r.asked, judged{int32(rule), what})
	}
}

// begin and end go around an event.
func (r *recorder) begin() { r.mark = len(r.asked) }

func (r *recorder) end(sequence uint64, did bool) {
	if len(r.slots) == 0 {
		return
	}
	if r.heard.From == 0 {
		r.heard.From = sequence
	}
	r.heard.To, r.hears = sequence, true
	for _, a := range r.asked[r.mark:] {
		if a.what == matched || a.what == coalesced {
			r.latest[a.rule] = sequence
		}
	}
	if did || len(r.asked) > r.mark {
		r.spans = append(r.spans, span{sequence, r.mark, len(r.asked)})
	}
}

// settle is told what the outputs show now.
func (r *recorder) settle(list []shown, now time.Duration) {
	if len(r.slots) == 0 {
		return
	}
	changed := r.turns(list)
	r.listenTo(list, now)
	var l *look
	for _, s := range r.spans {
		if s.from == s.to && !changed {
			continue // it says nothing to any rule
		}
		if l == nil {
			l = r.look(list, now)
		}
		r.keep(s, l)
	}
	r.before, r.asked, r.spans = list, r.asked[:0], r.spans[:0]
}

// turns reports whether an output shows something else than before, or a rule holds that did not.
func (r *recorder) turns(list []shown) bool {
	changed := len(r.before) == 0
	for o := range r.before {
		changed = changed || list[o].pattern != r.before[o].pattern || list[o].reason != r.before[o].reason
	}
	for i := range r.held {
		if h := r.engine.held[i].holds; h != r.held[i] {
			r.held[i], changed = h, true
		}
	}
	return changed
}

// look asks each rule once more what it wants of each output.
func (r *recorder) look(list []shown, now time.Duration) *look {
	e, l := r.engine, &look{outputs: make([]outputLook, len(list))}
	for i, held := range r.held {
		if held {
			l.holds = append(l.holds, int32(i))
		}
	}
	var never deadline // what they would do by time alone is known already
	for o := range list {
		to := &l.outputs[o]
		to.pattern = list[o].pattern
		switch {
		case e.test[o].at(now, &never) != nil:
			to.hand = handTest
		case e.set[o].at(now, &never) != nil && strings.HasPrefix(list[o].reason, handSet):
			to.hand = handSet
		case list[o].reason == overQuiet:
			to.hand = overQuiet
		}
		taken := to.hand != ""
		for i := range e.rules {
			asked, ok := e.asks(i, o, now, &never)
			if !ok {
				continue
			}
			what := outranked
			switch why := e.silenced(&e.rules[i], o); {
			case why == "muted":
				what = muted
			case why != "":
				what = quiet
			case e.covered(o, &asked):
				what = coalesced
			case !taken:
				what, taken = won, true
			}
			to.asks = append(to.asks, judged{int32(i), what})
		}
	}
	return l
}

// keep puts an event into its slot.
func (r *recorder) keep(s span, l *look) {
	at := int(s.sequence % uint64(len(r.slots)))
	to := &r.slots[at]
	if to.sequence > s.sequence {
		return
	}
	if !to.dirty {
		r.dirty = append(r.dirty, at)
	}
	*to = slot{sequence: s.sequence, dirty: true, asked: append(to.asked[:0], r.asked[s.from:s.to]...), look: l}
}

// listenTo finds the sounds that begin now and that no event of this moment made.
func (r *recorder) listenTo(list []shown, now time.Duration) {
	for o := range list {
		s := &list[o]
		if !r.engine.outputs[o].sounds() || !lit(s.play) || len(r.before) > 0 && !s.replaces(r.before[o]) {
			continue
		}
		if len(r.before) == 0 && s.from != now {
			continue // it goes on from an earlier life
		}
		if s.reason == overQuiet {
			_, _, sequence, _ := r.desk.Oldest(r.group(r.engine.quiet.waiting[o]), desk.Waiting)
			r.sound(overQuiet, sequence, o, s.pattern, now)
		} else if rule := r.winner(list, o, now); rule >= 0 && !r.madeBy(rule) {
			r.sound(r.engine.rules[rule].Name, r.guest(rule), o, s.pattern, now)
		}
	}
}

// winner is the rule that an output shows, or -1.
func (r *recorder) winner(list []shown, o int, now time.Duration) int {
	for _, a := range r.look(list, now).outputs[o].asks {
		if a.what == won {
			return int(a.rule)
		}
	}
	return -1
}

// madeBy reports whether an event of this moment fed a rule's signal.
func (r *recorder) madeBy(rule int) bool {
	for _, a := range r.asked {
		if int(a.rule) == rule && a.what == matched {
			return true
		}
	}
	return false
}

// sound keeps a sound: of which rule, and for the guest of which event.
func (r *recorder) sound(name string, guest uint64, output int, pattern string, now time.Duration) {
	r.unsaved = true
	to := r.engine.outputs[output].Name
	last := &r.sounds[r.number%soundSlots]
	if r.number > 0 && last.Rule == name && last.At == now { // on several outputs
		last.Outputs, last.dirty = append(last.Outputs, to), true
		return
	}
	r.number++
	r.sounds[r.number%soundSlots] = soundMemory{
		Number: r.number, At: now, Wall: unixOf(r.wall()), Rule: name, Outputs: []string{to}, Pattern: pattern, Sequence: guest, dirty: true,
	}
}

// guest is the event that the wait of the guest began with for whom a rule shows something, or that made its signal; 0: it is
// not known.
func (r *recorder) guest(rule int) uint64 {
	e := &r.engine.rules[rule]
	if len(e.On) > 0 {
		return r.latest[rule]
	}
	if e.while == nil {
		return 0
	}
	for _, c := range classes {
		if e.while.uses&c.uses != 0 {
			if _, _, sequence, ok := r.desk.Oldest(r.group(e.group), c.of); ok {
				return sequence
			}
		}
	}
	return 0
}

func unixOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
