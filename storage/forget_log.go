package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// patience is how long events wait for a store that is written anew, before they
// are refused.
const patience = 5 * time.Second

// Forget is the function Forget while the store is in use. Whoever uses a cursor
// has to forget what m.Entry matches before, or writes it again. Nothing is
// stored meanwhile: what has waited for 5 s is answered ErrBroken. When ctx ends
// the store stays as it is, or, at the very end, it is done all the same. Errors:
// ErrDamaged where something cannot be read, ErrNoSpace, ErrFull, ErrBroken,
// ErrClosed or ctx's.
func (l *Log) Forget(ctx context.Context, m Match) (Forgotten, error) {
	f := &forgetting{ctx: ctx, match: m}
	r := l.request(nil)
	r.forget = f
	l.mu.Lock()
	l.touch() // there is a commit before it, which sees to the file's name, too
	err := l.submit(r)
	l.mu.Unlock()
	if err == nil {
		err = l.wait(ctx, r)
	}
	if err != nil {
		return Forgotten{}, fmt.Errorf("forget in store %s: %w", l.path, err)
	}
	return f.found, nil
}

// Forgets counts the calls of Forget that have changed the store. Who has read
// records before such a change asks Get again whether they are still there.
func (l *Log) Forgets() uint64 { return l.forgets.Load() }

// forget goes on with a file without what f matches. All that was saved before
// is in the file.
func (w *writer) forget(f *forgetting) error {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()
	w.mu.Lock()
	w.positions()
	f.slowest = w.delivered
	w.mu.Unlock()
	began, before := time.Now(), w.handle.Load()
	err := w.rebuild(ctx, func(v value) bool {
		keep := f.keep(v)
		if time.Since(began) > patience {
			w.turnAway(fmt.Errorf("%w: it is being written anew", ErrBroken))
		}
		return keep
	})
	if w.handle.Load() != before {
		w.forgets.Add(1)
	}
	switch {
	case errors.Is(err, context.Canceled) && f.ctx.Err() == nil:
		return ErrClosed
	case err != nil:
		return err
	}
	w.made, w.since = time.Now(), 0
	w.forgetItems(f)
	w.options.Log.Info("store was written anew, to forget", "store", w.path, "events", f.found.Records, "undelivered", f.found.Undelivered)
	w.options.Changed()
	return nil
}

// forgetItems takes out what lists are still to be given.
func (w *writer) forgetItems(f *forgetting) {
	if f.match.Item == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, li := range w.lists {
		left := slices.DeleteFunc(li.pending, func(it item) bool { return f.match.Item(name, it.data) })
		f.found.Items += len(li.pending) - len(left)
		li.pending = left
	}
}

// turnAway answers all that wait to have events stored.
func (w *writer) turnAway(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = slices.DeleteFunc(w.queue, func(r *request) bool {
		if r.entries == nil {
			return false
		}
		r.err = err
		r.done <- struct{}{}
		return true
	})
}
