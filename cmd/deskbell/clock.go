//go:build !soak

package main

import "time"

// wallClock is the agent's. A soak test has one that it can set.
var wallClock = time.Now
