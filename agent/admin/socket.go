package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// socketMode lets the group of the agent's user steer it, and nobody else.
const socketMode fs.FileMode = 0o660

// maxSocketPath is what fits into sockaddr_un of Linux with its closing zero
// (unix(7): sun_path has 108 bytes).
const maxSocketPath = 107

// ServeSocket is Run on the unix socket path (mode 0660), without password and
// host names. A socket left behind by a dead agent is replaced; one that is
// answered is an error. It removes its socket before it returns.
func (s *Server) ServeSocket(ctx context.Context, path string) error {
	l, err := listenSocket(ctx, path)
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	defer l.remove()
	return s.serve(ctx, l, func(l net.Listener) net.Listener { return l }, s.Handler(false))
}

// socket is a listener that knows where its file is.
type socket struct {
	net.Listener
	path string
	file fs.FileInfo
}

func listenSocket(ctx context.Context, path string) (*socket, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := new(net.ListenConfig).Listen(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	// The short path may be gone by then; remove does it by the true one.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	s := &socket{Listener: l, path: path}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		os.Remove(path)
		return nil, err
	}
	if s.file, err = os.Lstat(path); err != nil {
		l.Close()
		return nil, err
	}
	return s, nil
}

// remove takes the file away, unless it is another agent's by now.
func (s *socket) remove() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		os.Remove(s.path)
	}
}

// removeStale removes a socket on which nobody answers.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is not a socket; move it away", path)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dialSocket(ctx, path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("another agent answers on %s", path)
	case errors.Is(err, fs.ErrPermission), ctx.Err() != nil:
		return err
	}
	return os.Remove(path)
}

// dialSocket connects to the unix socket path, however long that is.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	return new(net.Dialer).DialContext(ctx, "unix", short)
}
