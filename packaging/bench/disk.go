package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A disk is an ext4 on a loop device of its own, whose statistics say what
// really was written, the file system's journal included. What a process has
// given to the system says less: here /proc/PID/io counts several times that.
type disk struct {
	device string // its name below /sys/block
	folder string // where it is mounted
	image  string
}

// disks says why there can be none.
func disks() error {
	if os.Geteuid() != 0 {
		return errors.New("a loop device needs root")
	}
	for _, program := range []string{"losetup", "mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

func newDisk(dir string, size int64) (d *disk, err error) {
	d = &disk{folder: filepath.Join(dir, "disk"), image: filepath.Join(dir, "disk.img")}
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(d.image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return nil, err
	}
	out, err := command("losetup", "--find", "--show", d.image)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSpace(out)
	d.device = filepath.Base(path)
	// Nothing is to be written later that could be written now.
	_, err = command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
	if err == nil {
		_, err = command("mount", "-o", "noatime", path, d.folder)
	}
	// From now on the device goes with its last user.
	_, detach := command("losetup", "--detach", path)
	if err = errors.Join(err, detach); err != nil {
		return nil, err
	}
	return d, nil
}

func command(name string, args ...string) (string, error) {
	b, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, b)
	}
	return string(b), nil
}

func (d *disk) close() error {
	_, err := command("umount", d.folder)
	return errors.Join(err, os.Remove(d.image))
}

// written returns the bytes that the device was given until now, after all that
// waits in memory was written too.
func (d *disk) written() (int64, error) {
	f, err := os.Open(d.folder)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(unix.Syncfs(int(f.Fd())), f.Close()); err != nil {
		return 0, fmt.Errorf("sync %s: %w", d.folder, err)
	}
	b, err := os.ReadFile("/sys/block/" + d.device + "/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 7 {
		return 0, fmt.Errorf("read the statistics of %s: %d fields", d.device, len(fields))
	}
	sectors, err := strconv.ParseInt(fields[6], 10, 64)
	return sectors * 512, err
}

// dropCache has the next reading of a file come from the disk.
func dropCache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync() // pages that wait to be written would stay
	if err == nil {
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	return errors.Join(err, f.Close())
}
