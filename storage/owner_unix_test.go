//go:build unix

package storage

import (
	"os"
	"path/filepath"
	"testing"
)

// Root may compact the store of an agent that somebody has taken over: a link in
// the place of the new file must not hand a file of root's to the agent.
func TestSameOwnerFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	old, fresh, roots := filepath.Join(dir, "old"), filepath.Join(dir, "fresh"), filepath.Join(dir, "roots")
	for name, mode := range map[string]os.FileMode{old: 0o666, roots: 0o600} {
		if err := os.WriteFile(name, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(roots, fresh); err != nil {
		t.Fatal(err)
	}
	if err := sameOwner(old, fresh); err == nil {
		t.Error("a link is taken for the new file")
	}
	if info, err := os.Stat(roots); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what the link leads to is %v now: %v", info.Mode(), err)
	}
}
