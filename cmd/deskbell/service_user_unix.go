//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// actAs has cmd run as a user in all its groups, and returns the user's id.
func actAs(cmd *exec.Cmd, who *user.User) (id int, err error) {
	c := &syscall.Credential{}
	number := func(text string) uint32 {
		n, e := strconv.ParseUint(text, 10, 32)
		if e != nil {
			err = fmt.Errorf("read the ids of the user %s: %w", who.Username, e)
		}
		return uint32(n)
	}
	groups, e := who.GroupIds()
	if e != nil {
		return 0, fmt.Errorf("read the groups of the user %s: %w", who.Username, e)
	}
	c.Uid, c.Gid = number(who.Uid), number(who.Gid)
	for _, g := range groups {
		c.Groups = append(c.Groups, number(g))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c}
	return int(c.Uid), err
}
