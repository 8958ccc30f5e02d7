package systemd

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstPassed is the number of the first file descriptor that systemd passes.
const firstPassed = 3

// TakeSockets takes over what systemd has kept for this process. It clears $LISTEN_FDS and has no child inherit a socket: one
// that lived on would keep the port. Call it once, before anything is started.
func TakeSockets() *Sockets {
	s := &Sockets{}
	mine := os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid())
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // it can only fail for a name that is none
	}
	if !mine || err != nil {
		return s
	}
	for i := range n {
		syscall.CloseOnExec(firstPassed + i)
		if i < len(names) {
			s.passed = append(s.passed, passed{firstPassed + i, names[i]})
		}
	}
	return s
}

// Listener returns the listener that was kept for a room at this address; nil: there is none. What was kept for the room beside
// it, such as the socket of an address that is not configured any more, is shut down and given up, so that its port is free
// when this returns.
func (s *Sockets) Listener(room, address string) (l net.Listener) {
	want := keptName(room, address)
	for _, p := range s.passed {
		if !strings.HasPrefix(p.name, room+"-") {
			continue
		}
		if l == nil && p.name == want && listens(p.fd) {
			f := os.NewFile(uintptr(p.fd), p.name)
			l, _ = net.FileListener(f) // of its own copy; where that cannot be had it is bound anew
			_ = f.Close()
			if l != nil {
				continue
			}
		} else {
			if listens(p.fd) {
				// systemd has a copy, which would keep the port until systemd has read that it is to go.
				_ = syscall.Shutdown(p.fd, syscall.SHUT_RDWR)
			}
			_ = syscall.Close(p.fd)
		}
		_ = Notify("FDSTOREREMOVE=1\nFDNAME=" + p.name) // one that stays is looked at again by the next process
	}
	return l
}

// listens tells whether fd is a socket that takes connections over IP. (Its protocol may be MPTCP as well as TCP.)
func listens(fd int) bool {
	accepts, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil || accepts == 0 {
		return false
	}
	family, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	return err == nil && (family == syscall.AF_INET || family == syscall.AF_INET6)
}

// keep sends the descriptor of l. WriteMsgUnix of a connection that was dialled refuses that.
func keep(name string, l net.Listener) (kept bool, err error) {
	manager := os.Getenv("NOTIFY_SOCKET")
	if manager == "" {
		return false, nil
	}
	bound, ok := l.(syscall.Conn)
	if !ok {
		return false, errors.New("it is no socket")
	}
	raw, err := bound.SyscallConn()
	if err != nil {
		return false, err
	}
	to, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, os.NewSyscallError("socket", err)
	}
	defer func() { _ = syscall.Close(to) }()
	// Not File of the listener: it would make the socket itself a blocking one.
	failed := raw.Control(func(fd uintptr) {
		for {
			err = syscall.Sendmsg(to, []byte("FDSTORE=1\nFDNAME="+name), syscall.UnixRights(int(fd)),
				&syscall.SockaddrUnix{Name: manager}, syscall.MSG_NOSIGNAL) // "@" at its beginning is known there
			if !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return false, os.NewSyscallError("sendmsg", err)
	}
	return failed == nil, failed
}
