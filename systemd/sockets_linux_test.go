package systemd

import (
	"os"
	"testing"
)

// TestSocketsForAnotherProcess: who started us was meant.
func TestSocketsForAnotherProcess(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_FDNAMES", "webhook-00000000")
	if s := TakeSockets(); len(s.passed) != 0 || s.Listener("webhook", ":8080") != nil {
		t.Errorf("took %v", s.passed)
	}
	if _, still := os.LookupEnv("LISTEN_FDS"); still {
		t.Error("children believe to be passed sockets")
	}
}
