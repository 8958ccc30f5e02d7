package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"deskbell/storage"
)

// remedy adds what to do to an error about the store in dir.
func remedy(err error, dir string) error {
	var told *failure
	if err == nil || errors.As(err, &told) {
		return err
	}
	hint := ""
	switch {
	case errors.Is(err, storage.ErrLocked):
		hint = "look at it with: deskbell status; or give this one a data_dir of its own, for " + dir + " is taken"
	case errors.Is(err, storage.ErrNewer):
		hint = "install that version again; " + dir + " is as it was"
		if v := notedVersion(dir); v != "" {
			hint = fmt.Sprintf("install version %[1]s again, which had it last: sudo apt install deskbell=%[1]s; %[2]s is as it was", v, dir)
		}
	case errors.Is(err, syscall.EROFS):
		hint = "the disk of " + dir + " is mounted read-only, as the system does with one that fails: look at dmesg, then mount it for writing"
	case errors.Is(err, storage.ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "make room on the disk of " + dir
	case errors.Is(err, fs.ErrPermission):
		me := self()
		hint = fmt.Sprintf("it runs as %s and must own the folder: sudo mkdir -p %[2]s && sudo chown -R %[1]s %[2]s && sudo chmod -R u+rwX %[2]s", me, dir)
	case strings.Contains(err.Error(), dir):
		hint = "data_dir is " + dir + ": a folder for the agent alone; move away what is in its place, or name another one"
	}
	return failed(err, hint)
}

// self is the user that this process runs as.
func self() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}
