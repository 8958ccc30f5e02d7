package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readers are the commands that look into the store of a stopped agent.
func (s *site) readers() [][]string {
	return [][]string{
		{"events", "list"}, {"events", "list", "--json", "--after", "1"}, {"events", "list", "--kind", "message"}, {"events", "show", "1"},
		{"events", "show", "1", "--json"}, {"events", "rejected"}, {"events", "set-aside"}, {"events", "export"},
		{"backup", filepath.Join(s.above, "backup.db")},
	}
}

// writers are those that may change it.
func writers() [][]string {
	return [][]string{{"run"}, {"compact"}, {"forget", "--conversation", "k"}}
}

// notYet says that a command is not in this version.
func notYet(said string) bool { return strings.Contains(said, "not in this version") }

// TestReadingLeavesTheStoreAsItIs beside a stopped agent: every byte, and the
// times of change.
func TestReadingLeavesTheStoreAsItIs(t *testing.T) {
	for _, uid := range []int{nobody, 0} { // the owner, and root
		s := newSite(t)
		s.fill(nobody)
		before := s.lies()
		for _, args := range s.readers() {
			if code, said := s.ends(uid, args...); code != 0 && !notYet(said) {
				t.Errorf("%q: exit status %d: %s", args, code, said)
			}
		}
		if code, said := s.ends(uid, "status"); code != 1 {
			t.Errorf("status: exit status %d: %s", code, said)
		}
		if after := s.lies(); after != before {
			t.Errorf("user %d: the folder was\n%sand is\n%s", uid, before, after)
		}
	}
}

// TestAStoreOfALaterVersionIsRefused by every command, and stays as it is.
func TestAStoreOfALaterVersionIsRefused(t *testing.T) {
	s := newSite(t)
	s.fill(0)
	db := filepath.Join(s.data, "deskbell.db")
	file, err := os.ReadFile(db)
	must(t, err)
	// The number of the format stands behind its name.
	newer := bytes.ReplaceAll(file, []byte("format\x00\x00\x00\x01"), []byte("format\x00\x00\x00\x02"))
	if bytes.Equal(newer, file) {
		t.Fatal("the format was not found")
	}
	must(t, os.WriteFile(db, newer, 0o640))
	before := s.lies()
	for range 2 {
		for _, args := range append(s.readers(), writers()...) {
			code, said := s.ends(0, args...)
			if code != 1 || !notYet(said) && (!strings.Contains(said, "newer version") || !strings.Contains(said, s.data)) {
				t.Errorf("%q: exit status %d: %s", args, code, said)
			}
			if args[0] == "run" && !strings.Contains(said, "deskbell: hint: ") {
				t.Errorf("%q: %s", args, said)
			}
			if after := s.lies(); after != before {
				t.Fatalf("%q: the folder was\n%sand is\n%s", args, before, after)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(s.above, "backup.db")); err == nil {
		t.Error("there is a backup of it")
	}
}
