package indicator

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A script is text. Its first line may set the clock; then each line is a time and what happens, and lines below it that are
// indented are what is so then. The man page describes it to people.
//
//	clock 2026-10-25 01:30
//	0s new c1
//	+5s handover c1 user anna@hotel.example
//	  lamp pulse: somebody waits
//	  buzzer chirp

// Bounds of a script.
const (
	maxScript     = 4 << 20 // bytes
	maxScriptLine = 64 << 10
)

// line is one line of a script.
type line struct {
	number int
	when   string   // as it is written
	words  []string // what happens
	then   []then
}

// then is what is to be so after a line.
type then struct {
	number int
	text   string
}

// readScript reads the lines of a script. Its faults name the line.
func readScript(from io.Reader) ([]line, error) {
	limited := &io.LimitedReader{R: from, N: maxScript + 1}
	s := bufio.NewScanner(limited)
	s.Buffer(nil, maxScriptLine)
	var list []line
	for n := 1; s.Scan(); n++ {
		text := strings.TrimRight(s.Text(), " \t\r")
		words := strings.TrimLeft(text, " \t")
		switch {
		case words == "" || words[0] == '#':
		case words != text && len(list) == 0:
			return nil, fmt.Errorf("line %d: it is indented, and nothing has happened yet", n)
		case words != text:
			l := &list[len(list)-1]
			l.then = append(l.then, then{n, words})
		default:
			l := line{number: n}
			var rest string
			l.when, rest, _ = strings.Cut(words, " ")
			var err error
			if l.words, err = wordsOf(rest); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			list = append(list, l)
		}
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("a line of the script is longer than %d bytes", maxScriptLine)
	case err != nil:
		return nil, fmt.Errorf("read the script: %w", err)
	case limited.N == 0:
		return nil, fmt.Errorf("the script is larger than %d bytes", maxScript)
	}
	return list, nil
}

// wordsOf splits a text at blanks that are not within quotes. A JSON object is one word.
func wordsOf(text string) (list []string, err error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return []string{text}, nil
	}
	var word strings.Builder
	inside, quoted := false, false
	for _, r := range text {
		switch {
		case r == '"':
			quoted, inside = !quoted, true
		case !quoted && (r == ' ' || r == '\t'):
			if inside {
				list = append(list, word.String())
				word.Reset()
			}
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	if inside {
		list = append(list, word.String())
	}
	return list, nil
}

// wallForms are how a script writes the clock.
var wallForms = []string{"2006-01-02 15:04:05", "2006-01-02 15:04"}

func parseWall(text string, in *time.Location) (time.Time, error) {
	for _, form := range wallForms {
		if t, err := time.ParseInLocation(form, text, in); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date and a time such as 2026-10-25 01:30", text)
}

// at says when a line happens: after the beginning (90s), after the line before it (+5s), or at a time of day, once the clock
// is set (22:15). now is the line before it, wall the clock then.
func (l *line) at(now time.Duration, wall time.Time) (time.Duration, error) {
	if later, ok := strings.CutPrefix(l.when, "+"); ok {
		d, err := time.ParseDuration(later)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%q is not a time such as +5s", l.when)
		}
		return now + d, nil
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		day, err := time.Parse(form, l.when)
		if err != nil {
			continue
		}
		if wall.IsZero() {
			return 0, fmt.Errorf("%q needs the clock: begin with clock 2026-10-25 01:30", l.when)
		}
		t := time.Date(wall.Year(), wall.Month(), wall.Day(), day.Hour(), day.Minute(), day.Second(), 0, wall.Location())
		if t.Before(wall) {
			t = time.Date(wall.Year(), wall.Month(), wall.Day()+1, day.Hour(), day.Minute(), day.Second(), 0, wall.Location())
		}
		return now + t.Sub(wall), nil
	}
	d, err := time.ParseDuration(l.when)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a time such as 90s, +5s or 22:15", l.when)
	case d < now:
		return 0, fmt.Errorf("%s is before the line above it", l.when)
	}
	return d, nil
}
