package agent

import (
	"errors"
	"time"

	"deskbell/agent/admin"
	"deskbell/agent/indicator"
	"deskbell/storage"
)

// reasons is of how many events it is kept why outputs showed what they did: not so many that a small store is full of them.
func (c Config) reasons() int {
	return int(min(indicator.MaxReasons, int64(c.Storage.MaxSize)/64/indicator.MaxReason))
}

// explainer is what knows why: the indicator, or what is left of one.
type explainer interface {
	Why(sequence uint64) (indicator.Explanation, error)
	LastSound() (indicator.Sound, bool)
}

// reasoner tells what an explainer knows in the words of the API.
type reasoner struct{ explainer }

// Reasons says why outputs showed what they did at an event. One that has just been stored is on its way to the rules.
func (f *face) Reasons(sequence uint64) admin.Reasons {
	for late := time.After(time.Second); ; {
		changed := f.Changed()
		if _, err := f.rooms.indicator.Why(sequence); !errors.Is(err, indicator.ErrNotYet) {
			return reasoner{f.rooms.indicator}.Reasons(sequence)
		}
		select {
		case <-changed:
		case <-late:
			return reasoner{f.rooms.indicator}.Reasons(sequence)
		}
	}
}

// LastSound is the newest sound that time made.
func (f *face) LastSound() (admin.Sound, bool) { return reasoner{f.rooms.indicator}.LastSound() }

// Reasons reads in the store of a stopped agent why outputs showed what they did. c is the configuration that it ran with.
func Reasons(c Config, r *storage.Reader) (admin.Reasoner, error) {
	entries, err := r.Entries(deskCursor)
	if err != nil {
		return nil, err
	}
	a, err := indicator.ReadArchive(c.indication(), entries)
	if err != nil {
		return nil, err
	}
	return reasoner{a}, nil
}

func (r reasoner) Reasons(sequence uint64) admin.Reasons {
	a := admin.Reasons{Decisions: []admin.Decision{}, Sounds: []admin.Sound{}}
	x, err := r.Why(sequence)
	switch {
	case errors.Is(err, indicator.ErrNotYet):
		a.Note = "the rules have not been given this event yet: ask again, with the agent running"
		return a
	case err != nil:
		a.Note = "it is not kept any more why the outputs showed what they did then"
		return a
	}
	a.Note = x.Note
	for _, d := range x.Decisions {
		a.Decisions = append(a.Decisions, admin.Decision(d))
	}
	for _, s := range x.Sounds {
		a.Sounds = append(a.Sounds, soundOf(s))
	}
	return a
}

func (r reasoner) LastSound() (admin.Sound, bool) {
	s, ok := r.explainer.LastSound()
	return soundOf(s), ok
}

func soundOf(s indicator.Sound) admin.Sound {
	return admin.Sound{At: admin.At(s.At), Rule: s.Rule, Outputs: s.Outputs, Pattern: s.Pattern, Sequence: s.Sequence, Elapsed: s.Elapsed}
}
