package gpio

import "time"

// Press is one press of a button, told once.
type Press struct {
	Input string
	Held  bool          // it lasted HoldFor, and may last still; never where there is nothing to hold for
	Short bool          // it lasted less than MinPress and is to do nothing
	For   time.Duration // how long it has lasted so far
	At    time.Time     // when that was found
}

// stuckAfter is how long a button may be pressed before that is a problem.
const stuckAfter = 10 * time.Minute

// lostAfter is how long an edge may be on its way: a line that is released without one is looked at again after this.
const lostAfter = 250 * time.Millisecond

// button turns the changes of a line into presses. It is pure: it is told the time, that of a change being the kernel's. With a
// debounce of its own it takes a level only once that has lasted so long, which moves both ends of a press and leaves its length.
type button struct {
	config   InputConfig
	debounce time.Duration // 0: the changes come without bounces

	level   bool // of the line, bounces included; true: pressed
	levelAt time.Time
	pressed bool // what counts
	since   time.Time
	spent   bool      // this press was told, or does not count
	stuck   bool      // it has lasted for stuckAfter
	doubted time.Time // the line read as released then, without an edge; zero: it did not
}

// claim begins with the level of a line that was just claimed. A press that began before that is nobody's: it was there
// before the program was, or while another one had the line.
func (b *button) claim(pressed bool, now time.Time) {
	*b = button{config: b.config, debounce: b.debounce}
	b.level, b.levelAt = pressed, now
	b.pressed, b.since, b.spent = pressed, now, pressed
}

// change takes a change of the line and returns the press that ended with it, if one did.
func (b *button) change(pressed bool, at time.Time) (p Press, ok bool) {
	p, ok = b.settle(at)
	if pressed != b.level {
		b.level, b.levelAt = pressed, at
	}
	if !ok {
		p, ok = b.settle(at)
	}
	return p, ok
}

// settle takes the line's level for the button's, once it has lasted.
func (b *button) settle(now time.Time) (Press, bool) {
	at := b.levelAt.Add(b.debounce)
	if b.level == b.pressed || now.Before(at) {
		return Press{}, false
	}
	lasted, spent := at.Sub(b.since), b.spent
	b.pressed, b.since = b.level, at
	b.spent, b.stuck, b.doubted = false, false, time.Time{}
	if b.pressed || spent {
		return Press{}, false
	}
	return b.press(lasted, now), true
}

func (b *button) press(lasted time.Duration, now time.Time) Press {
	return Press{
		Input: b.config.Name, For: lasted, At: now, Short: lasted < b.config.MinPress,
		Held: b.config.Hold && lasted >= max(b.config.HoldFor, b.config.MinPress),
	}
}

// due is how long a press lasts when it counts without being over.
func (b *button) due() time.Duration {
	if b.config.Hold {
		return max(b.config.HoldFor, b.config.MinPress)
	}
	return b.config.MinPress
}

// advance returns the press that counts by now though the button may be held still, if there is one. reads is the line itself:
// where it reads as released the edge is on its way, and if none comes it was lost, and the press with it.
func (b *button) advance(now time.Time, reads func() bool) (p Press, ok bool) {
	if p, ok = b.settle(now); ok || !b.pressed {
		return p, ok
	}
	lasted := now.Sub(b.since)
	counts, stuck := !b.spent && lasted >= b.due(), !b.stuck && lasted >= stuckAfter
	if !counts && !stuck {
		return Press{}, false
	}
	if !reads() {
		if b.doubted.IsZero() {
			b.doubted = now
		} else if now.Sub(b.doubted) >= lostAfter {
			b.claim(false, now)
		}
		return Press{}, false
	}
	b.doubted = time.Time{}
	b.stuck = b.stuck || stuck
	if counts {
		b.spent = true
		return b.press(lasted, now), true
	}
	return Press{}, false
}

// next is when advance is to be called; zero: not before the next change.
func (b *button) next() (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if b.level != b.pressed {
		sooner(b.levelAt.Add(b.debounce))
	}
	switch {
	case !b.pressed:
	case !b.doubted.IsZero():
		sooner(b.doubted.Add(lostAfter))
	default:
		if !b.spent {
			sooner(b.since.Add(b.due()))
		}
		if !b.stuck {
			sooner(b.since.Add(stuckAfter))
		}
	}
	return at
}
