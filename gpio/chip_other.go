//go:build !linux

package gpio

import "time"

func openChipPin(Config, OutputConfig, bool) (Pin, error) { return nil, ErrNoChip }

// FindTone returns [ErrNoChip]: there is no pin here that could play a [Tone].
func FindTone(string) error { return ErrNoChip }

func openTonePin(OutputConfig) (Pin, error) { return nil, ErrNoChip }

func openChipInput(Config, InputConfig, func(bool, time.Time)) (inputLine, error) {
	return nil, ErrNoChip
}

func listChips() ([]Chip, error) { return nil, ErrNoChip }
