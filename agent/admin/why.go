package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/event"
	"deskbell/storage"
)

// Decision is what became of one rule: at an event, or on an output.
type Decision struct {
	Rule    string `json:"rule"`              // empty: the output was set by hand
	Output  string `json:"output,omitempty"`  // empty: what the event did to the rule
	Outcome string `json:"outcome"`           // matched, not matched, coalesced, delayed; of an output: shown, outranked, muted, quiet hours …
	Pattern string `json:"pattern,omitempty"` // of an output that shows it
	Detail  string `json:"detail,omitempty"`  // why, for people
}

// Sound is a sound that no event made but time, as for a guest who waits still.
type Sound struct {
	At       *time.Time `json:"at"` // nil: the clock was not set
	Rule     string     `json:"rule"`
	Outputs  []string   `json:"outputs"`
	Pattern  string     `json:"pattern"`
	Sequence uint64     `json:"sequence,omitempty"` // the event that the wait of the guest began with who waits longest

	Elapsed time.Duration `json:"-"` // the store's clock
}

// Reasons say why outputs showed what they did.
type Reasons struct {
	Decisions []Decision `json:"decisions"`      // what an event did to each rule, then what the outputs made of it
	Sounds    []Sound    `json:"sounds"`         // that time made because of the event, the oldest first
	Note      string     `json:"note,omitempty"` // what else there is to say, for people
}

// Reasoner knows why outputs showed what they did: a running agent, or what one has left behind.
type Reasoner interface {
	// Reasons are those of an event. Where they are not known, the note says so. It waits at most a second, until the rules have
	// been given an event that has just come.
	Reasons(sequence uint64) Reasons
	// LastSound is the newest sound that time made; false: there is none.
	LastSound() (Sound, bool)
}

// Why is the document of GET /api/why: of an event, or of a sound that time made.
type Why struct {
	Event *EventItem `json:"event"` // nil: the sound's guest is not known, or the event is not kept any more
	Sound *Sound     `json:"sound,omitempty"`
	Reasons
}

// lookBack is how many events that are there no more are passed on the way to the newest that is.
const lookBack = 1000

// WhyDocument explains an event; for a sequence of 0 the newest event, or the sound that time made after it. The error is an
// *Error with code 404 where there is no such event.
func WhyDocument(r Reader, d *event.Decoder, of Reasoner, sequence uint64) (Why, error) {
	if sequence == 0 {
		last := r.Stats().LastSequence
		record, err := r.Get(last)
		for n := 0; n < lookBack && last > 1 && errors.Is(err, storage.ErrNotFound); n++ { // it was forgotten
			last--
			record, err = r.Get(last)
		}
		s, ok := of.LastSound()
		if ok && (err != nil || s.Elapsed > record.Elapsed) {
			return whyOfSound(r, d, s), nil
		}
		if sequence = last; last == 0 {
			return Why{}, &Error{Code: http.StatusNotFound, err: storage.ErrNotFound, Message: "there is no event yet"}
		}
	}
	detail, err := EventDocument(r, d, sequence)
	if err != nil {
		return Why{}, err
	}
	return Why{Event: &detail.EventItem, Reasons: of.Reasons(sequence)}, nil
}

func whyOfSound(r Reader, d *event.Decoder, s Sound) Why {
	w := Why{Sound: &s, Reasons: Reasons{Decisions: []Decision{{Rule: s.Rule, Outcome: "matched"}}, Sounds: []Sound{}}}
	for _, o := range s.Outputs {
		w.Decisions = append(w.Decisions, Decision{Rule: s.Rule, Output: o, Outcome: "shown", Pattern: s.Pattern})
	}
	if detail, err := EventDocument(r, d, s.Sequence); err == nil && s.Sequence > 0 {
		w.Event = &detail.EventItem
	}
	return w
}

func (s *Server) getWhy(w http.ResponseWriter, r *http.Request) {
	var sequence uint64
	if text := r.URL.Query().Get("sequence"); text != "" {
		var err error
		if sequence, err = strconv.ParseUint(text, 10, 64); err != nil || sequence == 0 {
			s.fail(w, r, badArgument("a sequence is a whole number from 1 on"))
			return
		}
	}
	doc, err := WhyDocument(s.events, s.decoder, s.agent, sequence)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, doc)
}

// WriteWhy writes a document in words, for a terminal, times in loc.
func WriteWhy(w io.Writer, why Why, loc *time.Location) error {
	var b bytes.Buffer
	if s := why.Sound; s != nil {
		fmt.Fprintf(&b, "a sound of %s  %s\n", printable(strings.Join(s.Outputs, ", ")), stamp(s.At, loc))
	}
	if e := why.Event; e != nil {
		if why.Sound != nil {
			b.WriteString("for the guest of ")
		}
		fmt.Fprintf(&b, "event %d  %s  %s  %s\n", e.Sequence, stamp(e.Received, loc), e.Kind, printable(e.Summary))
	}
	if why.Note != "" {
		fmt.Fprintf(&b, "%s\n", printable(why.Note))
	}
	var rules [][]string
	for _, d := range why.Decisions {
		if d.Output == "" {
			rules = append(rules, []string{printable(d.Rule), d.Outcome, printable(d.Detail)})
		}
	}
	if len(rules) > 0 {
		b.WriteString("\nrules\n")
		table(&b, rules)
	}
	if outputs := outputLines(why.Decisions); len(outputs) > 0 {
		b.WriteString("\noutputs\n")
		table(&b, outputs)
	}
	if len(why.Sounds) > 0 {
		b.WriteString("\nsounds since, while this guest waited\n")
		var rows [][]string
		for _, s := range why.Sounds {
			rows = append(rows, []string{stamp(s.At, loc), printable(strings.Join(s.Outputs, ", ")), printable(s.Pattern), printable(s.Rule)})
		}
		table(&b, rows)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// outputLines has one line for each output: what it shows, and then what it does not show.
func outputLines(list []Decision) (rows [][]string) {
	var names []string
	for _, d := range list {
		if d.Output != "" && !slices.Contains(names, d.Output) {
			names = append(names, d.Output)
		}
	}
	for _, name := range names {
		shows, parts := "off", []string{}
		rules := map[string][]string{} // by what became of them
		var not []string
		for _, d := range list {
			switch {
			case d.Output != name:
			case d.Outcome == "shown" && d.Rule == "":
				shows, parts = d.Pattern, append(parts, d.Detail)
			case d.Outcome == "shown":
				shows, parts = d.Pattern, append(parts, "shown: "+d.Rule)
				if d.Detail != "" {
					parts[len(parts)-1] += " (" + d.Detail + ")"
				}
			default:
				what := strings.TrimSpace(d.Outcome + " " + d.Detail)
				if rules[what] == nil {
					not = append(not, what)
				}
				rules[what] = append(rules[what], d.Rule)
			}
		}
		for _, what := range not {
			parts = append(parts, what+": "+strings.Join(rules[what], ", "))
		}
		rows = append(rows, []string{printable(name), printable(shows), printable(strings.Join(parts, "; "))})
	}
	return rows
}
