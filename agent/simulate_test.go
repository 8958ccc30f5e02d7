package agent

import (
	"strings"
	"testing"
)

// TestSimulate: a script is played on a configuration as it is written: its zone, its buttons, its table of types.
func TestSimulate(t *testing.T) {
	c, err := Load([]byte(`
timezone = "Europe/Berlin"
webhook.types = { "vip_arrived" = "sla_breached" }
[input.ack]
pin = "GPIO27"
min_press = "80ms"
hold = "mute 20m"
hold_for = "5s"
`), ThisMachine())
	if err != nil {
		t.Fatal(err)
	}
	err = Simulate(c, strings.NewReader(`clock 2026-10-25 01:30
0s {"event":{"type":"vip_arrived","payload":{}},"conversation":{"key":"c1"}}
  lamp fast: SLA breached
+1m handover c1 user anna@hotel.example
  lamp pulse: somebody waits
+1m press ack 50ms
  lamp pulse: somebody waits
+1s press ack 100ms
  lamp on: acknowledged
+1s press ack 6s
  buzzer off: muted
02:58
  buzzer off
`), t.Output())
	if err != nil {
		t.Error(err)
	}
	if err := Simulate(c, strings.NewReader("0s ack\n  lamp on\n"), t.Output()); err == nil || err.Error() != `line 2: at 0s lamp shows "off", not "on"` {
		t.Error(err)
	}
}
