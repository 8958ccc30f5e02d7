//go:build linux

package gpio

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// buttonVariable names a line that somebody outside presses when asked to, such as gpiochip0:3 on the emulated machine of
// packaging/lab/button. One asks by a line "lab: press MILLISECONDS" on the console.
const buttonVariable = "DESKBELL_TEST_BUTTON"

func chipInputDrivers(*testing.T) []inputDriver {
	pin := os.Getenv(buttonVariable)
	if pin == "" {
		return nil
	}
	press := func(t *testing.T, _ *Board, d time.Duration) {
		console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close()
		fmt.Fprintf(console, "lab: press %d\n", d.Milliseconds())
	}
	var drivers []inputDriver
	for version, name := range []string{"chip", "chip of a kernel before 5.10"} {
		drivers = append(drivers, inputDriver{name: name, press: press, open: func(t *testing.T, in InputConfig, pressed func(Press)) *Board {
			in.Pin = pin
			c := Config{Driver: DriverChip, Inputs: []InputConfig{in}, Pressed: pressed}
			return openWith(t, c, func(c Config, in InputConfig, changed func(bool, time.Time)) (inputLine, error) {
				return claimInput(c, in, changed, version)
			})
		}})
	}
	return drivers
}
