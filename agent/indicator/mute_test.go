package indicator

import (
	"testing"
	"time"
)

// TestAMuteEndsByTheWallToo: the store's clock cannot know how long the box was switched off while the clock was not set.
func TestAMuteEndsByTheWallToo(t *testing.T) {
	set, wall := true, time.Date(2026, 3, 3, 16, 0, 0, 0, time.UTC)
	c := testConfig()
	c.Outputs = c.Outputs[1:] // a light that blips would look often enough
	c.Now, c.ClockSet = func() time.Time { return wall }, func() bool { return set }
	k, _ := newCore(c)
	k.restore(nil, began, began)
	do, err := k.mute(2 * time.Hour) // until 18:00
	if err != nil {
		t.Fatal(err)
	}
	do(began)
	kept := k.entries()
	muted := func(what string, after time.Duration, want bool) {
		t.Helper()
		if k.decide(Conditions{}, began+after); k.engine.mute.Until != 0 != want {
			t.Errorf("%s: muted until %v", what, k.engine.mute.Until)
		}
	}
	wall = wall.Add(30 * time.Hour)
	muted("a clock that jumps while it runs is nobody's business", time.Minute, true)

	again := func() {
		k, _ = newCore(c)
		for _, err := range k.restore(kept, began, began+time.Minute) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	set = false
	again()
	muted("after a restart, the clock is not set", time.Minute, true)
	if _, next := k.decide(Conditions{}, began+time.Minute); !next.set || next.at > began+time.Minute+quietEvery {
		t.Errorf("the clock may be set, and it is looked at again at %v", next.at)
	}
	set, wall = true, time.Date(2026, 3, 3, 17, 59, 59, 0, time.UTC)
	muted("the clock is set: a second before its end", 2*time.Minute, true)
	if _, next := k.decide(Conditions{}, began+2*time.Minute); next.at > began+2*time.Minute+time.Second {
		t.Errorf("it ends in a second, and is looked at again at %v", next.at)
	}
	wall = wall.Add(time.Second)
	muted("its end", 2*time.Minute+time.Second, false)
	if kept := k.entries(); kept[muteEntry] != nil || len(kept) != 1 {
		t.Errorf("it is kept: %q", kept)
	}

	again()
	wall = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	muted("a clock that is behind does not prolong it", 2*time.Hour, false)
}
