//go:build !linux

package storage

import (
	"errors"
	"os"
)

// readAhead is left to the system here.
func readAhead(*os.File, int64) {}

// allocate is not known here.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
