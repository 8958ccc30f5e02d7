//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAccount(t *testing.T) {
	const first = "lab: start .|lab: ready 10 deskbell.db .|lab: load .|lab: 200 0 0-2,4 3 7 .|lab: 200 0 5 ."
	for name, c := range map[string]struct {
		said string // of the second boot
		lost []string
		bad  int
	}{
		"all is there":         {"lab: has 1 0 0-6 .|lab: has 1 3 7 .|lab: checked 8 2 .", nil, 0},
		"one is lost":          {"lab: has 1 0 0-1,3-5 .|lab: has 1 3 7 .|lab: checked 6 2 .", []string{"run 1 lane 0 number 2"}, 1},
		"a lane is lost":       {"lab: has 1 0 0-5 .|lab: checked 6 1 .", []string{"run 1 lane 3 number 7"}, 1},
		"what came next":       {"lab: has 1 0 0-5 .|lab: has 1 3 7 .|lab: checked 7 2 .|lab: 200 0 1-9 .", nil, 0},
		"altered":              {"lab: altered 3 .|lab: has 1 0 0-5 .|lab: has 1 3 7 .|lab: checked 7 3 .", nil, 1},
		"twice":                {"lab: twice 1 0 3 .|lab: has 1 0 0-5 .|lab: has 1 3 7 .|lab: checked 7 3 .", nil, 1},
		"the check is cut":     {"lab: has 1 0 0-1 .|lab: checked 2", nil, 0},
		"a line is cut":        {"lab: has 1 0 0-5 .|lab: has 1 3 7|lab: checked 7 2 .", nil, 1},
		"the store is kept":    {"lab: ready 10 deskbell.db deskbell.db.damaged-1 .", nil, 1},
		"the store is unsound": {`agent: level=ERROR msg="store was damaged" kept=x`, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			for line := range strings.SplitSeq(first+"|lab: 200 0 9", "|") { // the last one was cut off
				a.hear(1, line)
			}
			a.sum()
			if n := a.boots[1].acknowledged; n != 6 {
				t.Errorf("%d events are acknowledged, want 6", n)
			}
			for line := range strings.SplitSeq("lab: start .|"+c.said, "|") {
				a.hear(2, line)
			}
			var lost []string
			for text := range a.lost {
				lost = append(lost, text)
			}
			if !slices.Equal(lost, c.lost) {
				t.Errorf("lost are %q, want %q", lost, c.lost)
			}
			if a.faults() != c.bad {
				t.Errorf("%d faults, want %d", a.faults(), c.bad)
			}
		})
	}
}

func TestEventsAreKnownAgain(t *testing.T) {
	seen := map[string]bool{}
	for run := range 3 {
		for lane := range lanes {
			for number := range 40 {
				m := mark{run, lane, number}
				text := event(m)
				if seen[text] {
					t.Fatalf("%v is like another", m)
				}
				seen[text] = true
				if got, whole := read([]byte(text)); got != m || !whole {
					t.Fatalf("%v is read as %v, %v", m, got, whole)
				}
				if _, whole := read([]byte(text + " ")); whole {
					t.Fatalf("%v altered is taken for whole", m)
				}
			}
		}
	}
}

func TestRanges(t *testing.T) {
	s := set{}
	if err := s.add("0-2,7,9-10"); err != nil {
		t.Fatal(err)
	}
	if got := s.ranges(2); !slices.Equal(got, []string{"0-2,7", "9-10"}) {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"", "x", "3-1", "1-", "1,,2"} {
		if (set{}).add(text) == nil {
			t.Errorf("%q is taken for ranges", text)
		}
	}
}

func TestTheShortFormHasEachPhase(t *testing.T) {
	for seed := range uint64(20) {
		var names []string
		for _, k := range plan(rand.New(rand.NewPCG(seed, 0)), group) {
			names = append(names, k.name)
		}
		slices.Sort(names)
		if got := strings.Join(names, ", "); got != "commits, file made longer, idle, just ready, store is checked" {
			t.Errorf("seed %d: %s", seed, got)
		}
	}
}
