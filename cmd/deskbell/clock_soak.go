//go:build soak

package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// wallClock is behind or ahead of the real one by the seconds in the file that
// $DESKBELL_SOAK_CLOCK names. What is in no release cannot be set there.
func wallClock() time.Time {
	now := time.Now()
	b, err := os.ReadFile(os.Getenv("DESKBELL_SOAK_CLOCK"))
	if err != nil {
		return now
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return now
	}
	return time.Unix(now.Unix()+seconds, int64(now.Nanosecond()))
}
