package indicator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deskbell/gpio"
)

// Input is one button.
type Input struct {
	Name string
	Lock bool // its presses do nothing, until that is switched
}

// Errors of the buttons.
var (
	// ErrUnknownInput: no input of that name is configured.
	ErrUnknownInput = errors.New("unknown input")
	// ErrLocked: the input is locked; its press did nothing.
	ErrLocked = errors.New("locked")
	// ErrTooLate: the press had to wait so long that it might concern guests whom nobody has seen; it did nothing.
	ErrTooLate = errors.New("too late")
)

// The actions of a button.
const (
	Acknowledge = "acknowledge"
	Mute        = "mute"
	Test        = "test"
)

// Action is what a press does.
type Action struct {
	Does string        // Acknowledge, Mute or Test
	For  time.Duration // of Mute
}

// MuteAtMost bounds what a button mutes: whoever passes by must not silence a desk for days.
const MuteAtMost = 12 * time.Hour

// ParseAction reads an action as it is written: "acknowledge", "mute 30m" or "test".
func ParseAction(s string) (Action, error) {
	words := strings.Fields(s)
	switch {
	case len(words) == 1 && (words[0] == Acknowledge || words[0] == Test):
		return Action{Does: words[0]}, nil
	case len(words) != 2 || words[0] != Mute:
		return Action{}, fmt.Errorf("%q is none of acknowledge, mute DURATION (such as \"mute 30m\"), test", s)
	}
	d, err := time.ParseDuration(words[1])
	if err != nil || d <= 0 {
		return Action{}, fmt.Errorf("%q is not a duration: write it like \"mute 30m\"", words[1])
	}
	if d > MuteAtMost {
		return Action{}, fmt.Errorf("a button mutes for at most %s, not %s", short(MuteAtMost), short(d))
	}
	return Action{Does: Mute, For: d}, nil
}

// String is the form that ParseAction reads.
func (a Action) String() string {
	if a.Does == Mute {
		return Mute + " " + short(a.For)
	}
	return a.Does
}

// pressWaits is how long a press may wait for a disk that hangs.
const pressWaits = 2 * time.Second

// Input does what a press of a button asks for, and answers with a flash on every light at once, before anything is written.
// What it does is durable on return; errors as of Acknowledge, and ErrUnknownInput, ErrLocked, ErrTooLate.
func (i *Indicator) Input(ctx context.Context, name string, a Action) error {
	i.mu.Lock()
	locked, err := i.core.locks.of(name)
	if err == nil && locked {
		err = fmt.Errorf("press %s: %w", name, ErrLocked)
	}
	if err != nil {
		i.mu.Unlock()
		return err
	}
	pressed := i.source.Elapsed()
	i.core.engine.answerAt(pressed)
	if a.Does == Test {
		i.core.testAll(pressed)
	}
	waits := i.core.desk.Facts()
	changed, _ := i.decide(pressed)
	i.play()
	i.mu.Unlock()
	if changed {
		i.changed()
	}
	i.Poke()

	var do func(now time.Duration)
	switch a.Does {
	case Acknowledge:
		if waits.Waiting+waits.Acknowledged == 0 {
			return nil // nothing to write: a child at the button does not wear out the disk
		}
		do = func(now time.Duration) { i.core.desk.Acknowledge(now) }
	case Mute:
		if do, err = i.core.mute(a.For); err != nil {
			return err
		}
	default:
		return nil
	}
	late := false
	err = i.command(ctx, a.Does, func(now time.Duration) {
		if late = now-pressed > pressWaits; !late {
			do(now)
		}
	})
	if late {
		return fmt.Errorf("press %s: %w", name, ErrTooLate)
	}
	return err
}

// Lock locks a button or unlocks it. That outlives a restart, unless what is configured changes meanwhile. Durable on return and
// errors as of Acknowledge, and ErrUnknownInput.
func (i *Indicator) Lock(ctx context.Context, name string, locked bool) error {
	if _, err := i.core.locks.of(name); err != nil { // the names never change
		return err
	}
	return i.command(ctx, "lock", func(time.Duration) { i.core.locks.set(name, locked) })
}

// Locked says whether a button is locked.
func (i *Indicator) Locked(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	locked, err := i.core.locks.of(name)
	return err == nil && locked
}

// testAll shows on every output the pattern that suits it.
func (c *core) testAll(now time.Duration) {
	for _, o := range c.engine.outputs {
		_ = c.test(o.Name, "", 0, now) // of these it refuses none
	}
}

// answerAt has every light answer a press. A relay does not: what hangs on it would clatter.
func (e *engine) answerAt(now time.Duration) { e.pressed, e.answers = now, true }

// answer is the flash that answers a press, above all that a light shows. What people are told it shows stays the same.
func (e *engine) answer(o int, s *shown, now time.Duration, next *deadline) {
	if e.answers && e.outputs[o].Kind == gpio.Light {
		s.flash(e.pressed, now, next)
	}
}

// lockEntry is where a lock that was switched is kept; an input's name follows.
const lockEntry = "lock/"

// locks are the locks of the buttons.
type locks []lock

type lock struct {
	Input
	locked, changed bool
}

// lockMemory is a lock as it is kept. It holds as long as Configured is what is configured: who changes the configuration
// wants what is written there.
type lockMemory struct{ Locked, Configured bool }

func newLocks(inputs []Input) (list locks) {
	for _, in := range inputs {
		list = append(list, lock{Input: in, locked: in.Lock})
	}
	return list
}

func (l locks) of(name string) (bool, error) {
	n := slices.IndexFunc(l, func(k lock) bool { return k.Name == name })
	if n < 0 {
		return false, fmt.Errorf("%w %q", ErrUnknownInput, name)
	}
	return l[n].locked, nil
}

func (l locks) set(name string, locked bool) {
	for n := range l {
		if l[n].Name == name {
			l[n].locked, l[n].changed = locked, true
		}
	}
}

// entries adds what changed since the last call to put, which may be nil.
func (l locks) entries(put map[string][]byte) map[string][]byte {
	for n := range l {
		k := &l[n]
		if !k.changed {
			continue
		}
		if put == nil {
			put = map[string][]byte{}
		}
		k.changed = false
		put[lockEntry+k.Name] = nil
		if k.locked != k.Lock {
			put[lockEntry+k.Name] = pack(lockMemory{k.locked, k.Lock})
		}
	}
	return put
}

// restore takes over what entries gave out. A lock that cannot be read is as configured.
func (l locks) restore(entries map[string][]byte) error {
	var bad []string
	for n := range l {
		data, ok := entries[lockEntry+l[n].Name]
		if !ok {
			continue
		}
		var m lockMemory
		if json.Unmarshal(data, &m) != nil {
			bad = append(bad, fmt.Sprintf("%.40q", l[n].Name))
		} else if m.Configured == l[n].Lock {
			l[n].locked = m.Locked
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("read the locks of the buttons %s", strings.Join(bad, ", "))
	}
	return nil
}
