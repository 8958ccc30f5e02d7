//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNewerStoreIsLeftAlone is what happens after a downgrade over a change of the store's format: the older program says which
// version is to be installed again, and nothing has changed when that is done.
func TestNewerStoreIsLeftAlone(t *testing.T) {
	p := newProgram(t, "", "")
	p.start()
	if code, _, _ := p.post([]byte(`{"events":[{"event":{"type":"message"}}]}`)); code != 200 {
		t.Fatal(code)
	}
	p.stop()
	if got := notedVersion(p.dir); got != version {
		t.Errorf("the version %q is noted, want %q", got, version)
	}
	store := filepath.Join(p.dir, "deskbell.db")
	written, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.ReplaceAll(written, []byte("format\x00\x00\x00\x01"), []byte("format\x00\x00\x00\x02"))
	if bytes.Equal(newer, written) {
		t.Fatal("the store does not say its format where it did")
	}
	for noted, want := range map[string]string{
		"9.1.0\n":                   "hint: install version 9.1.0 again, which had it last: sudo apt install deskbell=9.1.0; ",
		"$(reboot)\n":               "hint: install that version again; ",
		"":                          "hint: install that version again; ",
		"1.0 of\nmore lines than 1": "hint: install that version again; ",
	} {
		for name, content := range map[string][]byte{store: newer, filepath.Join(p.dir, versionFile): []byte(noted)} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			var said bytes.Buffer
			cmd := exec.Command(p.path, "run", "--config", p.config)
			cmd.Stderr = &said
			_ = cmd.Run() // its exit status is looked at
			if code := cmd.ProcessState.ExitCode(); code != 1 || !bytes.Contains(said.Bytes(), []byte("the store was written by a newer version")) || !bytes.Contains(said.Bytes(), []byte(want)) {
				t.Errorf("exit status %d:\n%s\nwant 1 and %q", code, said.String(), want)
			}
		}
		for name, before := range map[string][]byte{store: newer, filepath.Join(p.dir, versionFile): []byte(noted)} {
			if after, err := os.ReadFile(name); err != nil || !bytes.Equal(after, before) {
				t.Errorf("%s has changed, %v", filepath.Base(name), err)
			}
		}
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Name() {
		case "deskbell.db", versionFile, "deskbell.lock", "lock":
		default:
			t.Errorf("%s was left", e.Name())
		}
	}
	// That version again.
	if err := os.WriteFile(store, written, 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	if s := p.status(); s.Storage.LastSequence != 1 {
		t.Errorf("%d events", s.Storage.LastSequence)
	}
}
