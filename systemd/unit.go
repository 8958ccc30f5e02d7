// Package systemd is how deskbell is a service of systemd: the unit and its user as the files that the package installs, embedded
// so that `deskbell service install` writes the same bytes, and the words that the running agent says to the service manager.
//
// What is said does nothing, without an error, where no systemd has started the process. The service's files for OpenRC and launchd are
// here as well.
package systemd

import (
	_ "embed"
	"strings"
)

// Name is the name of the unit without ".service", and of the user and the group that it runs as.
const Name = "deskbell"

// packaged is the path of the binary in the unit as it is shipped.
const packaged = "/usr/bin/deskbell"

//go:embed deskbell.service
var unit string

//go:embed deskbell.sysusers
var sysusers string

// Unit returns deskbell.service exactly as the package installs it in /usr/lib/systemd/system.
func Unit() string { return unit }

// Script returns the unit as a template for the option SystemdScript of kardianos/service, version 1.3.0 or later: the path is that of
// the binary that installs it, and the Arguments of its Config (such as --config FILE) follow every command. Installed from
// /usr/bin/deskbell without arguments it becomes Unit, byte for byte.
func Script() string {
	lines := strings.SplitAfter(unit, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "Exec") {
			continue
		}
		line = strings.Replace(line, packaged, "{{Path | cmdEscape}}", 1)
		lines[i] = strings.TrimSuffix(line, "\n") + "{{range Arguments}} {{. | cmd}}{{end}}\n"
	}
	return strings.Join(lines, "")
}
