package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A store that cannot be written is mended at once, then after mendSoon, then
// every mendLater. Tries are counted anew once it has held for mendLater.
const (
	mendSoon  = 5 * time.Second
	mendLater = 5 * time.Minute
)

// A trouble is why the store cannot be written.
type trouble struct {
	cause  error
	since  time.Time
	tries  int
	next   time.Time // when it is mended
	failed error     // why it could not be, the last time
	mended time.Time
}

// breaks has no commit made any more, and the file mended. It returns what
// callers are told.
func (w *writer) breaks(cause error) error {
	w.mu.Lock()
	t := &w.trouble
	known := w.broken != nil
	if !known {
		t.cause, t.since, t.failed = cause, time.Now(), nil
		if time.Since(t.mended) > mendLater {
			t.tries = 0
		}
		w.broken = fmt.Errorf("%w: %w", ErrBroken, cause)
		w.mendAfter(t.pause())
	}
	err := w.broken
	w.mu.Unlock()
	if !known {
		w.options.Log.Error("store cannot be written: no events are taken until it is mended", "store", w.path, "error", cause)
		w.options.Changed()
	}
	return err
}

// pause is how long to wait for the next try.
func (t *trouble) pause() time.Duration {
	switch t.tries {
	case 0:
		return 0
	case 1:
		return mendSoon
	}
	return mendLater
}

// mendAfter sets the timer; the caller holds the lock.
func (w *writer) mendAfter(pause time.Duration) {
	w.trouble.next = time.Now().Add(pause)
	w.armed = time.Time{} // nothing else is waited for
	w.arm(pause)
}

// mend has the log go on with a file made of what can be read of the one that
// failed. What could not be synced is not known to be on the disk, nor what the
// disk holds in its place; and of the new file all is known to be there.
func (w *writer) mend() {
	w.mu.Lock()
	w.trouble.tries++
	w.mu.Unlock()
	dir := filepath.Dir(w.path)
	report, aside, err := w.salvage(dir)
	w.mu.Lock()
	t := &w.trouble
	same := t.failed != nil && err != nil && t.failed.Error() == err.Error()
	t.failed = err
	if err != nil {
		w.mendAfter(t.pause())
	} else {
		t.mended, w.broken = time.Now(), nil
		if aside != "" {
			w.problems.opening = fmt.Sprintf("the store was damaged: %d events were saved, %d places could not be read, and at most %d events that were not delivered are lost; "+
				"the damaged file is %s: look at the disk or card, and remove that file when you do not need it any more", report.Records, report.Places, report.Missing, aside)
		}
		w.problems.damaged = make(map[uint64]bool)
		for _, c := range w.cursors {
			c.begun = c.begun || !c.spec.Delivers && slices.Contains(report.Begun, c.spec.Name)
		}
	}
	pause := t.pause()
	w.mu.Unlock()
	switch {
	case err == nil:
		w.options.Log.Info("store is mended", "store", w.path, "events", report.Records, "unreadable", report.Places, "kept", aside)
	case !same:
		w.options.Log.Error("store could not be mended", "store", w.path, "again in", pause, "error", err)
	}
	w.assess()
	w.options.Changed()
}

// salvage makes the new file and swaps it in. Its error means that the old one
// is still in use, or that the new one may not have its name durably.
func (w *writer) salvage(dir string) (report Report, aside string, err error) {
	fresh := filepath.Join(dir, newName)
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return report, "", err
	}
	salvage := w.options.Salvage
	if salvage == nil {
		salvage = Salvage
	}
	if report, err = salvage(w.ctx, w.path, fresh, w.size.max/100*85); err == nil {
		err = w.swap(fresh, func() (err error) {
			aside, _, err = takeOver(dir, !report.Whole())
			return err
		})
	}
	if err != nil {
		_ = os.Remove(fresh) // it may be as large as the store
	}
	return report, aside, err
}

// explainBroken says why, since when, and when it is mended; the caller holds the
// lock.
func (l *Log) explainBroken() string {
	t, now := &l.writer.trouble, l.options.Now()
	at := func(m time.Time) string { return now.Add(time.Until(m)).Format(time.TimeOnly) }
	text := fmt.Sprintf("%v, since %s: no events are taken; it is mended by itself", l.broken, at(t.since))
	if t.failed != nil {
		text = fmt.Sprintf("%s, but the last time that failed (%v), and is tried again at %s", text, t.failed, at(t.next))
	}
	return text + ": look at the disk or card"
}
