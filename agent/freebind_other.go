//go:build !linux

package agent

import "syscall"

func bindAhead(_, _ string, _ syscall.RawConn) error { return nil }
