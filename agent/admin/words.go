package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxConversations = 12 // shown in words
	maxTitle         = 48 // runes
	clockForm        = "Mon 15:04"
	stampForm        = "2006-01-02 15:04:05"
)

// WriteStatus writes s in words, for a terminal: problems first, times in loc.
// Text from outside is freed of everything that could steer the terminal.
func WriteStatus(w io.Writer, s Status, loc *time.Location) error {
	var b bytes.Buffer
	state := "ready for events"
	if !s.Ready {
		state = "NOT READY for events"
	}
	fmt.Fprintf(&b, "%s: %s (deskbell %s, up %s)\n", printable(s.Device), state, s.Version,
		span(time.Duration(s.UptimeSeconds*float64(time.Second))))
	if len(s.Problems) > 0 {
		b.WriteString("\nproblems\n")
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "  ! %s\n", printable(p))
		}
	}
	b.WriteString("\npath\n")
	table(&b, pathRows(s, loc))
	d := s.Desk
	fmt.Fprintf(&b, "\ndesk: %d open, %d waiting, %d acknowledged, %d unanswered, %d unassigned\n",
		d.Open, d.Waiting, d.Acknowledged, d.Unanswered, d.Unassigned)
	if d.MutedUntil != nil {
		fmt.Fprintf(&b, "  sounds are muted until %s\n", d.MutedUntil.In(loc).Format(clockForm))
	}
	table(&b, deskRows(d, loc))
	if len(s.Outputs) > 0 {
		b.WriteString("\noutputs\n")
		table(&b, outputRows(s.Outputs))
	}
	if len(s.Inputs) > 0 {
		b.WriteString("\ninputs\n")
		table(&b, inputRows(s.Inputs))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func pathRows(s Status, loc *time.Location) [][]string {
	store := "empty"
	if s.Storage.Records > 0 {
		store = fmt.Sprintf("%s, %d to %d", count(s.Storage.Records, "event"), s.Storage.FirstSequence, s.Storage.LastSequence)
	}
	if s.Storage.MaxBytes > 0 {
		store += fmt.Sprintf("; %s of %s in use", size(s.Storage.Bytes), size(s.Storage.MaxBytes))
	}
	if s.Storage.Full {
		store += "; FULL"
	}
	if s.Storage.Dropped > 0 {
		store += fmt.Sprintf("; %d given up undelivered", s.Storage.Dropped)
	}
	rows := [][]string{{"webhook", fmt.Sprintf("%d accepted, %d repeated, %d refused", s.Webhook.Accepted, s.Webhook.Duplicates, s.Webhook.Rejected)}}
	for _, p := range []*Post{s.Webhook.LastPost, s.Webhook.LastRefused} {
		if p != nil {
			rows = append(rows, []string{"", stamp(p.Time, loc) + "  " + p.Words()})
		}
	}
	rows = append(rows, []string{"store", store})
	for _, f := range s.Forward {
		text := "connected"
		if !f.Connected {
			text = "NOT CONNECTED"
		}
		text += " to " + printable(f.Broker)
		if f.AckedSequence > 0 {
			text += fmt.Sprintf(", has everything up to %d", f.AckedSequence)
		}
		text += fmt.Sprintf(", %d pending", f.Pending)
		if f.SetAside > 0 {
			text += fmt.Sprintf(", %d set aside", f.SetAside)
		}
		if f.LastError != "" {
			text += " — last error: " + printable(f.LastError)
		}
		rows = append(rows, []string{printable(f.Name), text})
	}
	return rows
}

// urgency is greater the sooner somebody should look.
func (c Conversation) urgency() int {
	switch {
	case c.Waiting:
		return 2
	case c.Acknowledged:
		return 1
	}
	return 0
}

// deskRows lists the open conversations, those that wait first.
func deskRows(d DeskStatus, loc *time.Location) [][]string {
	var open []Conversation
	for _, c := range d.Conversations {
		if c.Open {
			open = append(open, c)
		}
	}
	sort.SliceStable(open, func(i, j int) bool { return open[i].urgency() > open[j].urgency() })
	var rows [][]string
	for i, c := range open {
		if i == maxConversations {
			rows = append(rows, []string{fmt.Sprintf("and %d more", len(open)-i)})
			break
		}
		state, since := "open", ""
		switch {
		case c.Waiting:
			state = "waiting"
		case c.Acknowledged:
			state = "acknowledged"
		}
		if c.Since != nil {
			since = "since " + c.Since.In(loc).Format(clockForm)
		}
		title := c.Title
		if title == "" {
			title = c.Key
		}
		rows = append(rows, []string{state, shorten(printable(title), maxTitle), "with " + c.Assignee.words(), since})
	}
	return rows
}

func outputRows(outputs []OutputStatus) [][]string {
	var rows [][]string
	for _, o := range outputs {
		pattern, reason := o.Pattern, ""
		if pattern == "" {
			pattern = "off"
			if o.On {
				pattern = "on"
			}
		}
		if o.Kind == "relay" && pattern != "off" {
			pattern = "on" // it never blinks
		}
		if o.Reason != "" {
			reason = "— " + printable(o.Reason)
		}
		if o.Driver == "simulated" {
			reason = strings.TrimSpace(reason + " (simulated)")
		}
		rows = append(rows, []string{printable(o.Name), o.Pin, printable(pattern), reason})
	}
	return rows
}

func inputRows(inputs []InputStatus) [][]string {
	var rows [][]string
	for _, i := range inputs {
		state, more := "not pressed", ""
		if i.Pressed {
			state = "pressed"
		}
		if i.Locked {
			state += ", LOCKED"
		}
		if i.Last != "" {
			more = "— last: " + printable(i.Last)
		}
		if i.Driver == "simulated" {
			more = strings.TrimSpace(more + " (simulated)")
		}
		rows = append(rows, []string{printable(i.Name), i.Pin, state, more})
	}
	return rows
}

func (a Actor) words() string {
	name := a.Email
	if name == "" {
		name = a.ID
	}
	switch a.Kind {
	case "user":
		return shorten(printable(name), maxTitle)
	case "team", "bot":
		return strings.TrimSpace("the " + a.Kind + " " + shorten(printable(a.ID), maxTitle))
	case "none":
		return "nobody"
	}
	return "somebody unknown"
}

// WriteEvents writes a line for each event, times in loc. Lines of several
// calls are aligned with one another.
func WriteEvents(w io.Writer, items []EventItem, loc *time.Location) error {
	var b bytes.Buffer
	for _, e := range items {
		fmt.Fprintf(&b, "%6d  %-19s  %-19s  %s\n", e.Sequence, stamp(e.Received, loc), e.Kind, printable(e.Summary))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteEvent writes one event with its data, times in loc.
func WriteEvent(w io.Writer, e EventDetail, loc *time.Location) error {
	var b bytes.Buffer
	happened := "(not given)"
	if e.Time != nil {
		happened = stamp(e.Time, loc)
	}
	table(&b, [][]string{
		{"sequence", fmt.Sprint(e.Sequence)},
		{"id", e.ID},
		{"kind", e.Kind},
		{"type", printable(e.Type)},
		{"received", stamp(e.Received, loc)},
		{"time", happened},
		{"conversation", printable(e.Conversation)},
		{"summary", printable(e.Summary)},
	})
	var data bytes.Buffer
	if json.Indent(&data, e.Data, "  ", "  ") != nil {
		data.Write(e.Data)
	}
	fmt.Fprintf(&b, "  data\n  %s\n", escaped(data.String()))
	_, err := w.Write(b.Bytes())
	return err
}

func stamp(t *time.Time, loc *time.Location) string {
	if t == nil {
		return "(clock not set)"
	}
	return t.In(loc).Format(stampForm)
}

// table writes rows with their columns aligned; the last of a row may be long.
func table(b *bytes.Buffer, rows [][]string) {
	var width []int
	for _, row := range rows {
		for i := range row[:len(row)-1] {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			line += " " + cell
			if i < len(row)-1 {
				line += strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+1)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// span is a duration in words, such as 3 h 12 min.
func span(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", minutes)
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), minutes), " 0 min")
	}
	return strings.TrimSuffix(fmt.Sprintf("%d days %d h", days, hours), " 0 h")
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<20:
		return strings.Replace(fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)), ".0 ", " ", 1)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// steers says whether r changes how a terminal shows what follows: control and
// format characters (the direction of writing among them) and line ends.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// printable is s on one line with nothing in it that steers a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return ' '
		}
		return r
	}, s)
}

// escaped is s with what steers a terminal written as in JSON, line ends apart.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || !steers(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, "\\u%04x\\u%04x", high, low)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

func shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}
