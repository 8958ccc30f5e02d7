package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"deskbell/agent"
	"deskbell/agent/admin"
)

// stage is where a demo is seen: its lines, its outputs and its keys.
type stage struct {
	out     io.Writer
	quiet   bool // tell no changes of the outputs
	keys    chan byte
	restore func() // gives the terminal back

	mu    sync.Mutex
	shown map[string]string // what was last said of each output
	drove map[string]bool   // the outputs that were on
}

// newStage takes the terminal over, where there is one, so that a key works
// without Enter.
func newStage(out io.Writer, in io.Reader, quiet bool) *stage {
	s := &stage{out: out, quiet: quiet, keys: make(chan byte), restore: func() {}, shown: map[string]string{}, drove: map[string]bool{}}
	if quiet {
		return s
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if old, err := term.MakeRaw(int(f.Fd())); err == nil {
			s.restore = func() { _ = term.Restore(int(f.Fd()), old) }
			s.out = rawWriter{out}
		}
	}
	go s.read(in)
	return s
}

// read passes the keys on until the input ends. A read of a terminal cannot be
// stopped: it ends with the process.
func (s *stage) read(in io.Reader) {
	var b [1]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			close(s.keys)
			return
		}
		s.keys <- b[0]
	}
}

// key waits for the next key.
func (s *stage) key(ctx context.Context) (byte, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case k, ok := <-s.keys:
		if !ok {
			return 0, io.EOF
		}
		return k, nil
	}
}

// say prints a line.
func (s *stage) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// level books that an output's pin was set.
func (s *stage) level(output string, on bool, _ time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.drove[output] = true
	}
}

// driven lists the outputs that were on.
func (s *stage) driven() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.drove))
}

// watch tells what the outputs show, each time that it changes, until ctx ends.
func (s *stage) watch(ctx context.Context, a *agent.Agent) error {
	for {
		changed := a.Changed()
		for _, o := range a.Status().Outputs {
			s.tell(o)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (s *stage) tell(o admin.OutputStatus) {
	text := "is off"
	if o.Pattern != "" && o.Pattern != "off" {
		text = verb(o.Kind, o.Pattern) + ": " + o.Reason
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.shown[o.Name]
	if before == text || s.quiet {
		return
	}
	s.shown[o.Name] = text
	if known || text != "is off" {
		fmt.Fprintf(s.out, "      %s %s %s\n", map[string]string{"light": "☼", "buzzer": "♪"}[o.Kind], o.Name, text)
	}
}

// verb is what an output does, for people.
func verb(kind, pattern string) string {
	words := map[string]string{"on": "is on", "blink": "blinks", "fast": "blinks fast", "pulse": "pulses", "double": "flashes twice", "triple": "flashes three times"}
	if kind == "buzzer" {
		words = map[string]string{"on": "sounds", "chirp": "chirps", "double": "beeps twice", "alarm": "sounds the alarm"}
	}
	if w := words[pattern]; w != "" {
		return w
	}
	return "shows " + pattern
}

// rawWriter writes to a terminal in raw mode, which wants \r\n.
type rawWriter struct{ w io.Writer }

func (r rawWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(r.w, strings.ReplaceAll(string(p), "\n", "\r\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}
