//go:build !unix

package main

import "os/exec"

func apart(*exec.Cmd) {}

// crashed tells whether a child died of what it read: a Go program that ends by
// a panic exits with 2.
func crashed(exit *exec.ExitError) bool { return exit.ExitCode() == 2 }
