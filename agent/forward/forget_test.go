package forward

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

// TestWhatIsForgottenIsNotSent has events forgotten after they were read, while
// the broker takes its time over the first one.
func TestWhatIsForgottenIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.add(repeat("message", 6)...)
		f := forwarder(t, Config{Window: 1}, m)
		fake := &mqtttest.Fake{Late: time.Second}
		_, stop := connect(fake, online{}, f)
		defer stop()
		synctest.Wait()
		m.forget(3, 5)
		pass := func(want ...uint64) {
			t.Helper()
			time.Sleep(20 * time.Second)
			if got := events(fake); !slices.Equal(got, want) {
				t.Errorf("sent %v, want %v", got, want)
			}
			if m.Position() != 6 || len(m.held) != 0 {
				t.Errorf("position %d, held %v", m.Position(), m.held)
			}
		}
		pass(1, 2, 4, 6)
		if _, err := f.Replay(t.Context(), 1, 6); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		m.forget(4)
		pass(1, 2, 4, 6, 1, 2, 6)
	})
}
