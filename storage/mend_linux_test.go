package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSyncErrorIsMended has the kernel fail one sync of a store in use, that of
// the pages or that of the page which points to them.
func TestSyncErrorIsMended(t *testing.T) {
	if err := exec.Command("strace", "-e", "trace=none", "true").Run(); err != nil {
		t.Skip("no strace: ", err)
	}
	for _, fault := range []string{"EIO:when=11", "EIO:when=12", "ENOSPC:when=11", "ENOSPC:when=12"} {
		t.Run(fault, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			store := child(t.Context(), "mend", dir)
			cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error="+fault, store.Path, dir)
			cmd.Env, cmd.Stderr = store.Env, os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stored, refused, last := make(map[int]bool), 0, ""
			for lines := bufio.NewScanner(out); lines.Scan(); {
				var i int
				if _, err := fmt.Sscanf(lines.Text(), "stored %d", &i); err == nil {
					stored[i] = true
				}
				if strings.HasPrefix(lines.Text(), "refused") {
					refused++
				}
				last = lines.Text()
			}
			if err := cmd.Wait(); err != nil || last != "the same file: false problems []" || refused != 1 || len(stored) != 39 {
				t.Errorf("%v, %d stored, %d refused, %s", err, len(stored), refused, last)
			}
			o := testOptions()
			o.Check = checkInChild
			l := openLog(t, dir, o)
			seen := make(map[string]int)
			for _, seq := range l.sequences() {
				r, err := l.Get(seq)
				if err != nil {
					t.Error(err)
				}
				seen[string(r.Data)]++
			}
			for i := range 40 {
				if n := seen[fmt.Sprint("event ", i)]; n > 1 || stored[i] && n == 0 {
					t.Errorf("event %d is there %d times", i, n)
				}
			}
			if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 || len(l.Problems()) > 0 {
				t.Errorf("%q, %q", files, l.Problems())
			}
			if c := l.cursor("desk"); c.Position() != l.Stats().LastSequence {
				t.Errorf("desk is at %d of %d", c.Position(), l.Stats().LastSequence)
			}
		})
	}
}

// TestMendingIsTriedAgain at once, after 5 s, and every 5 minutes; and what was
// saved meanwhile is not lost.
func TestMendingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		var tries []time.Duration
		began := time.Now()
		var works atomic.Bool
		o.Salvage = func(ctx context.Context, from, to string, limit int64) (Report, error) {
			tries = append(tries, time.Since(began))
			if !works.Load() {
				return Report{}, errors.New("the disk is gone")
			}
			return Salvage(ctx, from, to, limit)
		}
		dir := t.TempDir()
		l := openLog(t, dir, o)
		l.append(events(0, 10)...)
		l.pass(5)
		synctest.Wait()
		began = time.Now()
		if err := l.handle.Load().file.Close(); err != nil { // as if the disk were
			t.Fatal(err)
		}
		if _, err := l.Append(context.Background(), events(10, 1)); !errors.Is(err, ErrBroken) {
			t.Errorf("Append: %v", err)
		}
		synctest.Wait()
		if err := l.cursor("hub").Commit(context.Background(), Update{Position: 7, Put: map[string][]byte{"k": []byte("v")}}); !errors.Is(err, ErrBroken) {
			t.Errorf("Commit: %v", err)
		}
		l.Remember("refused", []byte("body"))
		if got := l.sequences(); len(got) != 10 {
			t.Errorf("reading goes on: %v", got)
		}
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "the disk is gone") || !strings.Contains(p[0], "again at") {
			t.Errorf("problems: %q", p)
		}
		time.Sleep(11 * time.Minute)
		works.Store(true)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		want := []time.Duration{0, mendSoon, mendSoon + mendLater, mendSoon + 2*mendLater, mendSoon + 3*mendLater}
		if fmt.Sprint(tries) != fmt.Sprint(want) {
			t.Errorf("tried after %v, want %v", tries, want)
		}
		if err := l.Ready(); err != nil || len(l.Problems()) > 0 {
			t.Errorf("mended: %v, %q", err, l.Problems())
		}
		if got := l.append(events(10, 2)...); got[1] == 0 || got[1] > 12 {
			t.Errorf("%v", got)
		}
		for range 2 {
			entries, err := l.cursor("hub").Entries()
			if err != nil || string(entries["k"]) != "v" || l.cursor("hub").Position() != 7 {
				t.Errorf("%q, %v, %d", entries, err, l.cursor("hub").Position())
			}
			if list, err := l.Remembered("refused"); err != nil || len(list) != 1 {
				t.Errorf("%q, %v", list, err)
			}
			l.stop()
			l = openLog(t, dir, testOptions())
		}
	})
}
