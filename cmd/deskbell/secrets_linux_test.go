package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSecretsOfRoot runs an agent whose secrets root alone may read, as a person
// who may use the control socket: all works but what needs a secret, and that
// says which file and how.
func TestSecretsOfRoot(t *testing.T) {
	s := newSite(t)
	token := filepath.Join(s.above, "token")
	must(t, os.WriteFile(token, []byte("right\n"), 0o600))
	doc, err := os.ReadFile(s.config)
	must(t, err, os.WriteFile(s.config, append(doc, "webhook.tokens_file = '"+token+"'\n"...), 0o644))
	_, stop := s.start(0)
	socket := filepath.Join(s.data, "control.sock")
	deadline := time.After(time.Minute)
	for _, err := os.Stat(socket); err != nil; _, err = os.Stat(socket) { // it comes a moment after the agent is ready
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	must(t, os.Chmod(s.data, 0o755), os.Chmod(socket, 0o666))
	for _, args := range [][]string{
		{"status"}, {"ack"}, {"mute", "1m"}, {"unmute"}, {"events", "list"}, {"card"}, {"test", "lamp"}, {"gpio", "off", "--for", "0s"},
	} {
		if code, said := s.ends(nobody, args...); code != exitGood {
			t.Errorf("%q: exit %d: %s", args, code, said)
		}
	}
	for _, args := range [][]string{{"check"}, {"send"}, {"run"}} {
		code, said := s.ends(nobody, args...)
		want := exitFailed
		if args[0] == "run" {
			want = exitRefused
		}
		if code != want || !strings.Contains(said, "open "+token+": permission denied") || !strings.Contains(said, "hint: run it with sudo") {
			t.Errorf("%q: exit %d: %s", args, code, said)
		}
	}
	stop()
}
