package storage

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

var stride = flag.Int("stride", 7, "of the calls to the system at which the writer is killed")

// changing are the calls to the system that change files.
var changing = []string{"openat", "mkdirat", "write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "renameat", "linkat", "unlinkat"}

// TestKilledAtACall ends a process just before it calls the system, for each
// call in its turn that changes files: when a store is made, and when one is
// opened again, written, given other cursors, and closed.
func TestKilledAtACall(t *testing.T) {
	if err := exec.Command("strace", "-e", "trace=none", "true").Run(); err != nil {
		t.Skip("no strace: ", err)
	}
	for _, test := range []struct {
		name    string
		prepare func(dir string)
	}{
		{"making a store", func(string) {}},
		{"opening one", func(dir string) {
			l := openLog(t, dir, testOptions()) // with a cursor that is dropped then
			l.append(events(1000, 300)...)
			l.pass(300)
			l.Remember("refused", []byte("x"))
			l.stop()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, call := range changing {
				kills := 0
				for n := 1 + rand.N(*stride); ; n += *stride {
					dir := filepath.Join(memory(t), "store")
					test.prepare(dir)
					ended := killedAt(t, dir, call, n)
					if t.Failed() {
						t.Fatalf("killed at %s %d", call, n)
					}
					if ended {
						break
					}
					kills++
				}
				t.Logf("%s: %d kills", call, kills)
			}
		})
	}
}

// killedAt runs the writer, kills it at the n-th such call of one of its
// threads, and looks at what it leaves. It reports whether there were fewer.
func killedAt(t *testing.T, dir, call string, n int) (ended bool) {
	t.Helper()
	writer := child(context.Background(), "step", dir)
	cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), writer.Path, dir)
	cmd.Env, cmd.Stderr = writer.Env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stored, updates := 0, 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "stored %d", &stored)
		_, _ = fmt.Sscanf(lines.Text(), "updates %d", &updates)
	}
	err = cmd.Wait()
	o := stepOptions()
	o.Check = checkInChild
	l := openLog(t, dir, o)
	defer l.stop()
	if p := l.Problems(); len(p) > 0 {
		t.Errorf("%q", p)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Errorf("there are %q", files)
	}
	for i, seq := range l.append(events(0, stored)...) {
		if seq != 0 {
			t.Errorf("event %d of %d is lost", i, stored)
		}
	}
	for _, c := range l.cursors {
		if done := whole(t, c); done < updates {
			t.Errorf("%s is at its Update %d, and %d was durable", c.spec.Name, done, updates)
		}
	}
	return err == nil
}

func stepOptions() Options {
	o := testOptions()
	o.MaxSize, o.Keep = minSize, 0
	o.Cursors = []CursorSpec{{"hub", true}, {"second", true}}
	return o
}

// storeInSteps is the child. Whatever calls the system stays on its thread, so
// that the calls can be counted.
func storeInSteps(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	runtime.LockOSThread()
	o := stepOptions()
	o.Log = slog.New(slog.DiscardHandler)
	l, err := Open(context.Background(), dir, o)
	fail(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()
		ended <- l.Run(ctx)
	}()
	for n := 1; n <= 12; n++ {
		_, err := l.Append(ctx, events(50*(n-1), 50))
		fail(err)
		fmt.Println("stored", 50*n)
		for _, c := range l.cursors {
			fail(c.Commit(ctx, update(c, n, l.Stats().LastSequence)))
		}
		fmt.Println("updates", n)
	}
	stop()
	fail(errors.Join(<-ended, l.Close()))
}
