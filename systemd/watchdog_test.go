//go:build unix

package systemd

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdogInterval(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	tests := []struct {
		name, µs, pid string
		want          time.Duration
	}{
		{"no watchdog", "", "", 0},
		{"a minute", "60000000", "", time.Minute},
		{"a minute for this process", "60000000", self, time.Minute},
		{"a minute for another process", "60000000", "1", 0},
		{"an hour, more than 32 bits of microseconds", "3600000000", self, time.Hour},
		{"not a number", "soon", "", 0},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"more than a time.Duration holds", "9223372036854775807", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", tt.µs)
			t.Setenv("WATCHDOG_PID", tt.pid)
			if got := WatchdogInterval(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestSignsOfLifeStopWhileTheAgentIsNotHealthy(t *testing.T) {
	told := manager(t)
	t.Setenv("WATCHDOG_USEC", "20000000")
	t.Setenv("WATCHDOG_PID", "")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second)
		defer cancel()
		healthy := func() bool { // asked at 0, 10, 20, … seconds; ill at 20 and 30
			at := time.Since(start)
			return at < 20*time.Second || at >= 40*time.Second
		}
		if err := Watchdog(ctx, healthy); err != nil {
			t.Fatal(err)
		}
	})
	if got, want := told(), slices.Repeat([]string{"WATCHDOG=1"}, 4); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWithoutAWatchdogNothingIsAsked(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := Watchdog(ctx, func() bool { t.Error("asked"); return true }); err != nil {
			t.Fatal(err)
		}
		if ctx.Err() == nil {
			t.Error("returned before its context ended")
		}
	})
}

// TestASlowStartIsWaitedFor: for as long as it comes forward.
func TestASlowStartIsWaitedFor(t *testing.T) {
	told := manager(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		Starting(ctx, func() bool { return time.Since(start) < 30*time.Second }) // asked at 10, 20, 30 and 40 s
		if time.Since(start) != 45*time.Second {
			t.Errorf("returned after %v", time.Since(start))
		}
	})
	if got, want := told(), slices.Repeat([]string{"EXTEND_TIMEOUT_USEC=600000000"}, 2); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	Starting(t.Context(), func() bool { t.Error("asked without a manager"); return true })
}
