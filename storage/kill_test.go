package storage

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 10, "of the kill test")

// killOptions trim all the time, so that every kind of commit is met.
func killOptions() Options {
	o := testOptions()
	o.Keep = 0
	o.MaxSize = 64 << 20
	o.Cursors = append(o.Cursors, CursorSpec{"second", true})
	return o
}

// saying is what processes said that were killed since.
type saying struct {
	stored    map[uint64]string // sequence to text
	committed map[string]int    // cursor to the number of its last Update that is durable
	last      uint64            // the greatest sequence
}

// TestKill ends a writing process at any moment, again and again: while it
// opens the store, too. What it said is stored must be there, whole; what one
// Update said must be there in one piece, and all that was said to be durable.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	said := &saying{stored: make(map[uint64]string), committed: make(map[string]int)}
	opened := 0
	for round := range *rounds {
		if round%4 == 0 { // before it says anything
			killedWriter(t, dir, said, time.Duration(rand.N(30))*time.Millisecond, 0)
		} else {
			killedWriter(t, dir, said, time.Minute, time.Duration(1+rand.N(400))*time.Millisecond)
		}
		o := killOptions()
		o.Check = checkInChild
		l := openLog(t, dir, o)
		if p := l.Problems(); len(p) > 0 {
			t.Fatalf("round %d: %q", round, p)
		}
		trimmed := l.Stats().LastSequence
		for _, c := range l.cursors {
			if n := whole(t, c); n < said.committed[c.spec.Name] {
				t.Errorf("round %d: %s is at its Update %d, and %d was durable", round, c.spec.Name, n, said.committed[c.spec.Name])
			}
			trimmed = min(trimmed, c.Position())
		}
		remembered, err := l.Remembered("refused")
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(remembered); i++ {
			if number(t, remembered[i]) != number(t, remembered[i-1])+1 {
				t.Errorf("round %d: remembered are %q", round, remembered)
				break
			}
		}
		for seq, text := range said.stored {
			r, err := l.Get(seq)
			if err == nil && string(r.Data) == text {
				continue
			}
			if seq > trimmed || err == nil {
				t.Fatalf("round %d: event %d of %d is lost: %q, %v", round, seq, l.Stats().LastSequence, r.Data, err)
			}
			// Given up, but still known.
			if got := l.append(event(text)); got[0] != 0 {
				t.Errorf("round %d: event %d is not remembered", round, seq)
			}
			delete(said.stored, seq)
		}
		if got := l.append(event(fmt.Sprint("round ", round))); got[0] <= said.last {
			t.Fatalf("round %d: sequence %d is given again", round, got[0])
		}
		if said.last > 0 {
			opened++
		}
		l.stop()
	}
	if opened == 0 {
		t.Error("nothing was ever stored")
	}
	t.Logf("%d events said, %v Updates", said.last, said.committed)
}

// whole holds all that a cursor has against the number of its last Update,
// which it returns; see update.
func whole(t *testing.T, c *Cursor) (n int) {
	t.Helper()
	entries, err := c.Entries()
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		if len(c.Held()) > 0 {
			t.Errorf("%s: %v are held by no Update", c.spec.Name, c.Held())
		}
		return 0
	}
	n = number(t, entries["number"])
	want := map[string]string{"number": fmt.Sprint(n), "again": fmt.Sprint(n), "position": fmt.Sprint(c.Position()), "held": fmt.Sprint(c.Held())}
	for key := range keysOfUpdates {
		put, deleted := n-(n-key+keysOfUpdates)%keysOfUpdates, n-(n+3-key+keysOfUpdates)%keysOfUpdates
		if put > 0 && put > deleted {
			want[fmt.Sprint("key ", key)] = fmt.Sprint(put)
		}
	}
	if fmt.Sprint(len(entries)) != fmt.Sprint(len(want)) {
		t.Errorf("%s: after Update %d it has %d entries, want %d", c.spec.Name, n, len(entries), len(want))
	}
	for name, value := range want {
		if string(entries[name]) != value {
			t.Errorf("%s: after Update %d %s is %q, want %q", c.spec.Name, n, name, entries[name], value)
		}
	}
	for _, seq := range c.Held() {
		if _, err := c.log.Get(seq); err != nil {
			t.Errorf("%s: held, but: %v", c.spec.Name, err)
		}
	}
	return n
}

// keysOfUpdates is how many entries come and go: Update n puts the one of n and
// deletes the one of n+3.
const keysOfUpdates = 7

// update is the n-th of a cursor. It holds what it passes, and releases what
// the third before it held.
func update(c *Cursor, n int, position uint64) Update {
	held := append(c.Held(), position)
	u := Update{Position: position, Hold: []uint64{position}}
	if len(held) > 3 {
		u.Release, held = held[:len(held)-3], held[len(held)-3:]
	}
	u.Put = map[string][]byte{
		"number": fmt.Append(nil, n), "again": fmt.Append(nil, n), "position": fmt.Append(nil, position), "held": fmt.Append(nil, held),
		fmt.Sprint("key ", n%keysOfUpdates): fmt.Append(nil, n), fmt.Sprint("key ", (n+3)%keysOfUpdates): nil,
	}
	return u
}

func number(t testing.TB, text []byte) int {
	t.Helper()
	n, err := strconv.Atoi(string(text))
	if err != nil {
		t.Errorf("%q is no number", text)
	}
	return n
}

// killedWriter runs the child and kills it so long after its start, or so long
// after its first word. It notes what the child said.
func killedWriter(t *testing.T, dir string, said *saying, started, spoke time.Duration) {
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
	kill := time.AfterFunc(started, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	first := true
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err == io.EOF { // a line that was cut was not said
			break
		}
		if first && spoke > 0 {
			kill.Reset(spoke)
		}
		first = false
		var what, text string
		var seq uint64
		if _, err := fmt.Sscanf(line, "%s %d %s\n", &what, &seq, &text); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if what != "event" {
			said.committed[what] = max(said.committed[what], int(seq))
			continue
		}
		if other, twice := said.stored[seq]; twice {
			t.Errorf("event %d is %q and %q", seq, other, text)
		}
		said.stored[seq] = text
		said.last = max(said.last, seq)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer: %v", err)
	}
}

// writeUntilKilled is the child: eight that append, three that follow, and one
// that remembers.
func writeUntilKilled(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	o := killOptions()
	o.Log = slog.New(slog.DiscardHandler)
	l, err := Open(context.Background(), dir, o)
	fail(err)
	var mu sync.Mutex // lines are said one by one
	say := func(what string, n uint64, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, n, text)
	}
	remembered, err := l.Remembered("refused")
	fail(err)
	next := 1
	if len(remembered) > 0 {
		next, err = strconv.Atoi(string(remembered[len(remembered)-1]))
		fail(err)
		next++
	}
	for caller := range 8 {
		go func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("%d-%d-%d-%s", os.Getpid(), caller, i, strings.Repeat("x", rand.N(1500)))
				seqs, err := l.Append(context.Background(), []Entry{event(text)})
				fail(err)
				say("event", seqs[0], text)
				if caller == 0 {
					l.Remember("refused", fmt.Append(nil, next+i))
				}
			}
		}()
	}
	for i, c := range l.cursors {
		go func() {
			entries, err := c.Entries()
			fail(err)
			n, _ := strconv.Atoi(string(entries["number"]))
			for after := c.Position(); ; {
				rs, err := l.Next(context.Background(), after, 10)
				fail(err)
				after = rs[len(rs)-1].Sequence
				n++
				if u := update(c, n, after); n%(10*(i+1)) > 0 {
					c.Save(u)
				} else {
					fail(c.Commit(context.Background(), u))
					say(c.spec.Name, uint64(n), "durable")
				}
			}
		}()
	}
	fail(l.Run(context.Background()))
}
