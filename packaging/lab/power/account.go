//go:build linux

package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An account is what the guest has said over all boots.
type account struct {
	acknowledged map[[2]int]set // by run and lane
	last         map[[2]int]set // what the last check found, while it says so
	hasLines     int
	boots        map[int]*boot

	lost, altered, twice map[string]bool
	unsound              []string // boots whose store was damaged, or did not open
	garbled              []int    // boots whose serial line was not to be understood
	checks, cuts         int
}

// A boot is what was said in one.
type boot struct {
	acknowledged, found, missing int
	checked                      bool
	ready                        int // ms; 0: it was not
}

func newAccount() *account {
	return &account{acknowledged: map[[2]int]set{}, last: map[[2]int]set{}, boots: map[int]*boot{}, lost: map[string]bool{}, altered: map[string]bool{}, twice: map[string]bool{}}
}

// damage is how the agent's log tells of a store that it could not simply open.
var damage = regexp.MustCompile(`^agent: .*(store (was|is) damaged|damaged store|event is damaged|level=ERROR)`)

// hear takes a line of the serial line, and returns its word; empty: it has none, or is not whole.
func (a *account) hear(run int, text string) (word string) {
	b := a.boots[run]
	if b == nil {
		b = &boot{}
		a.boots[run] = b
	}
	if damage.MatchString(text) {
		a.unsound = append(a.unsound, fmt.Sprintf("boot %d: %s", run, text))
	}
	_, text, ours := strings.Cut(text, "lab: ")
	text, whole := strings.CutSuffix(text, " .")
	if !ours || !whole {
		return ""
	}
	word, rest, _ := strings.Cut(text, " ")
	words := strings.Fields(rest)
	switch word {
	case "start":
		a.last, a.hasLines = map[[2]int]set{}, 0
	case "ready":
		if len(words) > 0 {
			b.ready, _ = strconv.Atoi(words[0])
			words = words[1:]
		}
		for _, name := range words {
			if strings.HasPrefix(name, "deskbell.db") && name != "deskbell.db" {
				a.unsound = append(a.unsound, fmt.Sprintf("boot %d: there is %s", run, name))
			}
		}
	case "200":
		for i := 0; i+1 < len(words); i += 2 {
			b.acknowledged += a.note(a.acknowledged, run, words[i], words[i+1])
		}
	case "has":
		a.hasLines++
		if len(words) == 3 {
			from, _ := strconv.Atoi(words[0])
			b.found += a.note(a.last, from, words[1], words[2])
		}
	case "altered":
		a.hasLines++
		a.altered[rest] = true
	case "twice":
		a.hasLines++
		a.twice[rest] = true
	case "checked":
		b.checked = true
		a.checks++
		if len(words) != 2 || words[1] != strconv.Itoa(a.hasLines) {
			a.garbled = append(a.garbled, run) // nothing can be said
			break
		}
		b.missing = a.compare(run)
	}
	return word
}

func (a *account) note(into map[[2]int]set, run int, lane, ranges string) int {
	l, err := strconv.Atoi(lane)
	key := [2]int{run, l}
	s := into[key]
	if s == nil {
		s = set{}
		into[key] = s
	}
	was := len(s)
	if err != nil || s.add(ranges) != nil {
		a.garbled = append(a.garbled, run)
	}
	return len(s) - was
}

// compare finds what was acknowledged before this boot and is not there.
func (a *account) compare(run int) (missing int) {
	for key, numbers := range a.acknowledged {
		for n := range numbers {
			if key[0] < run && !a.last[key][n] {
				missing++
				a.lost[fmt.Sprintf("run %d lane %d number %d", key[0], key[1], n)] = true
			}
		}
	}
	return missing
}

// sum ends a boot: what a check had said until then is nothing whole.
func (a *account) sum() {
	a.last, a.hasLines = map[[2]int]set{}, 0
	a.cuts++
}

func (a *account) faults() int {
	return len(a.lost) + len(a.altered) + len(a.twice) + len(a.unsound) + len(a.garbled)
}

// said is one boot in words.
func (a *account) said(run int) string {
	b := a.boots[run]
	if b == nil {
		return ""
	}
	text := ""
	if b.ready > 0 {
		text += fmt.Sprintf(", ready in %.2f s", float64(b.ready)/1000)
	}
	if b.checked {
		text += fmt.Sprintf(", %d events are there", b.found)
	}
	if b.missing > 0 {
		text += fmt.Sprintf(", %d ARE NOT", b.missing)
	}
	if b.acknowledged > 0 {
		text += fmt.Sprintf(", %d acknowledged", b.acknowledged)
	}
	return text
}

func (a *account) print(w io.Writer) {
	acknowledged, found, ready := 0, 0, []float64(nil)
	for _, b := range a.boots {
		acknowledged += b.acknowledged
		found = max(found, b.found)
		if b.ready > 0 {
			ready = append(ready, float64(b.ready)/1000)
		}
	}
	slices.Sort(ready)
	fmt.Fprintf(w, "\ncuts                 %d, of which %d after the agent was ready\n", a.cuts-1, max(0, len(ready)-1)) // without the last boot
	fmt.Fprintf(w, "events acknowledged  %d\n", acknowledged)
	fmt.Fprintf(w, "events in the store  %d (those too whose answer the cut took away)\n", found)
	fmt.Fprintf(w, "lost                 %d\n", len(a.lost))
	fmt.Fprintf(w, "altered              %d\n", len(a.altered))
	fmt.Fprintf(w, "twice                %d\n", len(a.twice))
	fmt.Fprintf(w, "unreadable stores    %d\n", len(a.unsound))
	fmt.Fprintf(w, "checks of the whole  %d\n", a.checks)
	if len(ready) > 0 {
		fmt.Fprintf(w, "time to ready        %.2f s median, %.2f s at most\n", ready[len(ready)/2], ready[len(ready)-1])
	}
	for _, text := range a.unsound {
		fmt.Fprintln(w, "FAIL", text)
	}
	if len(a.garbled) > 0 {
		fmt.Fprintln(w, "FAIL the serial line was not to be understood in boots", a.garbled)
	}
	shown := 0
	for text := range a.lost {
		if shown++; shown > 5 {
			break
		}
		fmt.Fprintln(w, "lost:", text)
	}
}
