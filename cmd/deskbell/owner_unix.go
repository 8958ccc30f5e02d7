//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

func ownerOf(info fs.FileInfo) owner {
	as := owner{info.Mode().Perm(), -1, -1}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		as.uid, as.gid = int(st.Uid), int(st.Gid)
	}
	return as
}
