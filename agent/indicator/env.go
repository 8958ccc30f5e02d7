package indicator

import (
	"time"

	"deskbell/agent/event"
)

// subject is what `when`, `of` and `only` look at: an event or a conversation.
type subject struct {
	texts   [subjectTexts]string
	labels  []string
	delayed bool
}

// The texts of a subject. Of somebody there are three: who, his id after it, and his e-mail after that.
const (
	textAccount = iota
	textBot
	textChannel
	textTeam   // its name, or its id where that is not known
	textTeamID // empty where textTeam is it
	textPerson
	textTitle
	textKind
	textType
	textMessageType
	textAssignee
	textPrevious = textAssignee + len(actorParts)
	textAuthor   = textPrevious + len(actorParts)
	subjectTexts = textAuthor + len(actorParts)
)

// actorParts is what is known of somebody, in the order of a subject's texts.
var actorParts = [...]string{"kind", "id", "email"}

// is says who somebody is.
func (s *subject) is(who int, a *event.Actor) {
	s.texts[who], s.texts[who+1], s.texts[who+2] = a.Kind, a.ID, a.Email
}

// team says which team it is.
func (s *subject) team(t *event.Team) {
	switch {
	case t.Name != "":
		s.texts[textTeam], s.texts[textTeamID] = cut(t.Name), t.ID
	case t.ID != "":
		s.texts[textTeam], s.texts[textTeamID] = t.ID, ""
	}
}

// stateField is a field of state.
type stateField uint8

// The fields, those of `while` in the order of names.
const (
	fieldOpen stateField = iota
	fieldWaiting
	fieldUnanswered
	fieldUnassigned
	fieldAcknowledged
	fieldForwardPending
	fieldOldestWaiting
	fieldOldestUnanswered
	fieldLastEvent
	fieldUndelivered
	fieldMuted
	fieldQuiet
	fieldUnreachable
	fieldStoreRefuses // no written rule looks at these two
	fieldStoreFills
	stateFields
)

// state is what `while` looks at, at one moment, in a form that does not change by time alone: numbers, truths as 0 and 1, and
// of a time the moment since when by the store's clock, or never.
type state [stateFields]int64

// never is the moment of what is not there: its time is 0.
const never = -1

// age is how long a field's time is now.
func (s *state) age(f stateField, now time.Duration) time.Duration {
	if s[f] == never {
		return 0
	}
	return max(0, now-time.Duration(s[f]))
}

// differs reports whether a field that a program uses is another.
func (s *state) differs(old *state, uses uint32) bool {
	for f := range stateFields {
		if uses&(1<<f) != 0 && s[f] != old[f] {
			return true
		}
	}
	return false
}

// turns is when a program's answer may change by time alone, and when it last did so; each never where it does not.
func (p *program) turns(s *state, now time.Duration) (next, last time.Duration) {
	next, last = never, never
	for _, l := range p.limits {
		if s[l.field] == never {
			continue
		}
		switch at := time.Duration(s[l.field]) + l.age; {
		case now >= at:
			last = max(last, at)
		case next == never || at < next:
			next = at
		}
	}
	return next, last
}
