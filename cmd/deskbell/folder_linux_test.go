package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const nobody = 65534

// A site is a data folder, within one of its own, and the program beside it:
// all of it for everybody to reach.
type site struct {
	t                     *testing.T
	above, data, deskbell string
	config                string
}

func newSite(t *testing.T) *site {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("other users and read-only disks need root")
	}
	above := t.TempDir()
	s := &site{t: t, above: above, data: filepath.Join(above, "data"), deskbell: filepath.Join(above, "deskbell"), config: filepath.Join(above, "deskbell.toml")}
	must(t, os.Chmod(filepath.Dir(above), 0o755), os.Chmod(above, 0o777))
	self, err := exec.LookPath("deskbell")
	must(t, err)
	must(t, os.Link(self, s.deskbell), os.Chmod(s.deskbell, 0o755))
	must(t, os.WriteFile(s.config, fmt.Appendf(nil, "data_dir = %q\nwebhook.listen = %q\nbroker.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\n", s.data, freeAddress(t)), 0o644))
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// command is a deskbell command of a user.
func (s *site) command(ctx context.Context, uid int, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.deskbell, append(args, "--config", s.config)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	return cmd
}

// ends runs a command that must end by itself, and returns its exit status and
// what it said.
func (s *site) ends(uid int, args ...string) (code int, said string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, uid, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		s.t.Fatalf("%q does not end; it said\n%s", args, &out)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// start runs the agent of a user until it is ready, and returns its process and
// how to end it.
func (s *site) start(uid int) (pid int, stop func()) {
	s.t.Helper()
	cmd := s.command(context.Background(), uid, "run")
	var said lockedBuffer
	cmd.Stderr = &said
	must(s.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	s.t.Cleanup(stop)
	deadline := time.After(time.Minute)
	for !strings.Contains(said.String(), "msg=ready") {
		select {
		case <-ended:
			s.t.Fatalf("the agent ended:\n%s", said.String())
		case <-deadline:
			s.t.Fatalf("the agent is not ready; it said\n%s", said.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return cmd.Process.Pid, stop
}

// fill leaves a store of two events, of a user.
func (s *site) fill(uid int) {
	s.t.Helper()
	must(s.t, os.Mkdir(s.data, 0o750), os.Chown(s.data, uid, uid))
	_, stop := s.start(uid)
	if code, said := s.ends(uid, "send", "message_text"); code != 0 {
		s.t.Fatalf("send: %s", said)
	}
	stop()
}

// lies says what lies in the data folder: names, owners, modes, times, bytes.
func (s *site) lies() string {
	s.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&all, "%s %v %d:%d", path, info.Mode(), st.Uid, st.Gid)
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, " %v %x", info.ModTime().UnixNano(), sha256.Sum256(data))
		}
		all.WriteByte('\n')
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return all.String()
}

// TestAFolderThatMayNotBeUsed is told, with the path and what to do, each time
// that a service manager starts the agent again; and nothing in it is changed.
func TestAFolderThatMayNotBeUsed(t *testing.T) {
	for _, test := range []struct {
		name    string
		uid     int
		prepare func(s *site)
		path    string // in the error, below the folder above
		hint    string
	}{
		{"a folder of another owner", nobody, func(s *site) { s.fill(0) }, "data", "chown"},
		{"a file of another owner", nobody, func(s *site) {
			s.fill(nobody)
			must(s.t, os.Chown(filepath.Join(s.data, "deskbell.db"), 0, 0))
		}, "data/deskbell.db", "chown"},
		{"a file that may only be read", nobody, func(s *site) {
			s.fill(nobody)
			must(s.t, os.Chown(filepath.Join(s.data, "deskbell.db"), 0, 0), os.Chmod(filepath.Join(s.data, "deskbell.db"), 0o644))
		}, "data/deskbell.db", "chown"},
		{"a damaged file that may only be read", nobody, func(s *site) {
			s.fill(nobody)
			db := filepath.Join(s.data, "deskbell.db")
			f, err := os.OpenFile(db, os.O_RDWR, 0)
			must(s.t, err)
			_, err = f.WriteAt(make([]byte, 8<<10), 0) // both of its heads
			must(s.t, err, f.Close(), os.Chown(db, 0, 0), os.Chmod(db, 0o644))
		}, "data/deskbell.db", "chown"},
		{"a folder that may only be read", nobody, func(s *site) {
			s.fill(nobody)
			must(s.t, os.Chmod(s.data, 0o555))
		}, "data", "chown"},
		{"a folder that cannot be made", nobody, func(s *site) { must(s.t, os.Chmod(s.above, 0o755)) }, "data", "mkdir"},
		{"a read-only disk with a store", 0, func(s *site) {
			mountDisk(s)
			s.fillMounted()
			remount(s)
		}, "data", "read-only"},
		{"a read-only disk without one", 0, func(s *site) { mountDisk(s); remount(s) }, "data", "read-only"},
		{"a read-only disk with the store of another user, for whom it is the same", nobody, func(s *site) {
			mountDisk(s)
			must(s.t, os.Chown(s.data, nobody, nobody))
			remount(s)
		}, "data", "read-only"},
		{"a file in place of the folder", 0, func(s *site) { must(s.t, os.WriteFile(s.data, []byte("precious"), 0o600)) }, "data", "data_dir"},
		{"a file in place of the folder above", 0, func(s *site) {
			must(s.t, os.WriteFile(filepath.Join(s.above, "file"), nil, 0o600))
			must(s.t, os.Symlink(filepath.Join(s.above, "file", "data"), s.data))
		}, "data", "data_dir"},
		{"a folder in place of the file", 0, func(s *site) {
			must(s.t, os.MkdirAll(filepath.Join(s.data, "deskbell.db", "precious"), 0o750))
		}, "data/deskbell.db", "data_dir"},
		{"a pipe in place of the file", 0, func(s *site) {
			must(s.t, os.Mkdir(s.data, 0o750), syscall.Mkfifo(filepath.Join(s.data, "deskbell.db"), 0o600))
		}, "data/deskbell.db", "data_dir"},
		{"a folder in place of a file that is made anew", 0, func(s *site) {
			s.fill(0)
			must(s.t, os.MkdirAll(filepath.Join(s.data, "deskbell.db.new", "precious"), 0o750))
		}, "data/deskbell.db.new", "data_dir"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			test.prepare(s)
			before := s.lies()
			for range 2 {
				code, said := s.ends(test.uid, "run")
				path := filepath.Join(s.above, test.path)
				_, report, _ := strings.Cut(said, "deskbell: error: ")
				failure, hint, _ := strings.Cut(report, "deskbell: hint: ")
				if code != 1 || !strings.Contains(failure, path) || !strings.Contains(hint, test.hint) || !strings.Contains(hint, s.above) {
					t.Errorf("exit status %d: %s", code, said)
				}
			}
			if after := s.lies(); after != before {
				t.Errorf("the folder was\n%sand is\n%s", before, after)
			}
		})
	}
}

// mountDisk puts a small disk at the data folder.
func mountDisk(s *site) {
	s.t.Helper()
	must(s.t, os.Mkdir(s.data, 0o750), syscall.Mount("tmpfs", s.data, "tmpfs", 0, "size=8m,mode=0750"))
	s.t.Cleanup(func() { must(s.t, syscall.Unmount(s.data, syscall.MNT_DETACH)) })
}

// remount makes it read-only.
func remount(s *site) {
	s.t.Helper()
	must(s.t, syscall.Mount("", s.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
}

func (s *site) fillMounted() {
	_, stop := s.start(0)
	stop()
}

func TestASecondAgentNamesTheFirst(t *testing.T) {
	s := newSite(t)
	must(t, os.Mkdir(s.data, 0o750), os.Chown(s.data, nobody, nobody))
	pid, stop := s.start(nobody)
	for _, uid := range []int{nobody, 0} {
		code, said := s.ends(uid, "run")
		if code != 1 || !strings.Contains(said, fmt.Sprintf("(process %d)", pid)) || !strings.Contains(said, s.data) || !strings.Contains(said, "deskbell: hint: ") {
			t.Errorf("user %d: exit status %d: %s", uid, code, said)
		}
	}
	if code, said := s.ends(nobody, "send", "message_text"); code != 0 {
		t.Errorf("the first does not go on: %s", said)
	}
	// Somebody else is told what to do, also about what only reads.
	for _, args := range [][]string{{"status"}, {"events", "list"}, {"mute"}} {
		if code, said := s.ends(1234, args...); code != 1 || !strings.Contains(said, s.data) || !strings.Contains(said, "deskbell: hint: ") {
			t.Errorf("%q of another user: exit status %d: %s", args, code, said)
		}
	}
	stop()
	for _, args := range [][]string{{"status"}, {"events", "list"}} {
		if code, said := s.ends(1234, args...); code != 1 || !strings.Contains(said, s.data) || !strings.Contains(said, "deskbell: hint: ") {
			t.Errorf("%q of another user, with no agent: exit status %d: %s", args, code, said)
		}
	}
	if code, said := s.ends(nobody, "events", "list"); code != 0 || strings.Count(said, "\n") != 1 {
		t.Errorf("list: exit status %d: %s", code, said)
	}
}
