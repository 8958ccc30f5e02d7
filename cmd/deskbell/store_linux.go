package main

import "syscall"

// diesWithUs has the kernel end the child when this process is killed: it would
// keep the next agent from the store.
func diesWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
