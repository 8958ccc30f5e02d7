package indicator

import (
	"context"
	"fmt"
	"time"

	"deskbell/agent/event"
)

// Setting is what somebody asks one output to show, above all rules.
type Setting struct {
	Auto    bool          // give the output back to the rules; the rest is not looked at
	Pattern string        // a pattern's name, such as "on" or "alarm"
	For     time.Duration // 0: until Auto or the next wait_began
}

// Acknowledge suspends every wait there is. It is durable on return. An error says that it may not outlive a restart; until
// then it holds all the same. It waits for the disk, until ctx ends.
func (i *Indicator) Acknowledge(ctx context.Context) error {
	return i.command(ctx, "acknowledge", func(now time.Duration) {
		i.core.desk.Acknowledge(now)
	})
}

// Mute silences the sounding outputs for a time, DefaultMute when d is 0. Durable on return and errors as of Acknowledge, and
// ErrBadDuration.
func (i *Indicator) Mute(ctx context.Context, d time.Duration) error {
	do, err := i.core.mute(d)
	if err != nil {
		return err
	}
	return i.command(ctx, "mute", do)
}

// Unmute ends Mute. Durable on return and errors as of Acknowledge.
func (i *Indicator) Unmute(ctx context.Context) error {
	return i.command(ctx, "unmute", func(now time.Duration) {
		i.core.engine.muteUntil(now, 0)
	})
}

// Forget has the desk forget conversations, by their keys, and leave out the events up to a sequence that belong to whom is
// forgotten: they may have been read already. It returns how many there were. Durable on return and errors as of Acknowledge.
func (i *Indicator) Forget(ctx context.Context, conversations []string, until uint64, whose func(event.Event) bool) (n int, err error) {
	err = i.command(ctx, "forget", func(time.Duration) {
		for _, key := range conversations {
			if i.core.desk.Forget(key) {
				n++
			}
		}
		if until > i.position {
			i.leftOut = append(i.leftOut, forgotten{until, whose})
		}
	})
	return n, err
}

// Set shows a pattern on an output above all rules until its time is over, until Auto, or until somebody begins to wait. On a
// sounding output a pattern without a time sounds once, but alarm and on go on. Durable on return and errors as of
// Acknowledge; ErrUnknownOutput, ErrUnknownPattern, ErrBadDuration.
func (i *Indicator) Set(ctx context.Context, output string, s Setting) error {
	do, err := i.core.set(output, s)
	if err != nil {
		return err
	}
	return i.command(ctx, "set", do)
}

// Test shows a pattern on an output for d (DefaultTest when 0), above everything else and though it be muted, and returns as
// soon as it shows. An empty pattern is one that suits the output. Nothing is written; a restart ends it. ErrUnknownOutput,
// ErrUnknownPattern, ErrBadDuration.
func (i *Indicator) Test(_ context.Context, output, pattern string, d time.Duration) error {
	i.mu.Lock()
	now := i.source.Elapsed()
	if err := i.core.test(output, pattern, d, now); err != nil {
		i.mu.Unlock()
		return err
	}
	changed, _ := i.decide(now)
	i.play()
	i.mu.Unlock()
	if changed {
		i.changed()
	}
	i.Poke()
	return nil
}

// command does something under the lock, shows its effect, and makes it durable together with everything before it.
func (i *Indicator) command(ctx context.Context, name string, do func(now time.Duration)) error {
	select {
	case i.saving <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	defer i.Poke() // for its deadlines, and to save what the loop could not meanwhile
	defer func() { <-i.saving }()
	i.mu.Lock()
	now := i.source.Elapsed()
	do(now)
	i.listed = nil
	i.decide(now)
	i.play()
	u := i.update(now)
	i.mu.Unlock()
	i.changed()
	if err := i.cursor.Commit(ctx, u); err != nil {
		i.cursor.Save(u) // it may still become durable with what comes next
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
