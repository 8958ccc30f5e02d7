package gpio

import (
	"fmt"
	"strings"
	"testing"
)

func TestARelayThatIsOnFromPowerUpIsWarnedOf(t *testing.T) {
	for pin := range 54 {
		for _, low := range []bool{false, true} {
			got := PowerUp(OutputConfig{Name: "door", Pin: fmt.Sprintf("GPIO%d", pin), Kind: Relay, ActiveLow: low})
			pulledHigh := pin <= 8
			if want := pin <= 27 && pulledHigh != low; (got != "") != want {
				t.Errorf("GPIO%d active low %v: %q", pin, low, got)
			}
			helps := fmt.Sprintf("gpio=%d=op,dl", pin) // off is low
			if low {
				helps = fmt.Sprintf("gpio=%d=op,dh", pin)
			}
			if got != "" && !strings.Contains(got, helps) {
				t.Errorf("GPIO%d active low %v: %q does not say %s", pin, low, got, helps)
			}
		}
	}
	for _, o := range []OutputConfig{{Pin: "GPIO4"}, {Pin: "GPIO4", Kind: Buzzer}, {Pin: "gpiochip0:4", Kind: Relay}, {Pin: "GPIO-4", Kind: Relay}, {Pin: "4", Kind: Relay}, {Kind: Relay}} {
		if got := PowerUp(o); got != "" {
			t.Errorf("%+v: %q", o, got)
		}
	}
	want := "GPIO17 is pulled down from power-up, and a relay that is on at low may be on until deskbell runs: take one of GPIO4 to GPIO8, or add gpio=17=op,dh to /boot/firmware/config.txt"
	if got := PowerUp(OutputConfig{Pin: "GPIO17", Kind: Relay, ActiveLow: true}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
