package mqtt

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"deskbell/agent/mqtt/mqtttest"
)

func TestProbeLogsInAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &mqtttest.Fake{}
		defer f.Close()
		if err := Probe(t.Context(), Config{Broker: "mqtt://broker.test", ClientID: "probe", Username: "desk", Dial: f.Dial}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if !f.Wait(ctx, func() bool { return f.Leaves() == 1 && f.Live() == 0 }) {
			t.Errorf("it left %d times, and %d connections live", f.Leaves(), f.Live())
		}
		if got := f.Logins(); len(got) != 1 || got[0].ClientID != "probe" {
			t.Errorf("logins: %+v", got)
		}
	})
}
