//go:build !linux

package gpio

import "testing"

func chipInputDrivers(*testing.T) []inputDriver { return nil }
