package main

import (
	"testing"
	"time"
)

// TestMuteUntilATimeOfDay is by the clock of the configured zone, in the nights that are longer or shorter too.
func TestMuteUntilATimeOfDay(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		now, until string
		want       time.Duration
	}{
		{"2026-03-03T16:00:00Z", "18:00", time.Hour},
		{"2026-03-03T16:59:59Z", "18:00", time.Second},
		{"2026-03-03T17:00:00Z", "18:00", 24 * time.Hour},
		{"2026-03-03T23:30:00Z", "00:15", 23*time.Hour + 45*time.Minute},
		{"2026-03-28T17:00:00Z", "18:00", 23 * time.Hour},
		{"2026-10-24T16:00:00Z", "18:00", 25 * time.Hour},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := muteTime([]string{"until", tt.until}, now.In(paris)); err != nil || got != tt.want {
			t.Errorf("at %s until %s: %v, %v, want %v", tt.now, tt.until, got, err, tt.want)
		}
	}
}
