package storage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// killOptions trim all the time, so that every kind of commit is met.
func killOptions() Options {
	o := testOptions()
	o.Keep = 0
	o.MaxSize = 64 << 20
	return o
}

// TestKill ends a writing process at any moment, again and again. What it said
// is stored must be there, whole; what one Update said must be there in one
// piece.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	said := make(map[uint64]string) // sequence to text
	trimmed := uint64(0)
	for round := range 8 {
		for seq, text := range killedWriter(t, dir, time.Duration(rand.N(400))*time.Millisecond) {
			said[seq] = text
		}
		o := killOptions()
		o.Check = checkInChild
		l := openLog(t, dir, o)
		if p := l.Problems(); len(p) > 0 {
			t.Fatalf("round %d: %q", round, p)
		}
		for _, c := range l.cursors {
			entries, err := c.Entries()
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprint(c.Position()); c.Position() > 0 && string(entries["position"]) != want {
				t.Errorf("round %d: %s is at %s, its entry says %s", round, c.spec.Name, want, entries["position"])
			}
			if c.spec.Name == "hub" {
				trimmed = c.Position()
			}
		}
		lost := 0
		for seq, text := range said {
			r, err := l.Get(seq)
			if err == nil && string(r.Data) == text {
				continue
			}
			if seq > trimmed || err == nil {
				lost++
				t.Errorf("round %d: event %d of %d is lost: %q, %v", round, seq, l.Stats().LastSequence, r.Data, err)
			}
			// Given up, but still known.
			if got := l.append(event(text)); got[0] != 0 {
				t.Errorf("round %d: event %d is not remembered", round, seq)
			}
			delete(said, seq)
		}
		l.stop()
		if lost > 0 {
			return
		}
	}
	if len(said) == 0 && trimmed == 0 {
		t.Error("nothing was ever stored")
	}
}

// killedWriter runs the child and kills it so long after its first word. It
// returns what the child said.
func killedWriter(t *testing.T, dir string, after time.Duration) map[uint64]string {
	t.Helper()
	cmd := child(context.Background(), "write", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(map[uint64]string)
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err == io.EOF { // a line that was cut was not said
			break
		}
		if len(said) == 0 {
			timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		var seq uint64
		var text string
		if _, err := fmt.Sscanf(line, "%d %s\n", &seq, &text); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		said[seq] = text
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer: %v", err)
	}
	return said
}

// writeUntilKilled is the child: eight that append and two that follow.
func writeUntilKilled(dir string) {
	o := killOptions()
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	l, err := Open(context.Background(), dir, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex // lines are said one by one
	for caller := range 8 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Sprint(os.Getpid(), "-", caller, "-", i, "-", strings.Repeat("x", rand.N(1500)))
				text = strings.ReplaceAll(text, " ", "")
				seqs, err := l.Append(context.Background(), []Entry{event(text)})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(seqs[0], text)
				mu.Unlock()
			}
		}()
	}
	for _, c := range l.cursors {
		go func() {
			for after := c.Position(); ; {
				rs, err := l.Next(context.Background(), after, 10)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				after = rs[len(rs)-1].Sequence
				c.Save(Update{Position: after, Put: map[string][]byte{"position": fmt.Append(nil, after), fmt.Sprint(after): nil}})
			}
		}()
	}
	fmt.Fprintln(os.Stderr, l.Run(context.Background()))
}
