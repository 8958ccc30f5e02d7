//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart gives the child a process group of its own, so that a stop of the
// agent's group does not look like a damaged store.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	diesWithUs(cmd.SysProcAttr)
}

// goPanic is the status of a Go program that ends by a panic or by an error of
// its runtime.
const goPanic = 2

// crashed tells whether a child died of what it read.
func crashed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return status.Signal() == syscall.SIGSEGV || status.Signal() == syscall.SIGBUS || status.Signal() == syscall.SIGABRT
	}
	return exit.ExitCode() == goPanic
}
