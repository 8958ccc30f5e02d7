//go:build !linux

package gpio

func openChipPin(Config, OutputConfig, bool) (Pin, error) { return nil, ErrNoChip }

func listChips() ([]Chip, error) { return nil, ErrNoChip }
