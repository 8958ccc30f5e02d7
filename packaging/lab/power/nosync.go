//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// nosync becomes a command whose fsync, fdatasync, msync and sync_file_range say that they have done it, and do nothing: what a
// program is without them. The lab must notice.
func nosync(command []string) error {
	if len(command) == 0 {
		return errors.New("nosync what?")
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	const (
		load, equal, answer = 0x20, 0x15, 0x06 // BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
		allow, done         = 0x7fff0000, 0x00050000
		newPrivileges       = 38 // PR_SET_NO_NEW_PRIVS
		filter              = 2  // SECCOMP_MODE_FILTER
	)
	calls := []uint32{syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_MSYNC, syscall.SYS_SYNC_FILE_RANGE}
	program := []syscall.SockFilter{{Code: load, K: 0}} // the number of the call
	for i, call := range calls {
		program = append(program, syscall.SockFilter{Code: equal, Jt: uint8(len(calls) - i), K: call})
	}
	program = append(program, syscall.SockFilter{Code: answer, K: allow}, syscall.SockFilter{Code: answer, K: done})
	prog := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread() // a filter is of the thread that becomes the command
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, newPrivileges, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("give up privileges: %w", e)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_SECCOMP, filter, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return fmt.Errorf("filter system calls: %w", e)
	}
	runtime.KeepAlive(program)
	return syscall.Exec(path, command, os.Environ())
}
