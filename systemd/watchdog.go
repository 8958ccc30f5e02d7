package systemd

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WatchdogInterval returns the time without a sign of life after which systemd ends and restarts this process: WatchdogSec of the
// unit. It is 0 where no watchdog watches this process. ($WATCHDOG_USEC is read here as 64 bits: a reader with int refuses
// more than 35 minutes on 32-bit ARM.)
func WatchdogInterval() time.Duration {
	µs, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || µs <= 0 || µs > int64(time.Duration(1<<63-1)/time.Microsecond) {
		return 0
	}
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(µs) * time.Microsecond
}

// Watchdog gives the sign of life twice an interval for as long as healthy answers true, and blocks until ctx ends. Once healthy is
// false, or does not return, the signs stay away and systemd restarts the service an interval later, unless healthy is true again by
// then. It is called by one goroutine; without a watchdog it is never called. The error is nil: a sign that could not be sent is
// one that systemd misses.
func Watchdog(ctx context.Context, healthy func() bool) error {
	interval := WatchdogInterval()
	if interval == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(interval / 2)
	defer ticker.Stop()
	for {
		if healthy() {
			_ = Notify(daemon.SdNotifyWatchdog) // the next one comes well within the interval
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
