package main

import (
	"fmt"
	"os"
	"time"

	"deskbell/packaging/bench/process"
)

// A size is what a process takes.
type size struct {
	at      time.Time
	age     time.Duration
	memory  int64 // resident bytes beside the mapped store
	files   int
	threads int
}

// measure looks at a process.
func measure(pid int, store string) (size, error) {
	s := size{at: time.Now()}
	all, mapped, err := process.Memory(pid, store)
	if err != nil {
		return s, err
	}
	s.memory = all - mapped
	for _, list := range []struct {
		folder string
		n      *int
	}{{"fd", &s.files}, {"task", &s.threads}} {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, list.folder))
		if err != nil {
			return s, err
		}
		*list.n = len(entries)
	}
	return s, nil
}
