package indicator

import (
	"time"

	"deskbell/agent/desk"
)

// Snapshot is the indicator's part of the status. It is not to be changed: several callers share it.
type Snapshot struct {
	Desk       desk.Snapshot `json:"desk"` // MutedUntil included
	MutedUntil time.Time     `json:"-"`    // zero: not muted
	Outputs    []OutputState `json:"outputs"`
}

// OutputState is one output and why it shows what it shows.
type OutputState struct {
	Name    string `json:"name"`
	Pin     string `json:"pin"`
	Kind    string `json:"kind"`
	Driver  string `json:"driver"`  // chip or simulated
	On      bool   `json:"on"`      // the level of this moment
	Pattern string `json:"pattern"` // off when nothing is asked of it
	Reason  string `json:"reason"`  // for people; empty when nothing is asked of it
}

// wallTime is when the mute ends by the wall clock, as it was told last.
type wallTime struct {
	of   time.Duration
	wall time.Time
}

// Snapshot returns the desk and the outputs as they are now. It does not wait for the disk.
func (i *Indicator) Snapshot() Snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.listed == nil {
		s := i.core.desk.SnapshotOf(i.core.group(0))
		i.listed = &s
	}
	s := Snapshot{Desk: *i.listed, Outputs: make([]OutputState, 0, len(i.wanted))}
	if until := i.core.engine.mute.Until; until != 0 {
		wall := i.now().Add(until - i.source.Elapsed()).Round(time.Second).UTC()
		if m := i.core.engine.mute; m.again && m.Wall != 0 && time.Unix(m.Wall, 0).Before(wall) {
			wall = time.Unix(m.Wall, 0).UTC()
		}
		if off := wall.Sub(i.until.wall); i.until.of != until || off.Abs() > time.Second { // the same time, but for rounding and until the clock is set
			i.until = wallTime{of: until, wall: wall}
		}
		wall = i.until.wall
		s.MutedUntil, s.Desk.MutedUntil = wall, &wall
	}
	for o, w := range i.wanted {
		c, b := i.core.engine.outputs[o], i.board.State(i.core.engine.outputs[o].Name)
		s.Outputs = append(s.Outputs, OutputState{
			Name: c.Name, Pin: c.Pin, Kind: c.Kind, Driver: b.Driver, On: b.On, Pattern: w.pattern, Reason: w.reason,
		})
	}
	return s
}
