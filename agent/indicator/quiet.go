package indicator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"deskbell/gpio"
)

// Quiet is one [[quiet]] as it is written.
type Quiet struct {
	Days     []string // on which it begins: mon … sun; empty: each
	From, To string   // "20:00", To also "24:00"; over midnight where To is before From
	Silence  []string // names of outputs, Lights, Sounds, or AllOutputs
}

// AllOutputs is what Quiet.Silence calls every output.
const AllOutputs = "outputs"

// quietEvery is how often quiet hours are looked at besides their own beginnings and ends: the wall clock may jump.
const quietEvery = 30 * time.Second

const aDay = 24 * time.Hour

// window is a Quiet in the form that it is looked at. Times are those that a clock on the wall shows: on the two days of a year that
// have an hour more or less, what it shows decides.
type window struct {
	days     [7]bool // by time.Weekday
	from, to time.Duration
	outputs  []bool
}

// quietness is what quiet hours do now.
type quietness struct {
	windows  []window
	waiting  []int           // by output: the group whose waits it is about
	active   bool            // a window is open
	silenced []bool          // by output
	was      []bool          // by output: silenced when the clock was last known
	ended    []time.Duration // by output: when it could sound again the last time and somebody waited; 0: never
}

// wallClock is the clock on the wall in the zone of the configuration, and whether it can be believed.
func (c *Config) wallClock() func() (time.Time, bool) {
	now, set, zone := c.Now, c.ClockSet, c.Location
	if now == nil {
		now = time.Now
	}
	if zone == nil {
		zone = time.Local
	}
	return func() (time.Time, bool) { return now().In(zone), set == nil || set() }
}

// quiet reads the quiet hours of the configuration.
func (b *builder) quiet() {
	c := &b.config
	n := len(b.outputs)
	q := quietness{silenced: make([]bool, n), was: make([]bool, n), ended: make([]time.Duration, n), waiting: make([]int, n)}
	for at, w := range c.Quiet {
		q.windows = append(q.windows, b.window(fmt.Sprintf("quiet.%d", at), w))
	}
	for o, output := range b.outputs {
		if len(q.windows) > 0 {
			q.waiting[o] = b.groups.find(nil, output.Only)
		}
	}
	b.engine.quiet = q
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (b *builder) window(key string, q Quiet) window {
	w := window{outputs: make([]bool, len(b.outputs))}
	for at, day := range q.Days {
		d := slices.Index(weekdays, day)
		if d < 0 {
			b.fault(fmt.Sprintf("%s.days.%d", key, at), "%q is no day: there are mon tue wed thu fri sat sun", day)
			continue
		}
		w.days[d] = true
	}
	if len(q.Days) == 0 {
		w.days = [7]bool{true, true, true, true, true, true, true}
	}
	var fromOK, toOK bool
	w.from, fromOK = timeOfDay(q.From)
	if !fromOK || w.from == aDay {
		b.fault(key+".from", "%q is not a time of day: write it like \"20:00\"", q.From)
	}
	if w.to, toOK = timeOfDay(q.To); !toOK {
		b.fault(key+".to", "%q is not a time of day: write it like \"08:00\"", q.To)
	}
	if fromOK && toOK && w.from == w.to {
		b.fault(key+".to", "it ends when it begins; a whole day is from \"00:00\" to \"24:00\"")
	}
	if len(q.Silence) == 0 {
		b.fault(key+".silence", "it silences nothing: write silence = [\"sounds\"]")
	}
	for at, name := range q.Silence {
		known := name == Lights || name == Sounds || name == AllOutputs
		for o, output := range b.outputs {
			if name == AllOutputs || name == output.group() || name == output.Name {
				w.outputs[o], known = true, true
			}
		}
		if !known {
			b.fault(fmt.Sprintf("%s.silence.%d", key, at), "%w %q: there are %s", ErrUnknownOutput, name, strings.Join(append([]string{AllOutputs}, b.outputNames()...), " "))
		}
	}
	return w
}

// timeOfDay reads "20:00"; the end of a day is "24:00".
func timeOfDay(text string) (time.Duration, bool) {
	if text == "24:00" {
		return aDay, true
	}
	t, err := time.Parse("15:04", text)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil && len(text) == len("15:04")
}

// clockShows is the time of day that a clock on the wall shows at t.
func clockShows(t time.Time) time.Duration {
	h, m, s := t.Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
}

// open says whether it is quiet at t.
func (w *window) open(t time.Time) bool {
	day, at := t.Weekday(), clockShows(t)
	if w.from < w.to {
		return w.days[day] && at >= w.from && at < w.to
	}
	return w.days[day] && at >= w.from || w.days[(day+6)%7] && at < w.to
}

// next is how long after t it may be otherwise: at the window's beginning or end, or when the clock on the wall leaps.
func (w *window) next(t time.Time) time.Duration {
	first := quietEvery
	for _, at := range []time.Duration{w.from, w.to} {
		if d := (at - clockShows(t) + aDay) % aDay; d > 0 {
			first = min(first, d)
		}
	}
	if _, leap := t.ZoneBounds(); leap.After(t) {
		first = min(first, leap.Sub(t))
	}
	return first
}

// hush looks which outputs quiet hours silence now. While the clock is not set they silence none, and nobody knows whether they
// have ended. An output that may sound again does so once if somebody waits.
func (e *engine) hush(v *view, next *deadline) {
	q := &e.quiet
	if len(q.windows) == 0 {
		return
	}
	t, set := e.clock()
	q.active = false
	clear(q.silenced)
	after := quietEvery
	for n := range q.windows {
		w := &q.windows[n]
		if set {
			after = min(after, w.next(t))
		}
		if !set || !w.open(t) {
			continue
		}
		q.active = true
		for o, is := range w.outputs {
			q.silenced[o] = q.silenced[o] || is
		}
	}
	next.by(v.now + after)
	if !set || !e.settled { // what is shown before Run plays it could be over by then
		return
	}
	for o, is := range q.silenced {
		if q.was[o] == is {
			continue
		}
		e.dirty[quietEntry] = true
		if q.was[o] = is; !is && e.outputs[o].sounds() && v.groups[q.waiting[o]].Waiting > 0 {
			q.ended[o] = v.now
		}
	}
}

// over is the one sound at the end of quiet hours that somebody waited in.
func (e *engine) over(o int, now time.Duration, next *deadline) (shown, bool) {
	from := e.quiet.ended[o]
	if from == 0 || e.quiet.silenced[o] || e.mute.Until != 0 {
		return shown{}, false
	}
	s := &shows{pattern: overChirp.Once(), once: onceTakes(overChirp)}
	return s.until(from, from+s.once, overQuiet, now, next)
}

// What sounds at the end of quiet hours, and why.
var overChirp, _ = gpio.Builtin("chirp")

const overQuiet = "somebody waited in the quiet hours"

// covered says that a sound began before the one at the end of quiet hours was over. Of such a sound the rest is not played.
func (e *engine) covered(o int, s *shown) bool {
	at := e.quiet.ended[o]
	return at != 0 && !s.goesOn() && s.from < at+onceTakes(overChirp)
}

// silenced says why a rule may not show on an output now, in words for people; empty: it may.
func (e *engine) silenced(r *rule, o int) string {
	switch {
	case r.Critical:
		return ""
	case e.mute.Until != 0 && e.outputs[o].sounds():
		return "muted"
	case e.quiet.silenced[o]:
		return quietHours
	}
	return ""
}

const quietHours = "quiet hours"

// quietMemory is what is kept of quiet hours: the names of the outputs that they silence.
type quietMemory []string

func (q *quietness) memory(outputs []Output) []byte {
	var list quietMemory
	for o, is := range q.was {
		if is {
			list = append(list, outputs[o].Name)
		}
	}
	if list == nil {
		return nil
	}
	return pack(list)
}

// restoreQuiet takes over which outputs were silenced, where there still are quiet hours.
func (e *engine) restoreQuiet(data []byte) bool {
	var list quietMemory
	if json.Unmarshal(data, &list) != nil {
		return false
	}
	if len(e.quiet.windows) == 0 {
		e.dirty[quietEntry] = true // to be deleted: quiet hours that are written later have not been before
		return true
	}
	for o, output := range e.outputs {
		e.quiet.was[o] = slices.Contains(list, output.Name)
	}
	return true
}
