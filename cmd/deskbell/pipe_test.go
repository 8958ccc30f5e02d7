//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"deskbell/agent/event"
)

// TestAReaderThatLeavesIsNoFailure has a pipe for output that nobody reads, as
// `| head` leaves behind.
func TestAReaderThatLeavesIsNoFailure(t *testing.T) {
	p := newProgram(t, "", "")
	p.start()
	for _, s := range event.Samples() {
		p.post(s.Data)
	}
	export := []string{"events", "export", "--config", p.config}
	for _, tt := range []struct {
		name string
		args []string
		stop bool
	}{
		{"of an export beside a running agent", export, false},
		{"of a page of events", []string{"events", "list", "--config", p.config}, false},
		{"of following events", []string{"events", "tail", "--after", "0", "--config", p.config}, false},
		{"of a status as JSON", []string{"status", "--json", "--config", p.config}, false},
		{"of an export of a stopped one", export, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.stop {
				p.stop()
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			defer w.Close()
			var said bytes.Buffer
			cmd := exec.Command(p.path, tt.args...)
			cmd.Stdout, cmd.Stderr = w, &said
			if err := cmd.Run(); err != nil || said.Len() > 0 {
				t.Errorf("%v: %s", err, &said)
			}
		})
	}
}
