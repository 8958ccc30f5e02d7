//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package storage

import (
	"context"
	"fmt"
	"os"
)

// lock opens the folder. Here only bbolt's own lock on the file keeps others
// out.
func lock(_ context.Context, dir string, _ bool) (*os.File, error) { return os.Open(dir) }

// heldBy is ErrLocked; by whom cannot be told here.
func heldBy(path string) error { return fmt.Errorf("%w: another process has %s open", ErrLocked, path) }
