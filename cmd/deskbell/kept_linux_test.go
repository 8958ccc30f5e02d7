package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// manager is what systemd does for a unit with FileDescriptorStoreMax: it keeps
// the descriptors that it is sent and passes them to the next process.
type manager struct {
	*program
	conn *net.UnixConn

	mu    sync.Mutex
	kept  map[string]*os.File
	said  []string
	ready chan struct{} // of the process that was started last
	late  []*os.File    // what is to be removed, but systemd has not read that yet
}

func newManager(p *program) *manager {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(p.t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	m := &manager{program: p, conn: conn, kept: map[string]*os.File{}}
	done := make(chan struct{})
	go func() { defer close(done); m.listen() }()
	p.t.Cleanup(func() {
		conn.Close()
		<-done
		for _, f := range append(slices.Collect(maps.Values(m.kept)), m.late...) {
			f.Close()
		}
	})
	return m
}

func (m *manager) listen() {
	for b, oob := make([]byte, 4096), make([]byte, 256); ; {
		n, oobn, _, _, err := m.conn.ReadMsgUnix(b, oob)
		if err != nil {
			return
		}
		var fds []int
		if messages, err := syscall.ParseSocketControlMessage(oob[:oobn]); err == nil {
			for _, message := range messages {
				more, _ := syscall.ParseUnixRights(&message)
				fds = append(fds, more...)
			}
		}
		m.told(string(b[:n]), fds)
	}
}

func (m *manager) told(text string, fds []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, text)
	_, name, _ := strings.Cut(text, "FDNAME=")
	switch {
	case text == "READY=1":
		close(m.ready)
	case strings.HasPrefix(text, "FDSTOREREMOVE=1\n"):
		if f := m.kept[name]; f != nil {
			m.late = append(m.late, f)
			delete(m.kept, name)
		}
	case strings.HasPrefix(text, "FDSTORE=1\n") && len(fds) == 1:
		f := os.NewFile(uintptr(fds[0]), name)
		if m.kept[name] != nil {
			f.Close() // it is the same one
			return
		}
		m.kept[name] = f
	}
}

// names are those of what is kept.
func (m *manager) names() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.kept {
		list = append(list, name)
	}
	return list
}

// start starts the program as systemd does, and waits until it is ready.
func (m *manager) start() {
	m.t.Helper()
	path, err := exec.LookPath("deskbell")
	if err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	m.ready = make(chan struct{})
	ready := m.ready
	// The shell knows which process it will be.
	cmd := exec.Command("/bin/sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`, path, "run", "--config", m.config)
	var names []string
	for name, f := range m.kept {
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		names = append(names, name)
	}
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.conn.LocalAddr().String(),
		fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	cmd.Stderr = &m.program.said
	if err := cmd.Start(); err != nil {
		m.mu.Unlock()
		m.t.Fatal(err)
	}
	m.mu.Unlock()
	ended := make(chan struct{})
	m.cmd, m.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // its exit is looked at in ProcessState
		close(ended)
	}()
	select {
	case <-ready:
	case <-ended:
		m.t.Fatalf("it ended: %s", m.program.said.String())
	case <-time.After(time.Minute):
		m.t.Fatalf("not ready within a minute: %s", m.program.said.String())
	}
}

// callers open a connection for each post until ctx ends, n at a time.
type callers struct {
	sync.WaitGroup
	good, bad atomic.Int64
	first     atomic.Value // what went wrong first
}

func call(ctx context.Context, url string, n int) *callers {
	c := &callers{}
	for w := range n {
		c.Go(func() {
			h := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
			for i := 0; ctx.Err() == nil; i++ {
				body := fmt.Appendf(nil, `{"events":[{"event":{"type":"message"},"n":"%d-%d"}]}`, w, i)
				resp, err := h.Post(url, "application/json", bytes.NewReader(body))
				if err != nil {
					c.bad.Add(1)
					c.first.CompareAndSwap(nil, err.Error())
					continue
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					c.bad.Add(1)
					c.first.CompareAndSwap(nil, resp.Status)
					continue
				}
				c.good.Add(1)
			}
		})
	}
	return c
}

// TestARestartRefusesNobody: who opens a connection for each post sees nothing
// of a restart where the service manager keeps the socket; after a kill those
// alone do who were being answered.
func TestARestartRefusesNobody(t *testing.T) {
	const at = 8
	p := newProgram(t, "", "")
	m := newManager(p)
	m.start()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c := call(ctx, p.url(), at)
	more := func() {
		before := c.good.Load()
		p.eventually("posts are answered", func() bool { return c.good.Load() > before+100 || c.bad.Load() > 1000 })
	}
	for range 5 {
		more()
		if code := p.stop(); code != 0 {
			t.Fatalf("it ended with %d", code)
		}
		m.start()
	}
	more()
	if n := c.bad.Load(); n > 0 {
		t.Errorf("%d posts were not answered 200 over five restarts, the first: %v; %d were", n, c.first.Load(), c.good.Load())
	}
	for range 3 {
		before := c.bad.Load()
		p.kill()
		m.start()
		more()
		if n := c.bad.Load() - before; n > at {
			t.Errorf("%d posts were not answered 200 over a kill, %d at a time were under way", n, at)
		}
	}
	stop()
	c.Wait()
	if s := p.status(); uint64(c.good.Load()) > s.Storage.LastSequence {
		t.Errorf("%d posts were answered 200, %d are stored", c.good.Load(), s.Storage.LastSequence)
	}
	if len(m.names()) != 1 {
		t.Errorf("kept are %q", m.names())
	}
}

// TestAnAddressThatIsChangedFreesTheOldOne: the manager has a copy, which would
// keep the port taken.
func TestAnAddressThatIsChangedFreesTheOldOne(t *testing.T) {
	p := newProgram(t, "", "")
	m := newManager(p)
	m.start()
	old := m.names()
	_, port, _ := net.SplitHostPort(p.webhook)
	p.stop()
	doc, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := "localhost:" + port
	if err := os.WriteFile(p.config, bytes.ReplaceAll(doc, []byte(p.webhook), []byte(changed)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	if now := m.names(); len(now) != 1 || len(old) != 1 || now[0] == old[0] {
		t.Errorf("kept was %q, is %q", old, now)
	}
	p.webhook = changed
	if code, _, _ := p.post([]byte(`{"events":[{"n":1}]}`)); code != 200 {
		t.Errorf("answered %d", code)
	}
}

// TestAChildHasNoSocket: one that lived on would keep the port.
func TestAChildHasNoSocket(t *testing.T) {
	p := newProgram(t, "", "")
	m := newManager(p)
	m.start()
	p.stop()
	// What is no listening socket is given up.
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.kept["webhook-00000000"] = null
	m.kept["other"] = socketFile(t, true)
	m.mu.Unlock()
	// The child waits while somebody has the file.
	f, err := os.Open(filepath.Join(p.dir, "deskbell.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	go func() { defer close(started); m.start() }()
	var child int
	p.eventually("the store is looked through", func() bool {
		out, _ := exec.Command("pgrep", "-f", "check-store "+p.dir).Output()
		_, err := fmt.Sscan(string(out), &child)
		return err == nil
	})
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", child))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range open {
		if to, _ := os.Readlink(name); strings.HasPrefix(to, "socket:") {
			t.Errorf("the child has %s: %s", name, to)
		}
	}
	if env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child)); bytes.Contains(env, []byte("LISTEN_FDS")) {
		t.Error("the child believes to be passed sockets")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	<-started
	if n := m.names(); len(n) != 2 {
		t.Errorf("kept are %q", n)
	}
}

// socketFile is a socket of TCP.
func socketFile(t *testing.T, listens bool) *os.File {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil && listens {
		err = syscall.Listen(fd, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "socket")
}

// TestWhatIsNoListenerIsBoundAnew: it would never take a webhook.
func TestWhatIsNoListenerIsBoundAnew(t *testing.T) {
	p := newProgram(t, "", "")
	m := newManager(p)
	m.start()
	p.stop()
	m.mu.Lock()
	for name, f := range m.kept {
		f.Close()
		m.kept[name] = socketFile(t, false)
	}
	m.mu.Unlock()
	m.start()
	if code, _, _ := p.post([]byte(`{"events":[{"n":1}]}`)); code != 200 {
		t.Errorf("answered %d", code)
	}
}
