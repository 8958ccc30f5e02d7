package storage

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// holder returns the process that has the folder locked, 0 where it cannot be
// told or has just ended, and whether it is an agent, which does not share the
// lock. /proc/locks has a line for each lock
// (proc_locks(5), 2026-01): "1: FLOCK  ADVISORY  WRITE 2713 fe:00:1311 0 EOF".
func holder(folder *os.File) (pid int, agent bool) {
	info, err := folder.Stat()
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	dev := uint64(st.Dev)
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), st.Ino)
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return 0, false
	}
	defer func() { _ = locks.Close() }()
	for s := bufio.NewScanner(locks); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) > 5 && f[1] == "FLOCK" && f[5] == inode {
			pid, _ = strconv.Atoi(f[4])
			return pid, f[3] == "WRITE"
		}
	}
	return 0, false
}
