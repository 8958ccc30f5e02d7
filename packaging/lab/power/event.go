//go:build linux

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A mark names an event: no other boot of the card has its run, as the machine's clock begins anew with each.
type mark struct{ run, lane, number int }

// smallLanes post events of the usual size; those after them large ones, which make the store's file longer soon.
const (
	smallLanes = 16
	lanes      = 24
	largeBytes = 24 << 10
)

// event is what is posted under a mark: it follows from the mark alone, so that it need not be kept to be compared.
func event(m mark) string {
	what := `{"type": "conversation_create", "payload": {"title": "power", "assigned_to_user": {"type": "bot", "id": "1"}}}`
	if m.number%2 == 1 {
		what = fmt.Sprintf(`{"type": "message", "payload": {"message_by": {"type": "visitor"}, "message": {"type": "text", "text": "%s"}}}`,
			strings.Repeat("Is anybody there? ", 1+m.number%17))
	}
	pad := ""
	if m.lane >= smallLanes {
		pad = strings.Repeat(string(rune('a'+m.number%26)), largeBytes)
	}
	return fmt.Sprintf(`{"event": %s, "conversation": {"key": "run-%d-%d-%d", "id": %d}, "account": {"key": "lab", "id": 1, "bot": {"id": 1}}, `+
		`"visitor": {"key": "mark-%d-%d-%d", "id": 1}, "timestamp": "2026-01-01 00:%02d:%02d.%06d", "pad": "%s"}`,
		what, m.run, m.lane, m.number%4, m.lane*4+m.number%4, m.run, m.lane, m.number, m.number/60%60, m.number%60, m.lane, pad)
}

var markOf = regexp.MustCompile(`"mark-(\d{1,6})-(\d{1,6})-(\d{1,9})"`)

// read returns the mark of what is in the store, and whether it is what was posted under it.
func read(data []byte) (m mark, whole bool) {
	found := markOf.FindSubmatch(data)
	if found == nil {
		return m, false
	}
	m.run, _ = strconv.Atoi(string(found[1]))
	m.lane, _ = strconv.Atoi(string(found[2]))
	m.number, _ = strconv.Atoi(string(found[3]))
	return m, string(data) == event(m)
}

// A set of numbers, written as ranges: 0-41,43
type set map[int]bool

func (s set) add(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && ranged {
			to, err = strconv.Atoi(last)
		}
		if err != nil || to < from || to-from > 1<<24 {
			return fmt.Errorf("%q are no ranges", text)
		}
		for i := from; i <= to; i++ {
			s[i] = true
		}
	}
	return nil
}

// ranges writes the numbers in order, so many ranges at most on a line.
func (s set) ranges(perLine int) (lines []string) {
	last, parts := -1, []string(nil)
	for i := range s {
		last = max(last, i)
	}
	for i := 0; i <= last; i++ {
		if !s[i] {
			continue
		}
		from := i
		for s[i+1] {
			i++
		}
		if from == i {
			parts = append(parts, strconv.Itoa(from))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, i))
		}
		if len(parts) == perLine {
			lines, parts = append(lines, strings.Join(parts, ",")), nil
		}
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, ","))
	}
	return lines
}
