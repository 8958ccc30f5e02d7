package gpio

import (
	"fmt"
	"strconv"
	"strings"
)

// The pulls of the header's pins from power-up until somebody claims them: GPIO0 to GPIO8 up, GPIO9 to GPIO27 down. Source: BCM2835
// ARM Peripherals, table 6-31; those of the later Pis are the same for the header, in the BCM2711 and RP1 peripherals.
const (
	lastPulledUp = 8
	lastOfHeader = 27
)

// PowerUp says in words when a relay may be on from power-up until it is claimed, because the pull of its pin is at the level at
// which it is on, and what helps; empty when there is nothing to say. It looks at the configuration alone.
func PowerUp(o OutputConfig) string {
	digits, ok := strings.CutPrefix(o.Pin, "GPIO")
	pin, err := strconv.Atoi(digits)
	if o.Kind != Relay || !ok || err != nil || pin < 0 || pin > lastOfHeader {
		return ""
	}
	if up := pin <= lastPulledUp; up == o.ActiveLow {
		return ""
	}
	pull, at, drive, others := "up", "high", "dl", fmt.Sprintf("one of GPIO%d to GPIO%d", lastPulledUp+1, lastOfHeader)
	if o.ActiveLow {
		pull, at, drive, others = "down", "low", "dh", fmt.Sprintf("one of GPIO4 to GPIO%d", lastPulledUp) // below is I2C
	}
	return fmt.Sprintf("%s is pulled %s from power-up, and a relay that is on at %s may be on until deskbell runs: take %s, or add gpio=%d=op,%s to /boot/firmware/config.txt",
		o.Pin, pull, at, others, pin, drive)
}
