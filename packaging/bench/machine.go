package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"deskbell/packaging/bench/process"

	"golang.org/x/sys/unix"
)

// A busyness tells what the machine did beside us, between two moments at which
// no process of ours runs.
type busyness struct {
	at         time.Time
	busy, ours time.Duration
}

func look() (b busyness, err error) {
	b.at = time.Now()
	if b.busy, err = machineBusy(); err != nil {
		return b, err
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return b, err
		}
		b.ours += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return b, nil
}

// since returns the share of the machine's time, of all its cores, that others
// have taken since b: other programs, the kernel's own threads, and other
// guests of the same host.
func (b busyness) since() (float64, error) {
	now, err := look()
	if err != nil {
		return 0, err
	}
	others := (now.busy - b.busy) - (now.ours - b.ours)
	all := now.at.Sub(b.at) * time.Duration(runtime.NumCPU())
	return max(0, others.Seconds()/all.Seconds()), nil
}

// machineBusy is the time that the cores were not idle, from the first line of
// /proc/stat: user nice system idle iowait irq softirq steal.
func machineBusy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 9 {
		return 0, fmt.Errorf("read /proc/stat: %d fields", len(fields))
	}
	var busy int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/stat: %w", err)
		}
		busy += n
	}
	return time.Duration(busy) * process.Tick, nil
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// describe says what is measured on.
func describe(dir string) (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	system, err := fileSystem(dir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d cores, Linux %s %s, %s on %s", runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]),
		unix.ByteSliceToString(u.Machine[:]), runtime.Version(), system), nil
}

// fileSystem names the kind of disk that dir is on. What is in memory alone
// syncs nothing, and so measures nothing.
func fileSystem(dir string) (string, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "", fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	switch int64(s.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return "", fmt.Errorf("%s is in memory; name a folder on a disk with --dir", dir)
	case unix.EXT4_SUPER_MAGIC:
		return "ext4", nil
	case unix.XFS_SUPER_MAGIC:
		return "xfs", nil
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs", nil
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay", nil
	}
	return fmt.Sprintf("a file system of type %#x", s.Type), nil
}
