package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The version is noted in a file of its own, whatever lies under its name: root
// may run the agent in a folder where another user has put a link.
func TestTheVersionIsNotedBesideALink(t *testing.T) {
	dir := t.TempDir()
	others := filepath.Join(dir, "others")
	if err := os.WriteFile(others, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(others, filepath.Join(dir, versionFile+".new")); err != nil {
		t.Skip("there are no links here: ", err)
	}
	noteVersion(dir)
	if text, err := os.ReadFile(others); err != nil || string(text) != "kept" {
		t.Errorf("what the link leads to holds %q: %v", text, err)
	}
	if got := notedVersion(dir); got != version {
		t.Errorf("%q is noted, want %q", got, version)
	}
}
