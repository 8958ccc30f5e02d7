// Package gpio drives the outputs of a desk, lamps and buzzers on the pins of a Raspberry Pi, and watches its buttons. Both may
// be simulated.
//
// A [Board] holds the configured outputs and plays one [Pattern] on each. It knows pins, levels and times, and nothing of
// what a pattern stands for. An output whose pin cannot be had is simulated meanwhile, says so in [Board.Problems], and is
// tried again: a missing wire never stops the program. Inputs likewise: a board tells each [Press] of a button once, and what it
// does is not known here.
//
// The chip driver goes through the kernel's GPIO character device (/dev/gpiochipN), so every line it uses is claimed under
// the name "deskbell" and no other program can take it. A line is found by the name the board gives it ("GPIO17"), or by
// chip and number ("gpiochip0:17") where it has none. A [Tone] needs a pitch and goes through the kernel's PWM (/sys/class/pwm), on one
// of the four pins of the header that have it, or on "pwmchipN:CHANNEL".
package gpio
