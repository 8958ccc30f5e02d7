package indicator

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskbell/agent/desk"
	"deskbell/agent/event"
)

// Simulation plays scripts against a configuration, without a log, pins or waiting.
type Simulation struct {
	Config Config
	// Decode reads an element that a script holds as JSON. Nil: a script may hold none.
	Decode func(id [16]byte, element []byte) event.Event
	// Press says what a press of a button for a time does; false: nothing. Nil: it acknowledges.
	Press func(input string, d time.Duration) (Action, bool)

	most  int          // looks at the rules; 0: maxLooks
	watch func(*stage) // after each of them; of tests
}

// Bounds of a simulation.
const (
	maxLooks    = 5_000_000 // at the rules
	maxFailures = 20        // that are told
)

// scriptEpoch is what the events of a script are dated from while no clock is set: events carry a time all the same.
var scriptEpoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// scriptRuns is the store's clock when a script begins: some time has passed in an earlier life.
const scriptRuns = 100 * time.Hour

// stage is where a script is played.
type stage struct {
	*Simulation
	core     *core
	out      io.Writer
	tells    bool          // what outputs show; a script that expects something tells what is otherwise
	now      time.Duration // since the script began
	away     time.Duration // of it, with the agent switched off: the store's clock stood still
	wall     time.Time     // the clock when it was set; zero: it is not set
	wallAt   time.Duration // when that was
	sequence uint64
	cond     Conditions
	stuck    time.Duration // running clock since which something is not delivered; 0: nothing is
	shown    []shown
	told     []string // what each output shows, as it was last written
	heard    int      // sounds
	rings    []int    // outputs on which one begins now
	starts   bool
	kept     map[string][]byte
	looks    int
	failures []error
}

// Play plays a script to its end. Where it says what outputs are to show, the error joins what is otherwise, each with its
// line; else each change is written to out. A script that is not understood is an error with its line, too.
func (s *Simulation) Play(script io.Reader, out io.Writer) error {
	lines, err := readScript(script)
	if err != nil {
		return err
	}
	g := &stage{Simulation: s, out: out, kept: map[string][]byte{}}
	g.tells = !slices.ContainsFunc(lines, func(l line) bool { return len(l.then) > 0 })
	if len(lines) > 0 && lines[0].when == "clock" {
		if g.wall, err = parseWall(strings.Join(lines[0].words, " "), g.zone()); err != nil {
			return fmt.Errorf("line %d: %w", lines[0].number, err)
		}
		if len(lines[0].then) > 0 {
			return fmt.Errorf("line %d: nothing has happened yet", lines[0].then[0].number)
		}
		lines = lines[1:]
	}
	if err := g.start(); err != nil {
		return err
	}
	for n := range lines {
		if err := g.play(&lines[n]); err != nil {
			return fmt.Errorf("line %d: %w", lines[n].number, err)
		}
		if len(g.failures) > maxFailures {
			g.failures = append(g.failures, errors.New("and so on"))
			break
		}
	}
	g.tell()
	return errors.Join(g.failures...)
}

func (g *stage) play(l *line) error {
	to, err := l.at(g.now, g.clock())
	if err != nil {
		return err
	}
	if to > MaxDuration {
		return fmt.Errorf("a script takes at most %v", MaxDuration)
	}
	if err := g.until(to); err != nil {
		return err
	}
	if len(l.words) > 0 {
		if err := g.do(l.words[0], l.words[1:]); err != nil {
			return err
		}
		if _, err := g.look(); err != nil {
			return err
		}
	}
	for _, t := range l.then {
		if err := g.expect(t.text); err != nil {
			g.failures = append(g.failures, fmt.Errorf("line %d: at %s %w", t.number, l.when, err))
		}
	}
	return nil
}

// start begins a life of the agent with what was kept of the one before.
func (g *stage) start() error {
	c := g.Config
	c.Reasons = soundSlots // enough for a look back
	c.Now, c.ClockSet = g.clock, func() bool { return !g.wall.IsZero() }
	last := g.running()
	if g.core != nil {
		last = g.core.last
	}
	var faults []error
	if g.core, faults = newCore(c); len(faults) > 0 {
		return errors.Join(faults...)
	}
	if err := errors.Join(g.core.restore(g.kept, last, g.running())...); err != nil {
		return err
	}
	g.shown, g.told = make([]shown, len(c.Outputs)), make([]string, len(c.Outputs))
	for o := range g.shown {
		g.shown[o].pattern, g.told[o] = "off", "off"
	}
	g.starts = true
	_, err := g.look()
	return err
}

func (g *stage) zone() *time.Location { return cmp.Or(g.Config.Location, time.Local) }

// clock is the wall clock; zero: it is not set.
func (g *stage) clock() time.Time {
	if g.wall.IsZero() {
		return time.Time{}
	}
	return g.wall.Add(g.now - g.wallAt)
}

// running is the store's clock.
func (g *stage) running() time.Duration { return scriptRuns + g.now - g.away }

// until lets time pass, and what it brings happen.
func (g *stage) until(to time.Duration) error {
	for {
		next, err := g.look()
		if err != nil {
			return err
		}
		if !next.set || next.at > g.running()+to-g.now {
			break
		}
		if next.at <= g.running() {
			return fmt.Errorf("the rules want to be asked again at once at %v", g.now)
		}
		g.pass(next.at - g.running())
	}
	g.pass(to - g.now)
	_, err := g.look()
	return err
}

// pass lets time pass in which nothing happens.
func (g *stage) pass(d time.Duration) {
	if (g.now + d).Truncate(time.Millisecond) > g.now { // less than that is one moment for people
		g.tell()
	}
	g.now += d
}

// look asks the rules.
func (g *stage) look() (deadline, error) {
	if g.looks++; g.looks > cmp.Or(g.most, maxLooks) {
		return deadline{}, errors.New("more happens than can be played")
	}
	now := g.running()
	g.core.tick(now)
	if g.stuck != 0 {
		g.cond.Undelivered = now - g.stuck
	}
	list, next := g.core.decide(g.cond, now)
	g.rings = g.rings[:0]
	for o, s := range list {
		if g.core.engine.outputs[o].sounds() && lit(s.play) && s.replaces(g.shown[o]) && (!g.starts || s.from == now) { // else it goes on
			g.heard++
			g.rings = append(g.rings, o)
		}
	}
	g.shown, g.starts = list, false
	if g.watch != nil {
		g.watch(g)
	}
	return next, nil
}

// tell writes what is shown otherwise than when it was last told.
func (g *stage) tell() {
	if !g.tells {
		return
	}
	for o := range g.shown {
		if text := g.shown[o].text(); text != g.told[o] {
			g.told[o] = text
			fmt.Fprintf(g.out, "%-12s %-10s %s\n", g.when(), g.Config.Outputs[o].Name, text)
		}
	}
}

// when is the time for people.
func (g *stage) when() string {
	if t := g.clock(); !t.IsZero() {
		return t.Format("Mon 15:04:05")
	}
	return g.now.Truncate(time.Millisecond).String()
}

// text is what an output shows in words: "pulse: somebody waits".
func (s *shown) text() string {
	if s.reason == "" {
		return s.pattern
	}
	return s.pattern + ": " + s.reason
}

// expect holds one thing that is to be so against what is.
func (g *stage) expect(text string) error {
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	if name == "why" {
		return g.explains(rest)
	}
	o := g.core.engine.output(name)
	if o < 0 {
		if n, ok := g.numbers()[name]; ok {
			if want, err := strconv.Atoi(rest); err != nil || want != n {
				return fmt.Errorf("%s is %d, not %s", name, n, rest)
			}
			return nil
		}
		return fmt.Errorf("%q is neither an output (%s) nor why, nor a number: open, waiting, acknowledged, unanswered, unassigned, sounds", name, strings.Join(g.outputNames(), ", "))
	}
	got := g.shown[o].text()
	if got == rest || !strings.Contains(rest, ":") && g.shown[o].pattern == rest {
		return nil
	}
	return fmt.Errorf("%s shows %q, not %q", name, got, rest)
}

// explains holds what there is to say of the last event against a rule or an output, and what became of it.
func (g *stage) explains(text string) error {
	words, err := wordsOf(text)
	if err != nil || len(words) < 2 {
		return errors.New("write: why RULE OUTCOME, or why OUTPUT OUTCOME")
	}
	x, err := g.core.why.explain(g.sequence)
	if err != nil {
		return err
	}
	var got []string
	for _, d := range x.Decisions {
		if d.Output == words[0] || d.Output == "" && d.Rule == words[0] {
			if got = append(got, d.Outcome); d.Outcome == strings.Join(words[1:], " ") {
				return nil
			}
		}
	}
	return fmt.Errorf("%s is %q, not %q", words[0], got, strings.Join(words[1:], " "))
}

// numbers are those that a script may expect: of the desk, and how often something was heard.
func (g *stage) numbers() map[string]int {
	f := g.core.desk.FactsOf(g.core.group(0))
	return map[string]int{
		"open": f.Open, "waiting": f.Waiting, "acknowledged": f.Acknowledged, "unanswered": f.Unanswered, "unassigned": f.Unassigned, "sounds": g.heard,
	}
}

func (g *stage) outputNames() (list []string) {
	for _, o := range g.Config.Outputs {
		list = append(list, o.Name)
	}
	return list
}

// restart switches the agent off for a time. What it kept is all that is left.
func (g *stage) restart(d time.Duration) error {
	g.tell()
	g.keep()
	g.now += d
	g.away += d
	return g.start()
}

func (g *stage) keep() {
	for name, data := range g.core.entries() {
		if data == nil {
			delete(g.kept, name)
		} else {
			g.kept[name] = data
		}
	}
	g.kept = maps.Clone(g.kept)
}

// take gives the rules an event that came a time ago: before the agent started, if that is not 0.
func (g *stage) take(e event.Event, ago time.Duration) {
	g.sequence++
	s := desk.Stamp{At: max(0, g.running()-ago), Sequence: g.sequence}
	copy(s.ID[:], fmt.Sprintf("%016x", g.sequence))
	at := scriptEpoch.Add(g.now - ago)
	if t := g.clock(); !t.IsZero() {
		s.Wall = t.Add(-ago)
		at = s.Wall.UTC()
	}
	if e.Time.IsZero() {
		e.Time = at
	}
	g.core.take(e, s, g.running(), ago == 0)
}

// press is what Indicator.Input does.
func (g *stage) press(input string, d time.Duration) error {
	locked, err := g.core.locks.of(input)
	if err != nil || locked {
		return err
	}
	a, does := Action{Does: Acknowledge}, true
	if g.Press != nil {
		a, does = g.Press(input, d)
	}
	if !does {
		return nil
	}
	now := g.running()
	g.core.engine.answerAt(now)
	switch a.Does {
	case Acknowledge:
		g.core.desk.Acknowledge(now)
	case Test:
		g.core.testAll(now)
	case Mute:
		do, err := g.core.mute(a.For)
		if err != nil {
			return err
		}
		do(now)
	}
	return nil
}

// by sets an output by hand.
func (g *stage) by(output string, s Setting) error {
	do, err := g.core.set(output, s)
	if err == nil {
		do(g.running())
	}
	return err
}
