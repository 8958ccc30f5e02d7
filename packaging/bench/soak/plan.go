package main

import (
	"iter"
	"math/rand/v2"
	"time"
)

// A kind is what may be done to the box and its surroundings.
type kind string

const (
	changeLoad   kind = "load"
	killAgent    kind = "kill the agent"
	killStart    kind = "kill the agent while it starts"
	stopAgent    kind = "stop the agent"
	dumpAgent    kind = "have the agent dump its goroutines"
	stopBroker   kind = "stop the broker"
	killBroker   kind = "kill the broker"
	freezeBroker kind = "freeze the broker"
	cutLinks     kind = "cut the connections to the broker"
	halfOpen     kind = "have the network swallow the connections to the broker"
	fillDisk     kind = "fill the disk"
	failSync     kind = "fail syncs"
	failWrite    kind = "fail writes"
	damageStore  kind = "damage the store"
	jumpClock    kind = "jump the clock"
	command      kind = "command"
)

// kinds with how often each comes, out of the sum of all.
var kinds = []struct {
	kind
	weight int
}{
	{changeLoad, 20}, {command, 14}, {jumpClock, 6},
	{killAgent, 8}, {killStart, 4}, {stopAgent, 4}, {dumpAgent, 2},
	{stopBroker, 5}, {killBroker, 5}, {freezeBroker, 5}, {cutLinks, 7}, {halfOpen, 3},
	{fillDisk, 7}, {failSync, 5}, {failWrite, 2}, {damageStore, 7},
}

// resource is what an action takes for itself: two of one resource come one
// after the other, others at once.
func (k kind) resource() string {
	switch k {
	case killAgent, killStart, stopAgent, dumpAgent, damageStore:
		return "agent"
	case stopBroker, killBroker, freezeBroker:
		return "broker"
	case cutLinks, halfOpen:
		return "link"
	case failSync, failWrite:
		return "tracer"
	}
	return string(k)
}

// An action is one step of a plan. All that is left to chance in it comes from
// its own numbers, which follow from the seed and its place alone.
type action struct {
	number int
	kind   kind
	pause  time.Duration // before it
	lasts  time.Duration // of a fault that ends
	rand   *rand.Rand
}

// plan draws actions, the same ones for the same seed, without an end.
func plan(seed uint64) iter.Seq[action] {
	return func(yield func(action) bool) {
		sum := 0
		for _, k := range kinds {
			sum += k.weight
		}
		for n := 1; ; n++ {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			a := action{number: n, rand: r}
			a.pause = between(r, 100*time.Millisecond, 4*time.Second)
			a.lasts = between(r, 300*time.Millisecond, 4*time.Second)
			if r.IntN(6) == 0 {
				a.lasts *= 5
			}
			pick := r.IntN(sum)
			for _, k := range kinds {
				if pick -= k.weight; pick < 0 {
					a.kind = k.kind
					break
				}
			}
			if !yield(a) {
				return
			}
		}
	}
}

// between draws a time; short ones come as often as long ones.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// pick draws one of a list.
func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }
