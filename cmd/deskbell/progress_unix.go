//go:build unix

package main

import (
	"syscall"
	"time"
)

// work is what this process has done so far.
func work() worked {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return worked{cpu: time.Duration(time.Now().UnixNano())} // nothing is known: it goes on
	}
	return worked{
		cpu:  time.Duration(u.Utime.Nano() + u.Stime.Nano()),
		disk: int64(u.Majflt) + int64(u.Inblock) + int64(u.Oublock),
	}
}
