package agent

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
	"deskbell/agent/indicator"
	"deskbell/gpio"
)

// looks is how a pattern looks or sounds that a rule asks of an output of that
// kind.
func looks(p gpio.Pattern, kind string, r indicator.Rule) string {
	text, event := "", len(r.On) > 0
	sound := gpio.Sounds(kind)
	switch {
	case p.String() == gpio.Steady(false).Name:
		return "Off"
	case kind == gpio.Relay && (event || r.Every > 0):
		text = "Switched on for a second"
	case kind == gpio.Relay:
		text = "Switched on"
	case p.Tune != nil && kind == gpio.Tone:
		text = "The tune " + p.Name
	case p.Tune != nil && sound:
		text = "Beeps in the rhythm of the tune " + p.Name
	case p.Tune != nil:
		text = "Blinks in the rhythm of the tune " + p.Name
	case sound:
		text = heard(p)
	default:
		text = seen(p)
	}
	switch {
	case r.For > 0 && kind != gpio.Relay && (p.Repeat || p.Period() == 0):
		if sound && p.Repeat {
			text += ", again and again"
		}
		text += " for " + inWords(r.For)
	case r.Every == time.Minute:
		text += ", once a minute"
	case r.Every > 0:
		text += ", every " + inWords(r.Every)
	}
	return text
}

// seen is how a pattern looks.
func seen(p gpio.Pattern) string {
	switch p.Name {
	case "on":
		return "Steady light"
	case "blink":
		return "Even blinking"
	case "fast":
		return "Quick flicker"
	case "pulse":
		return "Slow pulse"
	case "double":
		return "Two short blinks"
	case "triple":
		return "Three short blinks"
	case "quadruple": // of the box itself
		return "Four short blinks"
	case "chirp":
		return "One short flash"
	case "alarm":
		return "Hard blinking"
	}
	return ownRhythm(p, "blink", "Steady light")
}

// heard is how a pattern sounds.
func heard(p gpio.Pattern) string {
	switch p.Name {
	case "on":
		return "One long tone"
	case "blink":
		return "One beep"
	case "fast":
		return "One very short beep"
	case "pulse":
		return "One long beep"
	case "double":
		return "Two short beeps"
	case "triple":
		return "Three short beeps"
	case "chirp":
		return "One chirp"
	case "alarm":
		return "Alarm"
	}
	return ownRhythm(p, "beep", "One long tone")
}

// ownRhythm describes a pattern that is not built in by how often it is on and
// how long, as it is seen or heard in one period.
func ownRhythm(p gpio.Pattern, one, steady string) string {
	n, longest := 0, time.Duration(0)
	for _, s := range p.Steps {
		if s.On {
			n++
			longest = max(longest, s.For)
		}
	}
	how := ""
	switch {
	case longest == 0: // it lasts for ever
		return fmt.Sprintf("%s (%s)", steady, p.Name)
	case longest <= 250*time.Millisecond:
		how = "short "
	case longest >= time.Second:
		how = "long "
	}
	if one == "blink" && n == 1 && p.Repeat && p.Period() <= 300*time.Millisecond {
		return fmt.Sprintf("Quick flicker (%s)", p.Name)
	}
	text := fmt.Sprintf("%s %s%s", capital(count(n)), how, one)
	if n > 1 {
		text += "s"
	}
	if p.Repeat && one == "blink" {
		text += " every " + inWords(p.Period())
	}
	return fmt.Sprintf("%s (%s)", text, p.Name)
}

// meaning is what a rule says to people. A built-in one is put into a sentence,
// as far as it is as it was built.
func meaning(r indicator.Rule) string {
	builtin := slices.ContainsFunc(indicator.Builtin(), func(b indicator.Rule) bool { return b.Name == r.Name })
	if r.Means != "" || !builtin || r.When != "" || r.Of != "" {
		return nameOf(r)
	}
	if len(r.On) == 1 {
		switch r.On[0] {
		case string(desk.WaitBegan):
			return "a guest asks for one of us"
		case string(event.SLABreached):
			return "a guest has waited for longer than was promised (SLA)"
		case string(event.AssigneeChange):
			return "a conversation has passed to somebody else"
		case string(event.ConversationCreate):
			return "a new conversation"
		}
	}
	m := comparison.FindStringSubmatch(r.While)
	if m == nil {
		return nameOf(r)
	}
	field, than := m[1], m[2]
	age, err := time.ParseDuration(than)
	switch {
	case r.While == "unreachable":
		return "the platform does not reach this box"
	case than == "0" && field == "waiting":
		return "a guest waits for one of us"
	case than == "0" && field == "acknowledged":
		return "a guest waits, and somebody has said to look after it"
	case err != nil:
	case field == "oldest_waiting":
		return "a guest has waited for more than " + inWords(age)
	case field == "oldest_unanswered":
		return "a guest wrote last, and has had no answer for " + inWords(age)
	case field == "undelivered":
		return "events have not been passed on for " + inWords(age)
	}
	return nameOf(r)
}

var comparison = regexp.MustCompile(`^([a-z_]+)(?: > "?([0-9a-z.]+)"?)?$`)

func nameOf(r indicator.Rule) string {
	if r.Means != "" {
		return r.Means
	}
	return r.Name
}

// doesWords says what an action of a button is for.
func doesWords(action string) string {
	a, err := indicator.ParseAction(action)
	switch {
	case err != nil: // none
		return ""
	case a.Does == indicator.Mute:
		return "to mute the sounds for " + inWords(a.For) + "; the lights go on"
	case a.Does == indicator.Test:
		return "to try every light and sound"
	}
	return "to say that somebody looks after all who wait now"
}

var dayNames = map[string]string{
	"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}

// quietWords is a [[quiet]] in a sentence.
func quietWords(q QuietConfig) string {
	days := "Every day"
	if len(q.Days) > 0 {
		var names []string
		for _, d := range q.Days {
			names = append(names, dayNames[d])
		}
		days = listed(names)
	}
	hours := fmt.Sprintf("from %s to %s", q.From, q.To)
	switch {
	case q.From == "00:00" && q.To == "24:00":
		hours = "all day"
	case q.To < q.From:
		hours += " the next day"
	}
	var silent []string
	silence := q.Silence
	if slices.Contains(silence, indicator.AllOutputs) {
		silence = []string{indicator.AllOutputs}
	}
	for _, s := range silence {
		switch s {
		case indicator.Sounds:
			s = "no sound"
		case indicator.Lights:
			s = "no light"
		case indicator.AllOutputs:
			s = "nothing at all"
		default:
			s = "nothing on " + s
		}
		silent = append(silent, s)
	}
	return fmt.Sprintf("%s %s: %s", days, hours, listed(silent))
}

// inWords is a length of time as people say it.
func inWords(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	var parts []string
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := d / u.of
		d -= n * u.of
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.name)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.name))
		}
	}
	return strings.Join(parts, " ")
}

func count(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

// listed is "a, b and c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
