package systemd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notify sends one or more assignments of sd_notify(3), a line each, to the service manager. It returns nil where there is none
// ($NOTIFY_SOCKET unset). It may be called by several goroutines at once and blocks only while the manager's socket is full.
func Notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// Ready says that the agent takes webhooks: the store is open and the listener is bound.
func Ready() error { return Notify(daemon.SdNotifyReady) }

// Stopping says that a stop has begun.
func Stopping() error { return Notify(daemon.SdNotifyStopping) }

// Extend says that the start goes on: systemd is to wait at least so long from
// now, whatever TimeoutStartSec says.
func Extend(d time.Duration) error {
	return Notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// startTime is TimeoutStartSec of the unit: how long a start may go without a sign of life.
const startTime = 10 * time.Minute

// Starting has systemd wait on, startTime from each sign of life, while alive answers true: a start takes as long as it takes to
// check a store, on whatever card it lies, or for there to be room for it. It blocks until ctx ends; without a service manager
// it returns at once.
func Starting(ctx context.Context, alive func() bool) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	ticker := time.NewTicker(signTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if alive() {
			_ = Extend(startTime) // the next one comes well before
		}
	}
}

// signTime is how often Starting gives a sign of life.
const signTime = 10 * time.Second

// Status sets the line that `systemctl status` shows. A line break in it becomes a space.
func Status(text string) error {
	return Notify("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}
