package main

import (
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
	if os.WriteFile(name+".new", []byte(version+"\n"), 0o640) == nil {
		_ = os.Rename(name+".new", name)
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
