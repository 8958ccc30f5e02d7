package admin

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// startSocket serves on path until the test ends or stop is called, which
// returns what ServeSocket did.
func startSocket(t *testing.T, s *Server, path string) (c *Client, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.ServeSocket(ctx, path) }()
	var result error
	ended := false
	stop = func() error {
		cancel()
		if !ended {
			result, ended = <-done, true
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	c = NewClient(path)
	deadline := time.After(20 * time.Second)
	for {
		_, err := c.Status(t.Context())
		if err == nil {
			return c, stop
		}
		select {
		case result = <-done:
			t.Fatalf("serve: %v", result)
		case <-deadline:
			t.Fatalf("nobody answers: %v", err)
		default:
			runtime.Gosched()
		}
	}
}

func TestControlSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	agent := newFakeAgent()
	s := newTestServer(t, Config{Password: "secret"}, agent, testLog())
	c, stop := startSocket(t, s, path)
	info, err := os.Lstat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("the socket is %v: %v", info.Mode(), err)
	}
	status, err := c.Status(t.Context())
	if err != nil || status.Device != "front-desk" {
		t.Errorf("status: %+v, %v", status, err)
	}
	if err := s.ServeSocket(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another agent answers") {
		t.Errorf("a second agent: %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after the second agent: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestSocketOfADeadAgentIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("a client of the dead one: %v", err)
	}
	startSocket(t, newTestServer(t, Config{}, newFakeAgent(), testLog()), path)
}

func TestFileOfSomebodyElseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newTestServer(t, Config{}, newFakeAgent(), testLog())
	if err := s.ServeSocket(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("serve: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
		t.Errorf("the file holds %q: %v", data, err)
	}
}

func TestSocketThatIsAnothersByNowIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "control.sock")
	s := newTestServer(t, Config{}, newFakeAgent(), testLog())
	_, stop := startSocket(t, s, path)
	if err := os.Rename(path, filepath.Join(dir, "old.sock")); err != nil {
		t.Fatal(err)
	}
	other, _ := startSocket(t, s, path)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := other.Status(t.Context()); err != nil {
		t.Errorf("the other one: %v", err)
	}
}

func TestSocketInAFolderThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "control.sock")
	s := newTestServer(t, Config{}, newFakeAgent(), testLog())
	if err := s.ServeSocket(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("serve: %v", err)
	}
}

func TestPathTooLongForASocketAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a way to such a path")
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30), strings.Repeat("longer", 30))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.sock")
	if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), dir) {
		t.Errorf("before there is an agent: %v", err)
	}
	c, stop := startSocket(t, newTestServer(t, Config{}, newFakeAgent(), testLog()), path)
	if _, err := c.Ack(t.Context()); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("the socket is %v: %v", info, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
