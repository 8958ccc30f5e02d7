package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestSecondAgent(t *testing.T) {
	dir := t.TempDir()
	cmd := child(context.Background(), "hold", dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, err = Open(context.Background(), dir, testOptions())
	if !errors.Is(err, ErrLocked) || runtime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("process %d)", cmd.Process.Pid)) {
		t.Errorf("beside process %d: %v", cmd.Process.Pid, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	_ = cmd.Wait()
	openLog(t, dir, testOptions())
}

// TestOpenGivesUpWaiting for a reader when the agent is stopped.
func TestOpenGivesUpWaiting(t *testing.T) {
	dir := t.TempDir()
	openLog(t, dir, testOptions()).stop()
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, dir, testOptions()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// holdStore is the child: it has the store open until its input ends.
func holdStore(dir string) {
	l, err := Open(context.Background(), dir, testOptions())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("open")
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = l.Close()
}

// TestFileIsInUse by another process than an agent: whoever waits names it, and
// gives up when it is stopped.
func TestFileIsInUse(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 3)
	db, err := bolt.Open(storePath(dir), 0, nil) // each opening has a lock of its own
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	o := testOptions()
	o.Check = func(context.Context, string) error { // then it is opened
		cancel()
		return nil
	}
	if _, err := Open(ctx, dir, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	_, err = openBolt(context.Background(), storePath(dir), &bolt.Options{ReadOnly: true})
	if !errors.Is(err, ErrLocked) || runtime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("process %d has", os.Getpid())) {
		t.Errorf("openBolt: %v", err)
	}
}
