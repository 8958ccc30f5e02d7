//go:build !unix

package main

import (
	"errors"
	"os/exec"
	"os/user"
)

// actAs is for systems with systemd.
func actAs(*exec.Cmd, *user.User) (int, error) { return 0, errors.ErrUnsupported }
