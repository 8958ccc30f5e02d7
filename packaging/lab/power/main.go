//go:build linux

// Command power pulls the plug. Inside the emulated machine `power guest` starts the agent, looks whether the store holds what it
// should, posts events and says on the serial line what was answered 200. `power host` boots that machine, ends it at random
// moments, boots the same card again and keeps the account. `power nosync COMMAND…` runs a command whose syncs do nothing.
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch verb := append(os.Args, "", "")[1]; verb {
	case "guest":
		err = guest()
	case "host":
		err = host(os.Args[2:])
	case "nosync":
		err = nosync(os.Args[2:])
	default:
		err = fmt.Errorf("%q is none of guest, host and nosync", verb)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab-power:", err)
		os.Exit(1)
	}
}
