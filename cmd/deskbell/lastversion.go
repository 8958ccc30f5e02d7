package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// versionFile names the version that had the store last. An older one that
// cannot read the store says by it which one is to be installed again.
const versionFile = "version"

// aVersion is what a version may look like.
var aVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+~-]{0,99}$`)

// noteVersion writes this version into dir, where another one is noted. That it
// could not be written matters to nobody before a downgrade.
func noteVersion(dir string) {
	if notedVersion(dir) == version {
		return
	}
	name := filepath.Join(dir, versionFile)
	fresh := name + ".new"
	_ = os.Remove(fresh)
	// A new file, not what a link leads to: root may run in a folder of another's.
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return
	}
	_, err = f.WriteString(version + "\n")
	if errors.Join(err, f.Close()) == nil {
		_ = os.Rename(fresh, name)
	}
}

// notedVersion returns what is noted in dir, "" where nothing is.
func notedVersion(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, versionFile))
	if v := strings.TrimSpace(string(text)); err == nil && aVersion.MatchString(v) {
		return v
	}
	return ""
}
