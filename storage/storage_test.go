package storage

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The test binary runs itself as the child that checks a file, and as the
// writer that is killed.
const childVariable = "STORAGE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "check":
		if err := Check(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "salvage":
		limit, _ := strconv.ParseInt(os.Args[3], 10, 64)
		report, err := Salvage(context.Background(), os.Args[1], os.Args[2], limit)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = json.NewEncoder(os.Stdout).Encode(report)
	case "start":
		if err := startStore(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "build":
		if err := buildStore(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "mend":
		mendStore(os.Args[1])
	case "step":
		storeInSteps(os.Args[1])
	case "write":
		writeUntilKilled(os.Args[1])
	case "use":
		useStore(os.Args[1])
	case "hold":
		holdStore(os.Args[1])
	}
}

// child is the command of this test binary in the role of a child.
func child(ctx context.Context, role string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// checkInChild is an Options.Check.
func checkInChild(ctx context.Context, path string) error {
	return child(ctx, "check", path).Run()
}

// salvageInChild is an Options.Salvage.
func salvageInChild(ctx context.Context, from, to string, limit int64) (r Report, err error) {
	out, err := child(ctx, "salvage", from, to, fmt.Sprint(limit)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return Report{}, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	return r, err
}

// testOptions are those of most tests: a small store that keeps things.
func testOptions() Options {
	return Options{
		MaxSize: 8 << 20,
		Keep:    time.Hour,
		Cursors: []CursorSpec{{"hub", true}, {"desk", false}},
		Log:     slog.New(slog.DiscardHandler),
	}
}

// A testLog is a Log that runs, until stop or the end of the test.
type testLog struct {
	*Log
	t      testing.TB
	cancel context.CancelFunc
	ended  chan error
}

func openLog(t testing.TB, dir string, o Options) *testLog {
	t.Helper()
	l, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return runLog(t, l)
}

func runLog(t testing.TB, l *Log) *testLog {
	ctx, cancel := context.WithCancel(context.Background())
	tl := &testLog{Log: l, t: t, cancel: cancel, ended: make(chan error, 1)}
	go func() { tl.ended <- l.Run(ctx) }()
	t.Cleanup(tl.stop)
	return tl
}

// stop ends the log as an agent does, and checks the file.
func (l *testLog) stop() {
	if l.cancel == nil {
		return
	}
	l.t.Helper()
	l.cancel()
	l.cancel = nil
	if err := <-l.ended; err != nil && !errors.Is(err, ErrBroken) {
		l.t.Errorf("Run: %v", err)
	}
	if err := l.Close(); err != nil {
		l.t.Errorf("Close: %v", err)
	}
	if err := Check(l.path); err != nil {
		l.t.Errorf("after the test: %v", err)
	}
}

// event makes the entry of a text.
func event(text string) Entry {
	sum := sha256.Sum256([]byte(text))
	return Entry{ID: ID(sum[:]), Data: []byte(text)}
}

// events makes entries that differ.
func events(from, n int) []Entry {
	es := make([]Entry, n)
	for i := range es {
		es[i] = event(fmt.Sprintf("event %d", from+i))
	}
	return es
}

func (l *testLog) append(es ...Entry) []uint64 {
	l.t.Helper()
	seqs, err := l.Append(context.Background(), es)
	if err != nil {
		l.t.Fatal(err)
	}
	return seqs
}

func (l *testLog) commit(name string, u Update) {
	l.t.Helper()
	if err := l.cursor(name).Commit(context.Background(), u); err != nil {
		l.t.Fatal(err)
	}
}

func (l *testLog) cursor(name string) *Cursor {
	l.t.Helper()
	c, err := l.Cursor(name)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// pass moves all cursors.
func (l *testLog) pass(seq uint64) {
	l.t.Helper()
	for _, c := range l.cursors {
		c.Save(Update{Position: seq})
	}
	l.commit(l.cursors[0].spec.Name, Update{})
}

// sequences are those of all records.
func (l *testLog) sequences() (seqs []uint64) {
	l.t.Helper()
	for after := uint64(0); ; {
		rs, err := l.Read(after, 1000)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(rs) == 0 {
			return seqs
		}
		for _, r := range rs {
			seqs = append(seqs, r.Sequence)
		}
		after = seqs[len(seqs)-1]
	}
}

// memory is a folder on a disk that needs no time, where there is one.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "deskbell-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func storePath(dir string) string { return filepath.Join(dir, fileName) }

// stopRun ends Run, but leaves the file open.
func (l *testLog) stopRun() {
	l.t.Helper()
	l.cancel()
	l.cancel = nil
	if err := <-l.ended; err != nil {
		l.t.Errorf("Run: %v", err)
	}
	l.t.Cleanup(func() { _ = l.Close() })
}
