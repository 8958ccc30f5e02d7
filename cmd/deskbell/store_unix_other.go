//go:build unix && !linux

package main

import "syscall"

// diesWithUs is not known here: the next agent waits for the child's end.
func diesWithUs(*syscall.SysProcAttr) {}
